"""The part of a task that the data modules use: reading, splitting, checking and encoding rows."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.config.schema import Task as TaskConfig
from tunesmith.config.tasks import Traits
from tunesmith.data.examples import Example, Label

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from tunesmith.data.rows import Rows
    from tunesmith.data.samples import Samples


class RowTask(Protocol):
    """Protocol of tasks; the methods are documented in `tasks/task.py`."""

    config: TaskConfig
    lacks: ClassVar[str]
    contradiction: ClassVar[str | None]

    @property
    def traits(self) -> Traits:
        """The task's traits."""
        ...

    def columns(self, data: Data) -> list[str]:
        """Return the keys of `data` that name its columns."""
        ...

    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """Turn a record into an example."""
        ...

    def question(self, record: Mapping[str, Any], data: Data) -> Example:
        """Turn a record without a label into an example."""
        ...

    def rename(self, labels: Sequence[Label], lines: Sequence[int], data: Data) -> Sequence[Label]:
        """Map labels to their names."""
        ...

    def oddities(self, labels: Sequence[Label], raw: Sequence[Label], data: Data) -> Iterator[str]:
        """Report labels that are probably mistakes."""
        ...

    def strata(self, labels: Sequence[Label]) -> list[str] | None:
        """Return the labels to stratify by."""
        ...

    def label_names(self, splits: Mapping[str, Rows], column: str) -> list[str]:
        """Return the names of the outputs."""
        ...

    def comparable(self, label: Label) -> Hashable:
        """Return a label in comparable form."""
        ...

    def single(self, split: str, label: Any) -> tuple[str, str] | None:
        """Describe a split with a single label."""
        ...

    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """Encode rows as samples."""
        ...
