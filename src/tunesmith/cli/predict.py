"""`tunesmith predict RUN INPUT`: predict for new texts."""

from __future__ import annotations

import argparse
import csv
import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tunesmith.cli.options import Parser, add_trust
from tunesmith.config.data_files import names_in, parts_of
from tunesmith.config.folders import expand
from tunesmith.config.schema import Data, Format
from tunesmith.config.tasks import traits_of
from tunesmith.config.trust import trusting
from tunesmith.data.examples import Example
from tunesmith.data.forms.choice import form_of
from tunesmith.data.forms.form import Form
from tunesmith.data.lines import place_of
from tunesmith.data.malformed import MalformedError
from tunesmith.data.nested import with_nested
from tunesmith.data.task import RowTask
from tunesmith.errors import ConfigError, DataError, FilesError, Problem
from tunesmith.runs.sweep_record import load_winner
from tunesmith.terminal import printable, say

if TYPE_CHECKING:
    from tunesmith.inference.deciding import Deciding
    from tunesmith.runs.record import Record

EXAMPLES = r"""examples:
  tunesmith predict RUN new.csv --output answers.csv
  tunesmith predict RUN new.txt                           one text per line; answers as JSON lines on standard output
  echo "a quiet masterpiece" | tunesmith predict RUN -
  tunesmith predict RUN new.csv --calibrated --abstain-below 0.8   no answer where it would be right too rarely
  tunesmith predict RUN new.csv --threshold f1 --threshold rare:recall=0.9     several labels per text
  printf 'Who came?\tAda came.\n' | tunesmith predict RUN -   a pair of texts, a tab between them
"""

ENDINGS = (".csv", ".tsv", ".jsonl", ".txt")
"""File endings that are read whatever the run's own data was."""
AS_LINES = ". For one text per line, use standard input: - < FILE"
UNGUARDED = """\
with a .csv: write texts as they are. Without it, those that begin with = + - @ and are not numbers get a ' in front,
because a spreadsheet would run them as formulas"""

CALIBRATED = "probabilities at the temperature that fits the validation rows; the answers are the same"
THRESHOLD = """\
f1, precision=0.9 or recall=0.9: predict a label from the probability that reaches this on the validation rows; with a
label in front for that label only, as one of two needs it (repeatable)"""
ABSTAIN = "give no answer to a text whose answer is less probable than this"

log = logging.getLogger("tunesmith")


def main(argv: list[str]) -> int:
    """Predict and write one answer per text, in the order of the input."""
    parser = Parser(
        prog="tunesmith predict",
        description="Predict for new texts with a finished run's model: a label, a number, tags, or text.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of a run, or of a sweep: its winner")
    parser.add_argument(
        "input", metavar="INPUT", help="a .csv, .tsv, .jsonl or .txt file, one like the run's, or - for lines"
    )
    parser.add_argument("--output", type=expand, metavar="FILE", help="a .csv or .jsonl file; default: JSON lines")
    parser.add_argument("--text-column", metavar="NAME", help="column with the text; default: that of the run's data")
    add_trust(parser)
    parser.add_argument("--delimiter", metavar="NAME", help="field separator: comma, tab, semicolon or pipe")
    parser.add_argument("--quoting", choices=("csv", "none"), help="none: quotes are ordinary characters")
    parser.add_argument("--unguarded", action="store_true", help=UNGUARDED)
    parser.add_argument("--calibrated", action="store_true", help=CALIBRATED)
    parser.add_argument("--abstain-below", type=float, metavar="PROBABILITY", help=ABSTAIN)
    parser.add_argument("--threshold", action="append", default=[], metavar="[LABEL:]GOAL", help=THRESHOLD)
    arguments = parser.parse_args(argv)
    if arguments.output is not None and arguments.output.suffix not in (".csv", ".jsonl"):
        rule = "predictions are written as .csv or .jsonl"
        raise ConfigError([Problem("--output", rule, str(arguments.output), "Try --output predictions.csv")])
    if arguments.output is not None:
        check_writable(arguments.output)
    record = load_winner(arguments.run)
    config = record.typed
    refuse_idle(arguments, config.data)
    changed = changes(arguments)
    deciding = deciding_of(record, arguments)

    from tunesmith.data.rows import rows_of
    from tunesmith.inference.predict import predict
    from tunesmith.tasks.registry import task_of
    from tunesmith.training.logs import log_to
    from tunesmith.training.networks import load_model

    data = config.data.model_copy(update=changed)
    with log_to(), trusting(arguments.trust):
        examples = list(read_questions(arguments.input, task_of(config.task), data))
        if not examples:
            raise DataError(f"{arguments.input}: no texts")
        rows = rows_of([str(number) for number in range(len(examples))], examples)
        answers = [
            input_shown(example) | answer
            for example, answer in zip(examples, predict(load_model(record), rows, deciding), strict=True)
        ]
    if arguments.output is None:
        for answer in answers:
            print(shown_json(answer))
    else:
        write_answers(answers, arguments.output, guarded=not arguments.unguarded)
        say(arguments.output)
    return 0


