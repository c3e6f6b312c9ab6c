"""What is made of a model's logits: probabilities at a temperature, thresholds, and answers that are withheld."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunesmith.config.tasks import Traits
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.reporting.run.calibration import calibration_of
from tunesmith.runs.record import Record
from tunesmith.storage import read_mapping

log = logging.getLogger("tunesmith")

LEAVE = "Leave it out"


@dataclass(frozen=True)
class Deciding:
    """How answers are made of logits; as it stands, as in training."""

    temperature: float = 1.0
    """What logits are divided by before they become probabilities."""
    below: float | None = None
    """Confidence below which an answer is withheld; None answers every row."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Label to the logit above which it is predicted; for one of two labels, to the least gap to the other's logit."""

    def rows(
        self, answered: Sequence[dict[str, Any]], logits: Sequence[Any], labels: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Apply the thresholds, and withhold answers that are not sure enough: `prediction` is None, `abstained` true.

        Args:
            answered: What a task's `answer_rows` made of the logits at the temperature.
            logits: Of each row, as the network gave them: shape (labels,), or (words, labels).
            labels: Label names in the order of the logits.

        Returns:
            The same with `confidence` and `abstained`, if answers are withheld at all.

        Raises:
            ConfigError: A task of the user's own answers with other words than its labels.
        """
        pairs = zip(answered, logits, strict=True)
        decided = [row | {"prediction": self.prediction(row["prediction"], own, labels)} for row, own in pairs]
        if self.below is None:
            return decided
        rows = [self._withheld(row, own, labels) for row, own in zip(decided, logits, strict=True)]
        count = len([row for row in rows if row["abstained"]])
        log.info("%d of %d rows are not answered: their confidence is below %g", count, len(rows), self.below)
        return rows

    def prediction(self, given: Any, logits: Any, labels: Sequence[str]) -> Any:
        """Return what is predicted instead of what a task predicts of logits, given the thresholds."""
        if not self.thresholds:
            return given
        if not isinstance(given, str):
            above = {label: float(logits[labels.index(label)]) > least for label, least in self.thresholds.items()}
            return [label for label in labels if above.get(label, label in given)]
        ((label, least),) = self.thresholds.items()
        index = labels.index(label)
        return label if float(logits[index]) - float(logits[1 - index]) > least else labels[1 - index]

    def _withheld(self, row: dict[str, Any], logits: Any, labels: Sequence[str]) -> dict[str, Any]:
        sure = _confidence(logits, row["prediction"], labels, self.temperature)
        abstained = sure is None or (self.below is not None and sure < self.below)
        shown = {"prediction": None if abstained else row["prediction"], "confidence": sure, "abstained": abstained}
        return shown | {name: value for name, value in row.items() if name not in shown}

    def foretold(self, record: Record) -> str | None:
        """Say how many of a run's validation rows would be answered, and how many of these right; None if unknown."""
        from tunesmith.evaluation.confidence import confidence_of, when_withheld
        from tunesmith.evaluation.reliability import FITTED_ON, answered_right

        rows = record.predictions(FITTED_ON) if record.directory.predictions.is_file() else []
        if self.below is None or not rows:
            return None
        labels = record.labels
        try:
            rows = [row | {"prediction": self.prediction(row["prediction"], row["logits"], labels)} for row in rows]
            sure = [confidence_of(row, labels, self.temperature) for row in rows]
            right = [answered_right(row) for row in rows]
        except (KeyError, TypeError, ValueError, IndexError):  # edited, or a task of the user's own
            return None
        answered, good = when_withheld(sure, right, self.below)
        these = f", {good:.1%} of these right" if good is not None else ""
        return (
            f"of the run's {len(rows):,} validation rows, {answered:.1%} would be answered{these}; "
            f"of all, {sum(right) / len(right):.1%} are right"
        )


PLAIN = Deciding()


def _confidence(logits: Any, prediction: Any, labels: Sequence[str], temperature: float) -> float | None:
    from tunesmith.evaluation.confidence import answer_confidences, row_confidence

    try:
        return row_confidence(answer_confidences(logits, prediction, labels, temperature))
    except (TypeError, ValueError):
        rule = "is for answers among the labels, and this task answers with something else"
        raise ConfigError([Problem("--abstain-below", rule, str(prediction), LEAVE)], late=True) from None


def refuse_undecidable(
    traits: Traits, labels: Sequence[str], *, calibrated: bool, below: float | None, thresholds: Sequence[str] = ()
) -> None:
    """Refuse flags that cannot do what they say for a task.

    Args:
        traits: The task.
        labels: The run's labels.
        calibrated: Whether probabilities at the temperature are asked for.
        below: The confidence below which no answer is wanted.
        thresholds: What thresholds are asked for, as typed.

    Raises:
        ConfigError: The task has no probabilities of labels, or the confidence is none, or no answer is below it.
    """
    problems = []
    least = 1 / 2 if traits.several else 1 / max(len(labels), 1)
    if traits.output != "labels":
        rule = f"is for probabilities of labels, and this run answers with {_kind(traits)}"
        flags = {"--calibrated": calibrated, "--abstain-below": below is not None, "--threshold": bool(thresholds)}
        problems = [Problem(flag, rule, None, LEAVE) for flag, given in flags.items() if given]
    elif below is not None and not 0 < below < 1:
        hint = f"Try {below / 100:g}" if 1 < below < 100 else "Try 0.8"
        problems = [Problem("--abstain-below", "is a probability between 0 and 1", f"{below:g}", hint)]
    elif below is not None and below <= least and not thresholds:
        rule = f"withholds nothing: every answer has a probability of at least {least:.4g}"
        problems = [Problem("--abstain-below", rule, f"{below:g}", "Try a larger one, such as 0.8")]
    if problems:
        raise ConfigError(problems)


def _kind(traits: Traits) -> str:
    return "numbers" if traits.output == "number" else "texts"


def temperature_of(record: Record) -> float:
    """Return the temperature saved with a run's model; of a run made before, that of its stored predictions.

    Raises:
        ConfigError: There is none.
        FilesError: A file is damaged.
    """
    saved = saved_temperature(record)
    if saved is not None:
        return saved
    measured = calibration_of(record)
    if measured is None or measured["temperature"] is None:
        reason = measured["reason"] if measured else f"{record.directory.predictions.name} has no logits of labels"
        rule = f"needs a temperature, and this run has none: {reason}"
        raise ConfigError([Problem("--calibrated", rule, None, f"{LEAVE}: the probabilities are then the model's own")])
    log.info("no temperature was saved with this run: %.4g fits its stored validation rows", measured["temperature"])
    return float(measured["temperature"])


def saved_temperature(record: Record) -> float | None:
    """Return the temperature saved with a run's model; None if there is none.

    Raises:
        FilesError: The file is damaged.
    """
    file = record.directory.calibration
    if not file.is_file():
        return None
    temperature = read_mapping(file, json.loads).get("temperature")
    if not isinstance(temperature, int | float) or not 0 < temperature < math.inf:
        raise FilesError(f"{file} is damaged: its temperature is {temperature!r}, but should be a number above 0")
    return float(temperature)
