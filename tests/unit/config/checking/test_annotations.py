"""Values against annotations as they are written in libraries."""

from __future__ import annotations

from typing import Any

import pytest

from tunesmith.config.checking.annotations import misfit
from tunesmith.config.checking.signatures import Argument

FITS: list[tuple[str, Any]] = [
    ("int", 3),
    ("float", 3),
    ("float", 0.5),
    ("bool", True),
    ("str", "a"),
    ("Optional[int]", None),
    ("int | None", None),
    ("Union[int, str]", "a"),
    ("'bool'", False),
    ("Literal['a', 'b']", "b"),
    ("Optional[Literal['micro', 'none']]", None),
    ("float | Tensor", "anything, for a Tensor cannot be judged"),
    ("dict[str, int]", 5),
]
DOES_NOT: list[tuple[str, Any, str]] = [
    ("int", 0.5, "a whole number"),
    ("int", True, "a whole number"),
    ("float", "a", "a number"),
    ("float", True, "a number"),
    ("bool", 1, "true or false"),
    ("bool", "yes", "true or false"),
    ("str", 1, "text"),
    ("int", None, "a whole number"),
    ("Optional[int]", "a", "a whole number, or null"),
    ("Literal['a', 'b']", "c", "a, or b"),
    ("int", [1], "a whole number"),
]


@pytest.mark.parametrize(("annotation", "value"), FITS)
def test_fits(annotation: str, value: Any) -> None:
    assert misfit(Argument("x", True, annotation), value) is None


@pytest.mark.parametrize(("annotation", "value", "words"), DOES_NOT)
def test_does_not_fit(annotation: str, value: Any, words: str) -> None:
    assert misfit(Argument("x", True, annotation), value) == words


def test_a_default_of_none_allows_none() -> None:
    assert misfit(Argument("x", False, "int", "None"), None) is None


def test_no_annotation_allows_all() -> None:
    assert misfit(Argument("x", True, None), object()) is None