def deciding_of(record: Record, arguments: argparse.Namespace) -> Deciding:
    """Return how answers are made of logits, before the model is read.

    Raises:
        ConfigError: The run has no probabilities, or no temperature.
    """
    from tunesmith.inference.deciding import Deciding, refuse_undecidable, temperature_of

    calibrated, below, asked = arguments.calibrated, arguments.abstain_below, arguments.threshold
    if not calibrated and below is None and not asked:
        return Deciding()
    traits = traits_of(record.config["task"])
    refuse_undecidable(traits, record.labels, calibrated=calibrated, below=below, thresholds=asked)

    from tunesmith.inference.threshold_goals import fit_thresholds, goals_of
    from tunesmith.training.logs import log_to

    goals = goals_of(asked, traits, record.labels) if asked else {}
    with log_to():
        temperature = temperature_of(record) if calibrated else 1.0
        thresholds = fit_thresholds(record, goals, temperature) if goals else {}
        deciding = Deciding(temperature, below, thresholds)
        if (sentence := deciding.foretold(record)) is not None:
            log.info("%s", sentence)
    return deciding


def write_answers(answers: list[dict[str, Any]], output: Path, *, guarded: bool) -> None:
    """Write the answers in the format that the file's ending selects.

    Raises:
        FilesError: The file cannot be written.
    """
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            if output.suffix == ".csv":
                write_csv(answers, file, guarded=guarded)
            else:
                write_jsonl(answers, file)
    except OSError as error:
        raise FilesError(f"cannot write {output}: {error.strerror}") from None


def changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Determine where the input's format differs from the run's own data.

    Raises:
        ConfigError: The delimiter is neither a known name nor a character.
    """
    changed = {"text_column": arguments.text_column} if arguments.text_column else {}
    if arguments.delimiter is not None:
        from tunesmith.config.keys import describe_type, takes_value

        if not takes_value("data.delimiter", arguments.delimiter):
            raise ConfigError(
                [Problem("--delimiter", f"must be {describe_type('data.delimiter')}", arguments.delimiter)]
            )
        changed |= {"delimiter": arguments.delimiter, "quoting": None}
    return changed | ({"quoting": arguments.quoting} if arguments.quoting else {})


def refuse_idle(arguments: argparse.Namespace, data: Data) -> None:
    """Refuse options that have no effect with this input or output.

    Args:
        arguments: The command line.
        data: The data of the run.

    Raises:
        ConfigError: There is such an option.
    """
    given = arguments.input if arguments.input == "-" else Path(arguments.input).suffix
    to_csv = arguments.output is not None and arguments.output.suffix == ".csv"
    own = in_own_format(arguments.input, data)
    whole = own or given in (".jsonl", ".txt", "-")
    lines = given in (".txt", "-") and not own
    made = data.template is not None or data.convert is not None
    idle = [
        ("--delimiter", arguments.delimiter, whole, "Use it with a .csv or .tsv file"),
        ("--quoting", arguments.quoting, whole, "Use it with a .csv or .tsv file"),
        ("--text-column", arguments.text_column, lines, "Each line is one text: leave it out"),
        (
            "--text-column",
            arguments.text_column,
            made and not lines,
            "The run's data config says which columns are read",
        ),
        ("--unguarded", "given" if arguments.unguarded else None, not to_csv, "Use it with --output FILE.csv"),
    ]
    problems = [
        Problem(name, "has no effect with this input or output", value, hint)
        for name, value, without_effect, hint in idle
        if value is not None and without_effect
    ]
    if problems:
        raise ConfigError(problems)


def in_own_format(source: str, data: Data) -> bool:
    """Whether the class that reads the run's own data reads an input: it has that ending, or an unknown one."""
    ending = Path(source).suffix
    own = source != "-" and isinstance(data.format, Format)
    endings = {Path(name).suffix for part in parts_of(data).values() for name in names_in(part.path)}
    return own and (ending in endings or ending not in ENDINGS)


def check_writable(file: Path) -> None:
    """Refuse a file that is known in advance not to be writable.

    Raises:
        FilesError: Its folder does not exist, or it is itself a folder.
    """
    if file.is_dir():
        raise FilesError(f"cannot write {file}: it is a folder. Give a file: --output {file / 'predictions.csv'}")
    if not file.parent.is_dir():
        raise FilesError(f"cannot write {file}: there is no folder {file.parent}. Create it, or use another --output")


