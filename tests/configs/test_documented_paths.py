"""Every file and folder that a page names exists: pages outlive the moves of what they point at."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tunesmith"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
FOLDERS = ("conf", "docs", "scripts", "src", "sweeps", "tests")
ROOMS = tuple(path.parent.name for path in sorted(PACKAGE.glob("*/__init__.py")))
WORD = re.compile(r"(?<![\w./~$-])[\w.][\w.<>*-]*(?:/[\w.<>*-]*)*")
"""A word that may be a path; what follows `/`, `~` or `$` is the rest of something longer."""
NAME = re.compile(r"\w[\w-]*\.(?:md|py|yaml)")
"""The name of a file of ours, without a folder."""
PLACEHOLDER = re.compile(r"<\w+>|\*")
"""A part that the reader fills in, as in `cli/<verb>.py`: only the folder before it has to exist."""
OF_THE_READER = {
    "mine.yaml": "a sweep file of the reader's own",
    "mine/data/imdb.yaml": "a config folder of the reader's own",
    "config.yaml": "written by a run",
    "DIR/best.yaml": "written by a sweep",
    "best.yaml": "written by a sweep",
}
"""Files that pages name and that are not in the repository."""


def is_path(word: str) -> bool:
    """Whether a word names something in the repository or in `src/tunesmith`."""
    first, slash, rest = word.partition("/")
    in_a_room = first in ROOMS and (not rest or rest.endswith((".py", "/")))  # `runs/2026-11-22` is a run
    return bool(NAME.fullmatch(word.rpartition("/")[2]) or (slash and (first in FOLDERS or in_a_room)))


def paths_in(text: str) -> list[str]:
    """The paths that a text names, once each and in order, except those of the reader."""
    words = dict.fromkeys(word.rstrip(".") for word in WORD.findall(text))
    own = re.compile(r"(test_)?my_\w+\.py|(conf|sweeps)/\S+")  # files that docs/extending.md has the reader make
    made = {word for word in words if own.fullmatch(word) and f"# {word}\n" in text}
    return [word for word in words if is_path(word) and word not in OF_THE_READER and word not in made]


def exists(path: str) -> bool:
    """Whether a path exists, seen from the repository or from `src/tunesmith`; a bare name may be in any folder."""
    if NAME.fullmatch(path):
        return (ROOT / path).is_file() or any(file for folder in FOLDERS for file in (ROOT / folder).rglob(path))
    known = PLACEHOLDER.split(path)[0].rpartition("/")[0] if PLACEHOLDER.search(path) else path
    return any((folder / known).exists() for folder in (ROOT, PACKAGE))


def test_paths_are_told_from_other_words():
    assert paths_in("`conf/train.yaml`, see (docs/tasks.md) and src/tunesmith/cli/<verb>.py.") == [
        "conf/train.yaml",
        "docs/tasks.md",
        "src/tunesmith/cli/<verb>.py",
    ]
    assert paths_in("runs/2026-11-22/x, data=csv, and/or, val/loss, `~/conf/data`, $HOME/docs, RUN/model") == []
    assert exists("cli/<verb>.py")
    assert exists("train.yaml")
    assert not exists("config/checking/rules.py")
    assert not exists("nowhere/<verb>.py")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_in_a_page_exists(page):
    missing = [path for path in paths_in(page.read_text(encoding="utf-8")) if not exists(path)]
    assert missing == []


def test_pages_name_paths_and_the_exceptions_are_used():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(paths_in(text)) >= 50
    assert [path for path in OF_THE_READER if path not in text] == []
