"""Whether a run's probabilities can be believed, as a chapter of its report and as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.config.tasks import traits_of
from tunesmith.reporting.blocks import Block, Chapter, Gallery, Listing, Picture, Sentence
from tunesmith.reporting.drawing.charts import Curve, curve_chart
from tunesmith.reporting.palette import BLUE, FAINT, QUIET
from tunesmith.reporting.run.label_thresholds import thresholds_listing
from tunesmith.runs.record import Record

ERRORS = 1.96
"""Standard errors of the gap between probability and share of right answers beyond which it is called one."""
FEWEST_DRAWN = 10
"""Answers of a bin that is drawn; the share of a few says nothing."""
TRUE = Curve("as often as said", [(0.0, 0.0), (1.0, 1.0)], FAINT)

Part = Mapping[str, Any]


def calibration_of(record: Record) -> Part | None:
    """Return what is known of a run's probabilities; of a run made before it was measured, from its predictions.

    Returns:
        See `evaluation/reliability.py`; None if the run has no probabilities of labels.

    Raises:
        FilesError: The predictions are damaged.
    """
    known = record.calibration
    if known is not None or not record.results.get("labels") or not record.directory.predictions.is_file():
        return known
    from tunesmith.evaluation.reliability import measure_calibration  # numpy, not for those who only show

    return measure_calibration(record.predictions(), record.labels)


def calibration_chapter(record: Record) -> Chapter | None:
    """Build the chapter with a reliability diagram of each split; None if no split has probabilities of labels."""
    measured = calibration_of(record)
    if measured is None or not measured["splits"]:
        return None
    splits = dict(sorted(measured["splits"].items()))  # test before val
    blocks: list[Block] = [Gallery([_diagram(split, each) for split, each in splits.items()])]
    several = traits_of(record.config["task"]).several
    blocks += [Sentence(_about(split, each, several=several)) for split, each in splits.items()]
    blocks.append(Sentence(_temperature_text(record, measured)))
    if all(part["withheld"] for part in splits.values()):
        blocks.append(_withheld(record, splits))
    thresholds = thresholds_listing(record)
    return Chapter("calibration", "Calibration", [*blocks, *([thresholds] if thresholds is not None else [])])


def calibration_text(measured: Part) -> str:
    """Say in a line how far the probabilities of each split are from the truth; empty if nothing was measured."""
    errors = [f"{split} {_errors(each)}" for split, each in measured["splits"].items()]
    at = f", at temperature {measured['temperature']:.4g}" if measured["temperature"] is not None else ""
    return f"calibration error (ECE): {', '.join(errors)}{at}" if errors else ""


def _errors(part: Part) -> str:
    after = f" -> {part['calibrated_ece']:.4f}" if "calibrated_ece" in part else ""
    return f"{part['ece']:.4f}{after} ({_by_chance(part):.4f} by chance)"


def _by_chance(part: Part) -> float:
    """The error that true probabilities, as those at the temperature are meant to be, would show."""
    return float(part.get("calibrated_ece_by_chance", part["ece_by_chance"]))


def _diagram(split: str, part: Part) -> Picture:
    curves = [TRUE, Curve("of the model", _points(part["bins"]), QUIET)]
    if "calibrated_bins" in part:
        curves.append(Curve("at the temperature", _points(part["calibrated_bins"]), BLUE))
    columns = ["probabilities", "from", "to", "answers", "mean probability", "share right"]
    kinds = {"of the model": part["bins"], "at the temperature": part.get("calibrated_bins", [])}
    names = ("low", "high", "num_answers", "confidence", "accuracy")
    rows = [[kind, *(each[name] for name in names)] for kind, bins in kinds.items() for each in bins]
    return Picture(
        f"{split}: share of right answers by their probability",
        curve_chart(curves, x_name="probability of the answer"),
        Listing(columns, rows),
    )


def _points(bins: Sequence[Part]) -> list[tuple[float, float]]:
    drawn = [each for each in bins if each["num_answers"] >= FEWEST_DRAWN] or bins
    return [(float(each["confidence"]), float(each["accuracy"])) for each in drawn]


def _mean(bins: Sequence[Part], name: str) -> float:
    return float(sum(each["num_answers"] * each[name] for each in bins) / sum(each["num_answers"] for each in bins))


def _about(split: str, part: Part, *, several: bool) -> str:
    bins, total = part["bins"], part["num_answers"]
    sure, right = _mean(bins, "confidence"), _mean(bins, "accuracy")
    error = float((right * (1 - right) / total) ** 0.5)
    side = "" if abs(sure - right) <= ERRORS * error else " (too sure)" if sure > right else " (not sure enough)"
    after = ""
    if "calibrated_ece" in part:
        mean = _mean(part["calibrated_bins"], "confidence")
        after = f"; at the temperature the mean is {mean:.1%}, and the error {part['calibrated_ece']:.4f}"
    what = (
        "labels of texts is {sure}, and {right} of them are there"
        if several
        else ("answers is {sure}, and {right} of them are right" + side)
    )
    means = what.format(sure=f"{sure:.1%}", right=f"{right:.1%}")
    error_text = f"the expected calibration error (ECE) is {part['ece']:.4f}"
    chance = f"True probabilities would show about {_by_chance(part):.4f} by chance alone"
    return f"{split}: the mean probability of {total:,} {means}; {error_text}{after}. {chance}."


def _temperature_text(record: Record, measured: Part) -> str:
    if measured["temperature"] is None:
        return f"There is no temperature: {measured['reason']}."
    return (
        f"The temperature {measured['temperature']:.4g}, fitted to the validation rows, changes no answer, only its "
        f"probability: tunesmith predict {record.argument} INPUT --calibrated. Each point is a "
        f"fifteenth of the probabilities, with {FEWEST_DRAWN} answers or more."
    )


def _withheld(record: Record, splits: Mapping[str, Part]) -> Listing:
    shares = [{each["below"]: each for each in part["withheld"]} for part in splits.values()]
    names = [f"{split}: {what}" for split in splits for what in ("answered", "of these right")]
    rows = [
        [below, *(part.get(below, {}).get(name) for part in shares for name in ("answered", "right"))]
        for below in shares[0]
    ]
    calibrated = "--calibrated " if "calibrated_ece" in next(iter(splits.values())) else ""
    command = f"tunesmith predict {record.argument} INPUT {calibrated}--abstain-below 0.8"
    return Listing(["below", *names], rows, f"If answers below a probability are withheld: {command}")
