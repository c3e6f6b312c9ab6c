"""Columns of class labels, as Hugging Face's datasets write them: numbers in the rows, names in the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tunesmith.errors import DataError

Naming = Callable[[Any], Any]
HIDDEN = -1
"""The number of a row whose class is not given, as in the test splits of some benchmarks."""


def features_of(schema: Any) -> dict[str, Any]:
    """What datasets noted of each column beside its type; empty where another program wrote the file.

    Args:
        schema: Arrow's schema of the file.
    """
    noted = (schema.metadata or {}).get(b"huggingface")
    try:
        features = json.loads(noted)["info"]["features"] if noted is not None else None
    except (ValueError, KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def namings(features: Mapping[str, Any]) -> dict[str, Naming]:
    """Column to the function that puts names in place of class numbers, for the columns that have any.

    Args:
        features: As of `features_of`.
    """
    each = {column: _naming(feature) for column, feature in features.items()}
    return {column: naming for column, naming in each.items() if naming is not None}


def _naming(feature: Any) -> Naming | None:
    """The function for one feature: a class, a list of something with classes, or a mapping with them."""
    if isinstance(feature, list):
        return _of_each(_naming(feature[0])) if feature else None
    if not isinstance(feature, Mapping):
        return None
    kind = feature.get("_type")
    if kind == "ClassLabel":
        names = feature.get("names")
        return _of_class(names) if isinstance(names, Sequence) and names else None
    if isinstance(kind, str):
        return _of_each(_naming(feature.get("feature")))
    return _of_fields(namings(feature))


def _of_class(names: Sequence[str]) -> Naming:
    def name(number: Any) -> str | None:
        if number is None or number == HIDDEN:
            return None
        if not isinstance(number, int) or not 0 <= number < len(names):
            raise DataError(f"the class {number!r}, where the names are of 0 to {len(names) - 1}. Write the data again")
        return names[number]

    return name


def _of_each(naming: Naming | None) -> Naming | None:
    """The function for a list of what another function takes."""
    if naming is None:
        return None
    return lambda values: [naming(value) for value in values] if isinstance(values, list) else values


def _of_fields(fields: Mapping[str, Naming]) -> Naming | None:
    if not fields:
        return None

    def name(values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return values | {key: naming(values[key]) for key, naming in fields.items() if key in values}

    return name