def read_questions(source: str, task: RowTask, data: Data) -> Iterator[Example]:
    """Read the inputs of a file according to its ending, or the lines of standard input.

    Raises:
        ConfigError: The ending is not a supported one.
        DataError: The file is missing or malformed, or lacks a column.
    """
    form = form_of(data, task.traits)
    columns = (data.text_column, data.text_pair_column, data.messages_column, data.target_column, *form.columns)
    for line, record in _records(source, form, data):
        try:
            yield task.question(form.made(with_nested(record, filter(None, columns)), asking=True), form.data)
        except MalformedError as error:
            raise DataError(f"{place_of(source, line)}: {error}") from None


def _records(source: str, form: Form, data: Data) -> Iterator[tuple[int, dict[str, Any]]]:
    path = expand(source)
    if in_own_format(source, data):
        from tunesmith.data.sources.records import read_records

        if path.suffix in ENDINGS:
            log.info("%s is read in the format of the run's own data, which ends like it%s", path, AS_LINES)
        yield from read_records(path, data.format, remedy="Give another as INPUT")
    elif source == "-":
        yield from _lines(sys.stdin, source, form)
    elif path.suffix == ".txt":
        try:
            with path.open(encoding="utf-8-sig") as file:
                yield from _lines(file, source, form)
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    elif path.suffix in ENDINGS:
        yield from _table(path, data, form.columns or [data.text_column])
    else:
        rule = "texts are read from .csv, .tsv, .jsonl or .txt files, or from - (standard input)"
        raise ConfigError([Problem("INPUT", rule, source)])


def _table(path: Path, data: Data, names: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the records of a file with columns; a .tsv file has tabs, whatever the run's own data had."""
    from tunesmith.data.sources.records import read_records
    from tunesmith.data.sources.separated import Dialect, dialect_of, suggestion

    dialect = dialect_of(data)
    if path.suffix == ".tsv" and dialect.delimiter != "\t":
        dialect = Dialect("\t", "none")
    try:
        for line, record in read_records(path, path.suffix[1:].replace("tsv", "csv"), dialect, "Give another as INPUT"):
            missing = [name for name in names if name not in record]
            if path.suffix != ".jsonl" and missing:
                other = suggestion(path, dialect, list(names))
                if other is not None:
                    raise DataError(f"{path}:{line}: no column {missing[0]!r}. {other}")
            yield line, record
    except DataError as error:
        message = str(error).replace("data.delimiter=", "--delimiter ").replace("data.quoting=", "--quoting ")
        raise DataError(message) from None


def _lines(file: TextIO, source: str, form: Form) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read one text per line; for pairs, a tab separates the first text from the second.

    Raises:
        DataError: A line has no tab although the task needs pairs, or the run's texts are made of several columns.
    """
    pair = form.data.text_pair_column
    for number, line in enumerate(file, 1):
        first, tab, second = line.rstrip("\r\n").partition("\t" if pair else "\n")
        if pair and not tab:
            raise DataError(f"{source}:{number}: one text, but the task needs a pair. Write both, separated by a tab")
        try:
            yield number, form.alone(first) | ({pair: second} if pair else {})
        except MalformedError as error:
            raise DataError(f"{source}:{number}: {error}") from None


def input_shown(example: Example) -> dict[str, Any]:
    """The input to show beside its answer; of a conversation, its last question and reference answer."""
    if example.words is not None:
        return {"words": list(example.words)}
    beside = {"text_pair": example.pair, "reference": example.reference}
    return {"text": example.text} | {name: value for name, value in beside.items() if value is not None}


def write_jsonl(answers: Iterable[dict[str, Any]], file: TextIO) -> None:
    """Write one JSON object per answer."""
    for answer in answers:
        file.write(json.dumps(answer, ensure_ascii=False) + "\n")


def shown_json(answer: dict[str, Any]) -> str:
    """Format an answer as JSON for display: terminal control characters are escaped."""
    text = json.dumps(answer, ensure_ascii=False)
    return "".join(char if printable(char) == char else json.dumps(char)[1:-1] for char in text)


def write_csv(answers: Iterable[dict[str, Any]], file: TextIO, *, guarded: bool = True) -> None:
    """Write one row per answer and one column per label's probability; lists and booleans are JSON, None is empty.

    Args:
        answers: The predictions.
        file: The output file.
        guarded: Whether to put a quotation mark before a text that a spreadsheet would run as a formula.
    """
    from tunesmith.reporting.formatting import spreadsheet_cell

    rows = [_flat(answer) for answer in answers]
    if guarded:
        rows = [{name: spreadsheet_cell(cell) for name, cell in row.items()} for row in rows]
    writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)


def _flat(answer: dict[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in answer.items() if name != "probabilities"}
    cells = {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list | bool) else value
        for name, value in plain.items()
    }
    return cells | {f"probability_{label}": value for label, value in answer.get("probabilities", {}).items()}
