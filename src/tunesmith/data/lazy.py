"""A column whose values are made when they are asked for, so that memory does not grow with rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]

T = TypeVar("T")
R = TypeVar("R")
TOGETHER = 8192
"""Values that are in memory together while a column is gone through."""


class LazyColumn(Sequence[T]):
    """Values at positions of what lies elsewhere; a column like a list otherwise, which it is equal to.

    Args:
        values: Makes the values at some positions.
        positions: Those of the column's values, in order.
        origin: The file that all of them lie in, with the name of the column there; None for another column, and for
            a file that is not kept.
    """

    def __init__(
        self, values: Callable[[Positions], list[T]], positions: Positions, origin: tuple[Path, str] | None = None
    ) -> None:
        self._values = values
        self.positions = positions
        self.origin = origin

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return self._values(self.positions[index])
        place = range(len(self))[index]
        return self._values(self.positions[place : place + 1])[0]

    def __iter__(self) -> Iterator[T]:
        for start in range(0, len(self), TOGETHER):
            yield from self[start : start + TOGETHER]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | LazyColumn):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)  # what lies elsewhere is not there in another process

    def take(self, places: Positions, shared: dict[int, Positions] | None = None) -> LazyColumn[T]:
        """The values at some places of this column, in that order.

        Args:
            places: From 0.
            shared: Takes what columns of the same rows have in common; the same mapping for all of them.
        """
        known = {} if shared is None else shared
        if id(self.positions) not in known:
            known[id(self.positions)] = self.positions[places]
        return LazyColumn(self._values, known[id(self.positions)], self.origin)

    def mapped(self, function: Callable[[T], R]) -> LazyColumn[R]:
        """The column of what a function makes of each value, each time that it is asked for."""
        return LazyColumn(lambda positions: list(map(function, self._values(positions))), self.positions)


def taken(column: Sequence[T], places: Positions, shared: dict[int, Positions] | None = None) -> Sequence[T]:
    """The values of any column at some places: a list of a list, lazy ones of lazy ones."""
    if isinstance(column, LazyColumn):
        return column.take(places, shared)
    return [column[place] for place in places.tolist()]


def row_by_row(function: Callable[..., R], *columns: Sequence[Any]) -> Sequence[R]:
    """The column of what a function makes of the values that columns have in each row; lazy if one of them is."""
    if not any(isinstance(column, LazyColumn) for column in columns):
        return list(map(function, *columns))
    import numpy as np

    def values(positions: Positions) -> list[R]:
        return list(map(function, *(taken(column, positions) for column in columns)))

    return LazyColumn(values, np.arange(len(columns[0])))


def end_to_end_columns(columns: Sequence[Sequence[T]]) -> Sequence[T]:
    """One column after the other, as one; a list if all of them are lists."""
    if not any(isinstance(column, LazyColumn) for column in columns):
        return [value for column in columns for value in column]
    import numpy as np

    ends = np.cumsum([len(column) for column in columns])

    def values(positions: Positions) -> list[T]:
        made: list[Any] = [None] * len(positions)
        owners = np.searchsorted(ends, positions, side="right")
        for number in np.unique(owners).tolist():
            own = np.flatnonzero(owners == number)
            column = columns[number]
            for place, value in zip(
                own.tolist(), taken(column, positions[own] - (ends[number] - len(column))), strict=True
            ):
                made[place] = value
        return made

    return LazyColumn(values, np.arange(int(ends[-1])))
