"""Every command of docs/data.md is run, on small files with the names and columns that it has, for one step."""

import csv
import json
import os
import random
import re
import shlex
from pathlib import Path

import pytest
from warm import run_warm

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
TINY = {"t5_small": "tiny_seq2seq", "smollm2_135m": "tiny_causal"}
SHORT = [
    "logger=none",
    "trainer=cpu",
    "trainer.threads=1",
    "trainer.max_steps=1",
    "data.max_length=96",
    "evaluation.baselines=false",
]
HUB = "data.path=ORG/NAME"
"""These need the Hub: tests/e2e/test_hub_download.py and test_hub_runs.py run them against one that they serve."""
MAY_FIND = ("--fail-on", "data.on_leak=error")
WORDS = (
    "the",
    "film",
    "ticket",
    "order",
    "was",
    "late",
    "and",
    "then",
    "it",
    "broke",
    "again",
    "today",
    "so",
    "please",
    "help",
    "me",
    "with",
    "this",
    "soon",
    "thanks",
)


def commands():
    lines = re.findall(r"^ {4}(tunesmith .*)$", PAGE.read_text(encoding="utf-8"), re.M)
    return [re.split(r"\s{2,}#", line)[0] for line in lines]


def texts(number, seed):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(4, 20))) for _ in range(number)]


def write_csv(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def tickets(seed):
    for number, text in enumerate(texts(120, seed)):
        kind = ("billing", "delivery")[number % 2]
        words = {"text": f"{text} {kind}", "subject": kind, "body": text, "review": text}
        day = {"day": f"2026-{1 + number // 28:02}-{1 + number % 28:02}", "customer": f"c{number % 20}"}
        yield words | {"category": kind, "label": kind} | day


def write_files(folder):
    for seed, name in enumerate(("tickets", "new", "shop", "mail")):
        write_csv(folder / f"{name}.csv", list(tickets(seed)))
    write_csv(folder / "tickets_of_april.csv", list(tickets(0))[:100])
    write_csv(folder / "tickets_of_may.csv", [*tickets(0), *tickets(5)])
    spellings = {"billing": "5", "delivery": "1"}
    write_jsonl(folder / "mail.jsonl", [row | {"label": spellings[row["label"]]} for row in tickets(9)])
    write_jsonl(folder / "alpaca.jsonl", [{"instruction": a, "input": b, "output": b} for a, b in pairs()])
    write_jsonl(folder / "pairs.jsonl", [{"prompt": a, "completion": b} for a, b in pairs()])
    turns = [
        {
            "messages": [{"role": "user", "content": a}, {"role": "assistant", "content": b}],
            "chat": [{"from": "human", "value": a}, {"from": "bing", "value": b}],
        }
        for a, b in pairs()
    ]
    write_jsonl(folder / "chats.jsonl", turns)


def pairs():
    return zip(texts(60, 20), texts(60, 21), strict=True)


def shortened(words, run):
    """The words of a command, with small models, few rows of data that comes with packages, and a run for RUN."""
    named = [run if word == "RUN" else word.replace("=RUN", f"={run}") for word in words]
    model = [word.partition("=")[2] for word in named if word.startswith("model=")]
    named = [f"model={TINY.get(model[0], model[0])}" if word.startswith("model=") else word for word in named]
    if named[1] in ("train", "check"):
        named += SHORT + ([] if model else ["model=tiny_encoder"])
    if {"data=imdb", "data=chitchat", "data=rotten_tomatoes"} & set(named):
        named.append("data.num_rows=300")
    return named[1:]


@pytest.mark.slow
def test_every_command_runs(tmp_path):
    write_files(tmp_path)
    place = {"cwd": tmp_path, "env": os.environ | {"HOME": str(tmp_path / "home")}}
    run, codes = "", {}
    for command in commands():
        if HUB in command:
            continue
        words = shortened(shlex.split(command), run)
        done = run_warm(*words, **place)
        codes[command] = done.returncode
        expected = {0, 3, 4} if any(mark in command for mark in MAY_FIND) else {0}
        assert done.returncode in expected, f"{command}\n{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
        if words[0] == "train" and "data.path=tickets.csv" in words:
            run = done.stdout.splitlines()[-1]
    assert len(codes) > 30
