"""Checks the content of `results.json`, so a damaged or foreign file is refused in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _bounds(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_number, value))


def _sentences(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and _text(item.get("kind")) and _text(item.get("sentence")) for item in value
    )


def _calibration(value: Any) -> bool:
    def measured(split: Any) -> bool:
        parts = ["", *(["calibrated_"] if value["temperature"] is not None else [])]
        return (
            isinstance(split, dict)
            and _withheld(split.get("withheld"))
            and _count(split.get("num_answers"))
            and all(
                all(_number(split.get(f"{part}{name}")) for name in ("ece", "ece_by_chance", "nll"))
                and _bins(split.get(f"{part}bins"))
                for part in parts
            )
        )

    fitted = isinstance(value, dict) and "temperature" in value and _temperature(value["temperature"])
    return fitted and _mapping_to(measured)(value.get("splits")) and _text(value.get("reason", ""))


def _temperature(value: Any) -> bool:
    return value is None or (_number(value) and value > 0)


def _withheld(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and _number(each.get("below"))
        and _number(each.get("answered"))
        and (each.get("right") is None or _number(each["right"]))
        for each in value
    )


def _bins(value: Any) -> bool:
    names = ("low", "high", "num_answers", "confidence", "accuracy")
    return (
        isinstance(value, list)
        and all(isinstance(each, dict) and all(_number(each.get(name)) for name in names) for each in value)
        and any(each["num_answers"] > 0 for each in value)
    )


def _mapping_to(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(holds, value.values()))


def _slices(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict)
        and all(_text(item.get(key)) for key in ("split", "column", "value"))
        and _count(item.get("rows"))
        and _mapping_to(_number)(item.get("metrics"))
        and ("interval" not in item or _bounds(item["interval"]))
        for item in value
    )


SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    **{name: (_text, "text") for name in ("status", "reason", "monitor", "weights_sha256", "data_fingerprint")},
    **{name: (_number, "a number") for name in ("duration_s", "peak_memory_mb", "train_samples_per_s")},
    **{name: (_count, "a whole number") for name in ("best_step", "steps", "num_trainable_parameters")},
    "num_parameters": (lambda value: _count(value) and value > 0, "a whole number of at least 1"),
    **{name: (_texts, "a list of texts") for name in ("labels", "warnings")},
    "metrics": (_mapping_to(_number), "names with numbers"),
    "tables": (_mapping_to(lambda value: isinstance(value, dict) and "values" in value), "names with tables"),
    "intervals": (_mapping_to(_bounds), "names with two numbers"),
    "baselines": (_mapping_to(_mapping_to(_number)), "names with numbers by baseline"),
    "calibration": (_calibration, "a temperature with splits"),
    "diagnosis": (_sentences, "a list of verdicts"),
    "slices": (_slices, "a list of slices"),
    "notes": (_sentences, "a list of notes"),
    "num_rows": (_mapping_to(_count), "names with whole numbers"),
    "label_counts": (_mapping_to(_mapping_to(_count)), "names with whole numbers by label"),
}
"""Key to a check of its value, and its description; no code reads keys that are not listed here."""
TOGETHER = (("num_parameters", "num_trainable_parameters"), ("best_step", "steps", "monitor", "train_samples_per_s"))
"""Keys that are written together: if the first is there, so are the others."""


def fault(results: Mapping[str, Any]) -> str | None:
    """Describe what is wrong with the results, to complete a sentence; None if nothing is."""
    for key, (holds, words) in SHAPES.items():
        if key in results and not holds(results[key]):
            return f"{key} is {type(results[key]).__name__}, but should be {words}"
    for first, *others in TOGETHER:
        missing = [key for key in others if first in results and key not in results]
        if missing:
            return f"it has {first} but no {missing[0]}"
    return None
