"""A task as the data room sees it: how records are read, divided, looked through and encoded."""

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
    """What each method does is said where they are implemented, in `tasks/task.py`."""

    config: TaskConfig
    lacks: ClassVar[str]
    contradiction: ClassVar[str | None]

    @property
    def traits(self) -> Traits:
        """What the config knows of it."""
        ...

    def columns(self, data: Data) -> list[str]:
        """Keys of `data` that name its columns."""
        ...

    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """A record as an example."""
        ...

    def question(self, record: Mapping[str, Any], data: Data) -> Example:
        """What a record asks."""
        ...

    def rename(self, labels: Sequence[Label], lines: Sequence[int], data: Data) -> list[Label]:
        """Labels under their names."""
        ...

    def oddities(self, labels: Sequence[Label], raw: Sequence[Label], data: Data) -> Iterator[str]:
        """Labels that are likely not meant."""
        ...

    def strata(self, labels: Sequence[Label]) -> list[str] | None:
        """The label to draw each row by."""
        ...

    def label_names(self, splits: Mapping[str, Rows], column: str) -> list[str]:
        """What there is an output for."""
        ...

    def comparable(self, label: Label) -> Hashable:
        """A label to be compared."""
        ...

    def single(self, split: str, label: Any) -> tuple[str, str] | None:
        """What a split of one label means."""
        ...

    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """The samples of rows."""
        ...
