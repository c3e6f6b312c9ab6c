"""Every section of docs/extending.md, done as it says: its files in an empty folder, its commands one after another."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from warm import run_warm

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
KINDS = ("data format", "task", "method", "judge", "executor", "tracker")


def sections():
    """The title of each section, without its remark, to its blocks of code: language and text."""
    parts = re.split(r"^## An? (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    titles = [title.partition(" (")[0] for title in parts[::2]]
    blocks = [re.findall(r"^```(\w+)\n(.*?)^```", text, re.M | re.S) for text in parts[1::2]]
    return dict(zip(titles, blocks, strict=True))


def test_the_page_has_a_section_for_every_kind():
    assert set(sections()) == set(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_section_does_what_it_says(kind, tmp_path):
    commands, suites = [], 0
    for language, text in sections()[kind]:
        named = re.match(r"# (\S+\.(?:py|yaml))\n", text)
        if named:
            file = tmp_path / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif language == "bash":
            commands += text.strip().splitlines()
    assert len(commands) >= 2
    place = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in commands:
        words = shlex.split(command)
        if words[0] == "tunesmith":
            done = run_warm(*words[1:], cwd=tmp_path)
        else:
            line = ["bash", "-c", command]
            done = subprocess.run(line, cwd=tmp_path, env=place, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        suites += command.startswith("python -m pytest") and " passed" in done.stdout
    assert suites == 1
    assert list(tmp_path.glob("runs/*/*")), "a run or a sweep came of it"
