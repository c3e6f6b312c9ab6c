"""`tunesmith evaluate RUN [data=...]`: evaluate a finished run on data."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tunesmith.cli.options import Parser, add_trust
from tunesmith.config.composing.compose import Composed, compose, compose_from
from tunesmith.config.tasks import traits_of
from tunesmith.config.trust import trusting
from tunesmith.errors import ConfigError, Problem
from tunesmith.inference.thresholds import SplitName, refuse_beyond, thresholds_of
from tunesmith.runs.record import Record
from tunesmith.runs.sweep_record import load_winner
from tunesmith.storage import read_mapping
from tunesmith.terminal import say

OF_THE_MODEL = (
    *("max_length", "max_target_length", "packing", "on_long", "cleaning", "near"),
    *("batch_size", "micro_batch_size", "eval_batch_size", "order", "num_workers", "cache_dir"),
)
"""Keys of `data` for how a model reads texts, not where they are: other data is read as the run's own was."""
EXAMPLES = """\
examples:
  tunesmith evaluate RUN                                  the run's own test split, entered into the ledger of looks
  tunesmith evaluate RUN --split val                      its validation split
  tunesmith evaluate RUN data=imdb                        every row of another data set
  tunesmith evaluate RUN data=csv data.path=other.csv     every row of a file of your own
  tunesmith evaluate RUN data=imdb --fail-below accuracy=0.8    exit with 4 if the model is worse
"""


def main(argv: list[str]) -> int:
    """Evaluate and print the metrics; the last line is the directory that holds them with the predictions."""
    parser = Parser(
        prog="tunesmith evaluate",
        description="Evaluate a finished run's model on data.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of a run, or of a sweep: its winner")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="data...=...", help="another data set, or changes to the run's"
    )
    parser.add_argument(
        "--split", choices=("train", "val", "test", "all"), help="default: test; all for another data set"
    )
    for side in ("below", "above"):
        parser.add_argument(
            f"--fail-{side}",
            action="append",
            default=[],
            metavar="METRIC=NUMBER",
            help=f"exit with 4 if a metric is {side} a number, or has no value (repeatable)",
        )
    add_trust(parser)
    arguments = parser.parse_intermixed_args(argv)
    record = load_winner(arguments.run)
    with trusting(arguments.trust):
        return evaluate_on(record, arguments)


def evaluate_on(record: Record, arguments: argparse.Namespace) -> int:
    """Evaluate a run on the data that the arguments name, and show the results."""
    composed, other = data_of(record, arguments.overrides)
    split: SplitName = arguments.split or ("all" if other else "test")
    names = list(dict.fromkeys(name.partition("/")[2] for name in record.metrics))
    thresholds = [
        *thresholds_of(arguments.fail_below, "below", split, names),
        *thresholds_of(arguments.fail_above, "above", split, names),
    ]

    from tunesmith.inference.evaluate import evaluate

    _, directory = evaluate(record, composed, split)
    measured = read_mapping(directory.results, json.loads)
    show_evaluation(record, measured)
    renew_report(record)
    say(directory.path)
    refuse_beyond(measured["metrics"], thresholds)
    return 0


def show_evaluation(record: Record, measured: Mapping[str, Any]) -> None:
    """Print what an evaluation measured and, on other data, how it differs from what the run measured on its own."""
    from tunesmith.reporting.run.by_slice import slices_text
    from tunesmith.reporting.run.calibration import calibration_text
    from tunesmith.reporting.run.evaluations import change_listing, decides, drift_lines
    from tunesmith.reporting.run.tables import console, intervals_text, listing_table, metrics_table, warned

    if "changes" in measured:
        console().print(listing_table(change_listing(measured["changes"], decides(record))))
    else:
        console().print(metrics_table(measured["metrics"], record.results.get("monitor", "")))
    if measured["intervals"]:
        say(intervals_text(measured["intervals"]))
    if "calibration" in measured and (line := calibration_text(measured["calibration"])):
        say(line)
    if measured.get("slices"):
        say(slices_text(measured["slices"], record.results.get("monitor", "")))
    if measured.get("drift"):
        say("\n".join(["drift", *(f"  - {line}" for line in drift_lines(measured["drift"]))]))
    if measured["warnings"]:
        say(warned(measured["warnings"]))


def renew_report(record: Record) -> None:
    """Write the page of a run that has one again, with its evaluations."""
    from tunesmith.reporting.run.report import write_run_report
    from tunesmith.reporting.run.tables import RUN_REPORT

    if (record.path / RUN_REPORT).is_file():
        write_run_report(record)


def data_of(record: Record, overrides: Sequence[str]) -> tuple[Composed, bool]:
    """Return the run's config with the data that the overrides name, and whether that is another data set.

    Raises:
        ConfigError: An override is invalid, or does not concern data.
    """
    strange = [item for item in overrides if not item.lstrip("+~").startswith(("data=", "data."))]
    if strange:
        rule = "evaluation only takes overrides of data"
        raise ConfigError([Problem(item, rule, None, _instead(record, item)) for item in strange])
    names = [item.lstrip("+~").partition("=")[0] for item in overrides]
    if "data" not in names:
        other = any(name == "data.path" or name.startswith(("data.path.", "data.sources")) for name in names)
        whole = ["data.num_rows=null"] if other and "data.num_rows" not in names else []
        return compose_from(record.path, [*overrides, *whole]), other
    composed = compose_from(record.path)
    option = traits_of(composed.config.task).option
    any_model = "model.family=auto"  # the default one might not fit the task
    data = compose([f"task={option}", any_model, *overrides]).saved["data"]
    own = {key: composed.saved["data"][key] for key in OF_THE_MODEL if key in data and f"data.{key}" not in names}
    saved = composed.saved | {"data": data | own}
    return composed.with_saved(saved), True


def _instead(record: Record, override: str) -> str:
    """Suggest an alternative to an override that does not concern data: training with it, if a run accepts it."""
    with contextlib.suppress(ConfigError):
        compose_from(record.path, [override])
        return f"Train a variation instead: tunesmith train --from {record.argument} {shlex.quote(override)}"
    return "To use other rows, set data.path=FILE"
