"""Which rows go into which batch, and how they become tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from tunesmith.config.seeding import derive_seed
from tunesmith.data.tokenization import Tokens

Batch = dict[str, Tensor]
"""`input_ids`, `attention_mask`: (rows, tokens); `labels`, `rows`: (rows,); `window`: () samples in the whole step."""

WINDOWS_PER_POOL = 50
"""Windows sorted by length together: enough for even lengths in a batch, few enough to keep batches random."""


@dataclass(frozen=True)
class MicroBatch:
    """The rows of one forward pass."""

    rows: npt.NDArray[np.int64]
    """Positions in the split."""
    window: int
    """Samples in the whole optimizer step that this forward belongs to: the denominator of its loss."""


def plan_epoch(
    lengths: npt.NDArray[np.int64],
    *,
    batch_size: int,
    micro_batch_size: int,
    order: Literal["bucketed", "random"],
    seed: int,
    epoch: int,
) -> list[MicroBatch]:
    """All micro-batches of an epoch: a pure function of its arguments.

    Every row occurs once. Windows of `batch_size` rows make an optimizer step each; a short one can only be the last,
    so that a constant number of micro-batches per step always meets a window's end.

    Args:
        lengths: Tokens of each row, shape (rows,).
        batch_size: Samples per optimizer step.
        micro_batch_size: Samples per forward; divides `batch_size`.
        order: `bucketed` sorts by length within pools of windows and shuffles the windows; `random` only shuffles.
        seed: The run's seed.
        epoch: Number of the epoch, from 0.
    """
    random = np.random.default_rng(derive_seed(seed, "data", epoch))
    rows = random.permutation(len(lengths))
    if order == "bucketed":
        pool = WINDOWS_PER_POOL * batch_size
        pools = [rows[start : start + pool] for start in range(0, len(rows), pool)]
        rows = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in pools])
    windows = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    full = [window for window in windows if len(window) == batch_size]
    if order == "bucketed":
        full = [full[i] for i in random.permutation(len(full))]
    return [
        MicroBatch(window[start : start + micro_batch_size], len(window))
        for window in full + windows[len(full) :]
        for start in range(0, len(window), micro_batch_size)
    ]


def plan_evaluation(lengths: npt.NDArray[np.int64], batch_size: int) -> list[MicroBatch]:
    """Micro-batches of every row once, longest texts first, so that a lack of memory shows at once."""
    rows = np.argsort(-lengths, kind="stable")
    parts = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    return [MicroBatch(part, len(part)) for part in parts]


class PlannedSampler(Sampler[MicroBatch]):
    """Hands a DataLoader the micro-batches of a plan, which is made when the first one is asked for.

    Args:
        plan: Makes the micro-batches that are left of the current epoch.
        length: Micro-batches of a whole epoch.
    """

    def __init__(self, plan: Callable[[], Sequence[MicroBatch]], length: int) -> None:
        self.plan = plan
        self.length = length

    def __iter__(self) -> Iterator[MicroBatch]:
        # A generator, so that the epoch is read at the first batch: Lightning makes iterators before it restores or
        # advances its counters.
        yield from self.plan()

    def __len__(self) -> int:
        return self.length


class TokenDataset(Dataset[Batch]):
    """Tokenised rows; indexed by a whole micro-batch, it answers with padded tensors.

    Args:
        tokens: Token ids of each row.
        labels: Label index of each row, shape (rows,).
        pad_token_id: Id to fill short rows with.
        padding_side: Where to fill: `right` or `left`.
    """

    def __init__(
        self,
        tokens: Tokens,
        labels: npt.NDArray[np.int64],
        pad_token_id: int,
        padding_side: str = "right",
    ) -> None:
        self.tokens = tokens
        self.labels = labels
        self.pad_token_id = pad_token_id
        self.padding_side = padding_side

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, micro_batch: MicroBatch) -> Batch:
        texts = [self.tokens[int(row)] for row in micro_batch.rows]
        width = max(len(text) for text in texts)
        input_ids = np.full((len(texts), width), self.pad_token_id, dtype=np.int64)
        attention_mask = np.zeros((len(texts), width), dtype=np.int64)
        for i, text in enumerate(texts):
            place = slice(0, len(text)) if self.padding_side == "right" else slice(width - len(text), width)
            input_ids[i, place] = text
            attention_mask[i, place] = 1
        return {
            "input_ids": torch.from_numpy(input_ids),
            "attention_mask": torch.from_numpy(attention_mask),
            "labels": torch.from_numpy(self.labels[micro_batch.rows]),
            "rows": torch.from_numpy(micro_batch.rows),
            "window": torch.tensor(micro_batch.window),
        }
