"""How an evaluation on other data differs from what the run measured on its own: metrics, and the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tunesmith.config.schema import Evaluation
from tunesmith.config.tasks import Traits
from tunesmith.data.audit.words import MOST_WORDS, WORD
from tunesmith.data.rows import Rows, as_one_text, inputs_of
from tunesmith.evaluation.statistics.drift import Drift, drift_of_labels, drift_of_numbers, drift_of_words
from tunesmith.evaluation.statistics.headline import additive_forms
from tunesmith.evaluation.statistics.intervals import FEWEST
from tunesmith.evaluation.statistics.paired import holm
from tunesmith.evaluation.statistics.unpaired import compare_unpaired
from tunesmith.runs.record import Record

Answers = Sequence[Mapping[str, Any]]


def own_split(record: Record) -> str:
    """Return the split of the run's own data that new data is compared with: test if it was looked at, else val."""
    return "test" if any(name.startswith("test/") for name in record.metrics) else "val"


def metric_changes(
    record: Record, evaluation: Evaluation, answers: Answers, labels: Sequence[str], metrics: Mapping[str, float]
) -> dict[str, Any]:
    """Compare the metrics of new rows with the run's own, for `results.json`.

    Args:
        record: The run.
        evaluation: Its evaluation config.
        answers: The new rows of `predictions.jsonl`.
        labels: Label names in the order of the logits.
        metrics: The new metrics, `<split>/<name>` to value.

    Returns:
        `against`, the run's own split; `num_rows` of it; and under `metrics`, by name without split, the value `then`
        and `now`, and where rows can be tested `difference`, `interval`, `p` and `test`. The p-value of the monitored
        metric stands as it is; those of the others are corrected for their number (Holm).
    """
    split = own_split(record)
    then = record.predictions(split) if record.directory.predictions.is_file() else []
    own = {name.partition("/")[2]: value for name, value in record.metrics.items() if name.startswith(f"{split}/")}
    new = {name.partition("/")[2]: value for name, value in metrics.items()}
    common: dict[str, dict[str, Any]] = {name: {"then": own[name], "now": new[name]} for name in new if name in own}
    first, second = additive_forms(evaluation, answers, labels, new), additive_forms(evaluation, then, labels, own)
    tests = {name: compare_unpaired(first[name], second[name]) for name in common if name in first and name in second}
    known = {name: test for name, test in tests.items() if test is not None}
    decides = evaluation.monitor.partition("/")[2]
    others = [name for name in known if name != decides]
    corrected = dict(zip(others, holm([known[name].p for name in others]), strict=True)) if others else {}
    tested: dict[str, dict[str, Any]] = {
        name: {
            "difference": test.difference,
            "interval": list(test.interval) if test.interval else None,
            "p": corrected.get(name, test.p),
            "test": test.test,
        }
        for name, test in known.items()
    }
    changed = {name: values | tested.get(name, {}) for name, values in common.items()}
    return {"against": split, "num_rows": len(then), "metrics": changed}


def drifts(traits: Traits, train: Rows, then: Rows, now: Rows) -> list[Drift]:
    """Compare new rows with the run's own: labels or numbers, lengths in characters, and words unknown in training.

    The p-values are corrected for their number (Holm).

    Args:
        traits: The task.
        train: The rows that the run was trained on.
        then: Its own rows that were held out.
        now: The new rows.
    """
    if min(len(then), len(now)) < FEWEST:
        return []
    texts = [list(map(as_one_text, inputs_of(rows))) for rows in (train, then, now)]
    known = {word for text in texts[0] for word in _words(text)}
    found = [*_of_answers(traits, then, now)]
    found.append(drift_of_numbers("lengths", [len(text) for text in texts[1]], [len(text) for text in texts[2]]))
    words = drift_of_words(known, [_words(text) for text in texts[1]], [_words(text) for text in texts[2]])
    found += [words] if words is not None else []
    corrected = holm([drift.p for drift in found])
    return [replace(drift, p=p) for drift, p in zip(found, corrected, strict=True)]


def _of_answers(traits: Traits, then: Rows, now: Rows) -> Iterator[Drift]:
    if traits.output == "labels":
        yield drift_of_labels(then.labels, now.labels)
    elif traits.output == "number":
        yield drift_of_numbers("numbers", *([float(label) for label in rows.labels] for rows in (then, now)))  # type: ignore[arg-type]


def _words(text: str) -> list[str]:
    found: list[str] = WORD.findall(text.lower())[:MOST_WORDS]
    return found
