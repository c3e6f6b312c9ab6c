"""Every command that the documentation shows is one that works."""

import re
import shlex
from pathlib import Path

import pytest

from tunesmith.cli.help import VERBS
from tunesmith.config.composing.compose import compose
from tunesmith.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
OWN_TEST = ROOT / "docs" / "extending.md"
"""Its commands need the files that it holds: tests/e2e/test_extending.py runs them."""
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(set(ROOT.glob("docs/*.md")) - {OWN_TEST})]
PAGES += ROOT.glob("conf/**/*.yaml")
PAGES += sorted(ROOT.glob("sweeps/*.*"))
QUOTED = re.compile(r"`(tunesmith [a-z][^`]*)`")
SHIPPED = {path.stem for path in ROOT.glob("sweeps/*.yaml")}
LINE = re.compile(r"^(?: {4}|# )(?:.*(?:\||: ) ?)?(tunesmith [a-z].*)$")


def documented() -> list[tuple[str, str]]:
    """Page and command, of code lines and quoted ones, comments after two spaces left out."""
    found = []
    for page in PAGES:
        for line in page.read_text().splitlines():
            commands = QUOTED.findall(line) or LINE.findall(line)
            found += [(str(page.relative_to(ROOT)), re.split(r"\s{2,}", command)[0]) for command in commands]
    return found


def test_commands_are_found_in_the_readme_and_in_the_options():
    pages = {page for page, _ in documented()}
    assert "README.md" in pages
    assert len([page for page in pages if page.startswith("conf/")]) >= 6
    assert len([page for page in pages if page.startswith("sweeps/")]) >= 9
    assert len(documented()) >= 20


@pytest.mark.parametrize(("page", "command"), documented())
def test_a_documented_command_names_a_verb(page, command):
    assert shlex.split(command)[1] in VERBS


@pytest.mark.parametrize(
    ("page", "command"),
    [item for item in documented() if item[1].split()[1] in ("train", "check", "audit") and " --from " not in item[1]],
)
def test_a_documented_run_composes(page, command):
    words = shlex.split(command)[2:]
    overrides = [word for word in words if not word.startswith("-") and ("=" in word or word.startswith("~"))]
    if "lrr" in command:  # the README's example of what a mistake looks like
        with pytest.raises(ConfigError) as caught:
            compose(overrides)
        assert len(caught.value.problems) == 3
        return
    first_of_each = [re.sub(r"=([^,\[]+),.*", r"=\1", item) if "-m" in words else item for item in overrides]
    assert compose(first_of_each).config.optimizer.lr > 0


@pytest.mark.parametrize(
    ("page", "command"),
    [item for item in documented() if item[1].split()[1] == "sweep" and SHIPPED & set(item[1].split())],
)
def test_a_documented_sweep_composes(page, command, prepared):
    name, *words = shlex.split(command)[2:]
    assert prepared(name, *(word for word in words if "=" in word), check=False).n_trials > 0


def lines_for_peers() -> list[tuple[str, str]]:
    """What another tool writes, and the overrides that stand beside it in docs/data.md."""
    table = (ROOT / "docs" / "data.md").read_text().partition("| there | here |")[2].partition("\n\n")[0]
    return [
        (there.strip(), here.strip().strip("`")) for there, here in re.findall(r"^\| (.*?) \| (.*?) \|$", table, re.M)
    ]


def test_the_table_of_other_tools_is_found():
    assert len(lines_for_peers()) >= 9


@pytest.mark.parametrize(("there", "here"), lines_for_peers())
def test_a_line_for_another_tool_s_format_composes(there, here):
    words = ["data=jsonl", "data.path=rows.jsonl", "task=language_modeling", "model=smollm2_135m", *shlex.split(here)]
    assert compose(words).config.task.name == "language_modeling"
