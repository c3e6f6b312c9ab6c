"""`tunesmith evaluate RUN [data=...]`: a finished run on data."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from tunesmith.config.compose import Composed, compose, compose_from
from tunesmith.config.saved import resolve
from tunesmith.errors import ConfigError, Problem
from tunesmith.runs.record import Record
from tunesmith.runs.sweep_record import load_winner

EXAMPLES = """\
examples:
  tunesmith evaluate RUN                                  the run's own test split, entered into the ledger of looks
  tunesmith evaluate RUN --split val                      its validation split
  tunesmith evaluate RUN data=imdb                        every row of another data set
  tunesmith evaluate RUN data=csv data.path=other.csv     every row of a file of your own
"""


def main(argv: list[str]) -> int:
    """Evaluate and print the metrics; the last line is the directory that holds them with the predictions."""
    parser = argparse.ArgumentParser(
        prog="tunesmith evaluate",
        description="Measure a finished run's model on data.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of a run, or of a sweep: its winner")
    parser.add_argument("overrides", nargs="*", metavar="data...=...", help="another data set, or changes to the run's")
    parser.add_argument(
        "--split", choices=("train", "val", "test", "all"), help="default: test; all for another data set"
    )
    parser.add_argument("--trust", action="append", default=[], metavar="NAME", help="module that the config may name")
    arguments = parser.parse_intermixed_args(argv)
    record = load_winner(arguments.run)
    composed, other = data_of(record, arguments.overrides, arguments.trust)

    from tunesmith.models.origin import trusting
    from tunesmith.reporting.tables import console, metrics_table
    from tunesmith.training.evaluate import evaluate

    with trusting(arguments.trust):
        metrics, directory = evaluate(record, composed, arguments.split or ("all" if other else "test"))
    console().print(metrics_table(metrics))
    print(directory.path)
    return 0


def data_of(record: Record, overrides: Sequence[str], trust: Sequence[str]) -> tuple[Composed, bool]:
    """The run's config with the data that the overrides name, and whether that is another data set.

    Raises:
        ConfigError: An override is wrong, or is not about data.
    """
    strange = [item for item in overrides if not item.lstrip("+~").startswith(("data=", "data."))]
    if strange:
        rule = "evaluation takes overrides of data only"
        hint = f"Train a variation instead: tunesmith train --from {record.path} {strange[0]}"
        raise ConfigError([Problem(item, rule, None, hint) for item in strange])
    composed = compose_from(record.path, [], trust=trust)
    if not any(item.lstrip("+").startswith("data=") for item in overrides):
        return (compose_from(record.path, overrides, trust=trust) if overrides else composed), any(
            item.lstrip("+").startswith("data.path=") for item in overrides
        )
    task = composed.config.task
    option = "multi_label" if task.multi_label else task.name
    saved = composed.saved | {"data": compose([f"task={option}", *overrides]).saved["data"]}
    return dataclasses.replace(composed, saved=saved, config=resolve(saved)), True
