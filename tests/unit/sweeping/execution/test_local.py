"""Trials in processes of their own, without a sweep around them."""

import json
import os
import subprocess
import sys

TRIAL = """
def train(directory, tell):
    tell({"kind": "started", "step": 0})
    return 3
"""

DRIVER = """
import json, sys, tempfile
from pathlib import Path
from tunesmith.sweeping.execution.executors.local import Local
from tunesmith.sweeping.search.trials import Job

Local.PRELOAD = ()
executor = Local(1, "trial_of_mine:train")
Path("trial").mkdir()
executor.start(Job(7), Path("trial"))
heard = []
ended = executor.wait(lambda job, message: heard.append(message["kind"]), timeout=60)
print(json.dumps([[(found.job.number, found.code) for found in ended], heard, tempfile.gettempdir()]))
"""


def test_trials_start_where_the_temporary_folder_s_path_is_too_long_for_a_socket(tmp_path):
    (tmp_path / "trial_of_mine.py").write_text(TRIAL)
    temporary = tmp_path / ("t" * 100)
    temporary.mkdir()
    place = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    line = [sys.executable, "-c", DRIVER]
    done = subprocess.run(line, cwd=tmp_path, env=place, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    ended, heard, folder = json.loads(done.stdout)
    assert (ended, heard) == ([[7, 3]], ["started"])
    assert folder == str(temporary), "what else is temporary stays where the user wants it"
    assert list(temporary.iterdir()) == []
