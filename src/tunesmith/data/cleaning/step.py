"""The protocol of a step of cleaning: it mends a text, or says which rows are to go."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tunesmith.data.rows import Rows
from tunesmith.data.task import RowTask


class TextStep(ABC):
    """A step that changes texts: those of every split alike, and those that a finished run is to answer.

    Labels, targets and the number of rows stay. It has to be idempotent: a clean text is left as it is.
    """

    @abstractmethod
    def clean(self, text: str) -> str:
        """A text as it is to be read; never an error, whatever is in it."""


class RowStep(ABC):
    """A step that removes rows, each with a reason.

    Args:
        only_train: Remove rows from training alone. In val and test they are counted and stay, since a cleaned test set
            is not what the model will meet; false removes them there too.
    """

    def __init__(self, *, only_train: bool = True) -> None:
        self.only_train = only_train

    @abstractmethod
    def removed(self, rows: Rows, task: RowTask) -> dict[int, str]:
        """Positions of the rows of one split that are to go, each with the reason; the others are kept as they are.

        Args:
            rows: The rows of one split, their texts already cleaned.
            task: The task, which says when two labels are the same.
        """
