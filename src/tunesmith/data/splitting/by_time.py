"""A split by time: the oldest rows are trained on, the newest are the test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from tunesmith.errors import DataError

Indices = npt.NDArray[np.int64]
Time = float | datetime


def order_of(values: Sequence[str], lines: Sequence[int] | None = None) -> list[Time]:
    """The time of each row as something that can be compared.

    Args:
        values: As they stand in the file: numbers all of them, or dates of ISO 8601 all of them.
        lines: The line of each row, for messages.

    Raises:
        DataError: One is neither, or some dates have a time zone and others do not.
    """
    times: list[Time] = []
    for row, value in enumerate(values):
        number = _number(value) if not times or isinstance(times[0], float) else None
        time = number if number is not None else _date(value)
        if time is None or (times and not _comparable(times[0], time)):
            expected = f"{_kind(times[0])}, as {values[0]!r} is" if times else "a number or an ISO 8601 date"
            place = f" (line {lines[row]})" if lines else ""
            raise DataError(
                f"the time {value!r}{place} is not {expected}. "
                "data.split.column has to hold numbers, or dates such as 2026-11-27 or 2026-11-27T09:30:00"
            )
        times.append(time)
    return times


def split_by_time(times: Sequence[Time], num_val: int, num_test: int) -> dict[str, Indices]:
    """Positions of the rows of each split, in file order; of rows with the same time the first in the file is older."""
    oldest_first = np.asarray(sorted(range(len(times)), key=lambda row: times[row]), dtype=np.int64)
    num_train = len(times) - num_val - num_test
    parts = np.split(oldest_first, [num_train, num_train + num_val])
    return {name: np.sort(part) for name, part in zip(("train", "val", "test"), parts, strict=True)}


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(value: str) -> datetime | None:
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def _comparable(one: Time, other: Time) -> bool:
    if isinstance(one, datetime) and isinstance(other, datetime):
        return (one.tzinfo is None) == (other.tzinfo is None)
    return type(one) is type(other)


def _kind(time: Time) -> str:
    if isinstance(time, float):
        return "a number"
    return "a date with a time zone" if time.tzinfo is not None else "a date without a time zone"
