"""`tunesmith predict RUN INPUT`: labels and probabilities for new texts."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from tunesmith.errors import ConfigError, DataError, FilesError, Problem
from tunesmith.runs.record import load_run

EXAMPLES = """\
examples:
  tunesmith predict RUN new.csv --output answers.csv
  tunesmith predict RUN new.txt                           one text per line; answers as JSON lines on standard output
  echo "a quiet masterpiece" | tunesmith predict RUN -
"""


def main(argv: list[str]) -> int:
    """Predict and write one answer per text, in the order of the input."""
    parser = argparse.ArgumentParser(
        prog="tunesmith predict",
        description="Label new texts with a finished run's model.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory")
    parser.add_argument("input", metavar="INPUT", help="a .csv, .jsonl or .txt file, or - for lines on standard input")
    parser.add_argument("--output", type=Path, metavar="FILE", help=".csv or .jsonl; default: JSON lines on stdout")
    parser.add_argument("--text-column", metavar="NAME", help="column with the text; default: that of the run's data")
    arguments = parser.parse_args(argv)
    if arguments.output is not None and arguments.output.suffix not in (".csv", ".jsonl"):
        rule = "predictions are written as .csv or .jsonl"
        raise ConfigError([Problem("--output", rule, str(arguments.output), "Try --output predictions.csv")])
    record = load_run(arguments.run)
    data = record.typed.data
    texts = list(read_texts(arguments.input, arguments.text_column or data.text_column, data.delimiter))
    if not texts:
        raise DataError(f"{arguments.input}: no texts")

    from tunesmith.training.load import load_model
    from tunesmith.training.logs import log_to
    from tunesmith.training.predict import predict

    with log_to():
        answers = [
            {"text": text, **answer} for text, answer in zip(texts, predict(load_model(record), texts), strict=True)
        ]
    if arguments.output is None:
        write_jsonl(answers, sys.stdout)
        return 0
    try:
        with arguments.output.open("w", encoding="utf-8", newline="") as file:
            (write_csv if arguments.output.suffix == ".csv" else write_jsonl)(answers, file)
    except OSError as error:
        raise FilesError(f"cannot write {arguments.output}: {error.strerror}") from None
    print(arguments.output)
    return 0


def read_texts(source: str, column: str, delimiter: str = ",") -> Iterator[str]:
    """The texts of a file by its ending, or the lines of standard input.

    Raises:
        ConfigError: The ending is none that can be read.
        DataError: The file is missing or malformed, or lacks the column.
    """
    path = Path(source).expanduser()
    if source == "-":
        yield from (line.rstrip("\r\n") for line in sys.stdin)
    elif path.suffix == ".txt":
        try:
            with path.open(encoding="utf-8-sig") as file:
                yield from (line.rstrip("\r\n") for line in file)
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    elif path.suffix in (".csv", ".jsonl"):
        yield from _column(path, column, delimiter)
    else:
        rule = "texts are read from .csv, .jsonl or .txt files, or from - (standard input)"
        raise ConfigError([Problem("INPUT", rule, source)])


def _column(path: Path, column: str, delimiter: str) -> Iterator[str]:
    from tunesmith.data.sources import read_records

    for line, record in read_records(path, path.suffix[1:], delimiter):
        if column not in record:
            names = ", ".join(map(repr, record))
            raise DataError(f"{path}:{line}: no column {column!r}; the columns are {names}. Use --text-column NAME")
        yield str(record[column])


def write_jsonl(answers: Iterable[dict[str, Any]], file: TextIO) -> None:
    """One JSON object per answer."""
    for answer in answers:
        file.write(json.dumps(answer, ensure_ascii=False) + "\n")


def write_csv(answers: Iterable[dict[str, Any]], file: TextIO) -> None:
    """One row per answer, one column per label's probability."""
    writer = csv.writer(file)
    for number, answer in enumerate(answers):
        if number == 0:
            labels = list(answer["probabilities"])
            writer.writerow(["text", "prediction", *(f"probability_{label}" for label in labels)])
        writer.writerow([answer["text"], answer["prediction"], *answer["probabilities"].values()])
