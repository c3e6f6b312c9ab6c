"""Files that are not what the config says, told as what they are, with the command that makes them so."""

from __future__ import annotations

import json
import shlex
import stat
from pathlib import Path

from tunesmith.data.sources.packed import fed, opened_text, plain_name
from tunesmith.errors import DataError

PACKED = {
    b"PK\x03\x04": ("zip", "unzip -p"),
    b"BZh": ("bzip2", "bzip2 -dc"),
    b"\xfd7zXZ\x00": ("xz", "xz -dc"),
}
"""First bytes of a file to its compression and the command that writes it out unpacked."""
TABLES = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"%PDF": "a PDF document",
}
READ_WITH = {"a Parquet file": "Read it with data=parquet", "an Arrow file": "Read it with data=arrow"}
"""Tables that have a format here."""
WRITE = "Write its rows as CSV or as JSON lines"
"""The next step for others."""
WIDE = (b"\xff\xfe", b"\xfe\xff")
"""How UTF-16 begins."""
REMEDY = "Name another: data.path=FILE"
"""The next step if the file of a run is missing."""
UNFOLD = "import json, sys; print(json.dumps(json.loads(sys.stdin.buffer.read().decode('utf-8-sig'))))"


def refuse_special(path: Path, remedy: str = REMEDY) -> None:
    """Refuse what is no regular file.

    Raises:
        DataError: There is no such file, or it is a folder, a pipe or a device.
    """
    if path.is_file():
        return
    if path.is_dir():
        if any((path / name).is_file() for name in ("dataset_info.json", "dataset_dict.json")):
            raise DataError(f"{path}: a data set of Hugging Face's, not a file. {_saved(path)}")
        raise DataError(f"{path}: a folder, not a file. {remedy}. For a text in each of its files: data=folder")
    if path.exists():
        kind = "a pipe" if stat.S_ISFIFO(path.stat().st_mode) else "a device or a socket"
        raise DataError(
            f"{path}: not a regular file but {kind}; the rows are read more than once. Write them to a file"
        )
    listed = "Several files are a list: data.path=[FILE,FILE]. " if "," in str(path) else ""
    raise DataError(f"{path}: no such file. {listed}{remedy}")


def refuse_foreign(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes are those of something else than text.

    Raises:
        DataError: It is compressed, or the file of another program.
    """
    for magic, (name, command) in PACKED.items():
        if head.startswith(magic):
            if path.suffix in (".xlsx", ".xlsm", ".ods"):
                raise DataError(f"{path}: a spreadsheet, not text. Save it as CSV (UTF-8)")
            raise DataError(f"{path}: compressed with {name}, which is not read. {_written(command, path)}")
    for magic, name in TABLES.items():
        if head.startswith(magic):
            raise DataError(f"{path}: {name}, not text. {READ_WITH.get(name, WRITE)}")
    if head.startswith(WIDE):
        raise DataError(f"{path}: text in UTF-16, not UTF-8. {_written('iconv -f UTF-16 -t UTF-8', path)}")


def other_json(path: Path) -> str | None:
    """What a file is that is no JSON lines but JSON all the same, with the command that makes it lines."""
    try:
        with opened_text(path) as file:
            text = file.read().strip()
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        return "a JSON array, not a JSON object in each line. Read it with data=json"
    if isinstance(value, dict) and "\n" in text[:end]:
        if end < len(text):
            return f"JSON objects that are spread over lines, not one in each. {_written('jq -c .', path)}"
        inner = next((key for key, rows in value.items() if isinstance(rows, list) and len(value) == 1), None)
        if inner is not None:
            return f"one JSON object with the rows in {inner!r}, not one in each line. Read it with data=json"
        return f"one JSON object spread over lines. {_written(f'python3 -c {shlex.quote(UNFOLD)}', path)}"
    return None


def _saved(folder: Path) -> str:
    """The keys that read a folder that `save_to_disk` wrote, or the first of the splits in it."""
    splits = sorted(file.parent for file in folder.glob("*/state.json"))
    return f"Read it with data=arrow data.path={shlex.quote(str(splits[0] if splits else folder))}"


def _written(command: str, path: Path) -> str:
    """The command that writes a readable file beside this one, and the key that names it."""
    plain = plain_name(path)
    if plain == path:
        plain = path.with_name(f"{path.stem}_plain{path.suffix if path.suffix != '.zip' else '.txt'}")
    if command.startswith(("python3", "jq")):
        plain = plain_name(path).with_suffix(".jsonl")
        plain = plain if plain != path else path.with_name(f"{path.stem}_lines.jsonl")
    target = shlex.quote(str(plain))
    command = f"{command} {shlex.quote(str(path))}" if command.startswith("unzip") else fed(path, command)
    return f"Write it out: {command} > {target}, and take data.path={target}"
