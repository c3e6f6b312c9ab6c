"""What the W&B client wrote to disk, read back with its own reader."""

import json
import subprocess
import sys


def inspect(directory, *flags):
    (path,) = directory.glob("wandb/*run-*/run-*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", *flags, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def summary_of(directory):
    return json.loads(inspect(directory, "--summary"))


def records_of(directory, kind):
    records = [json.loads(line) for line in inspect(directory).splitlines()]
    return [record[kind] for record in records if record["type"] == kind]
