"""Plans which rows go into which batch, and pads them to tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from tunesmith.data.samples import Samples
from tunesmith.data.tokenization import IGNORED, Tokens
from tunesmith.seeding import derive_seed

Batch = dict[str, Any]
"""`input_ids`, `attention_mask`: (samples, tokens); `labels`: (samples,), (samples, labels) or (samples, tokens);
`rows`: (samples,); `window`: (), the denominator of the whole step's loss. If the task has them: `token_type_ids`,
`words` and `position_ids`: (samples, tokens); `prompt_ids` and `prompt_mask`: (samples, prompt tokens); `references`:
a list of references for the predictions. Packed samples have positions instead of a mask."""

WINDOWS_PER_POOL = 50
"""Windows that are sorted by length together: enough for similar lengths in a batch, yet random batches."""


@dataclass(frozen=True)
class MicroBatch:
    """The samples of one forward pass."""

    rows: npt.NDArray[np.int64]
    """Positions of the samples in the data set."""
    window: float
    """Total weight of the whole optimizer step: the denominator of its loss."""


def plan_epoch(
    lengths: npt.NDArray[np.int64],
    *,
    batch_size: int,
    micro_batch_size: int,
    order: Literal["bucketed", "random"],
    seed: int,
    epoch: int,
    weights: npt.NDArray[Any] | None = None,
) -> list[MicroBatch]:
    """Plan all micro-batches of an epoch; a pure function of its arguments.

    Every row occurs once. Each window of `batch_size` rows is one optimizer step; only the last window can be short, so
    a constant number of micro-batches per step always ends at a window's end.

    Args:
        lengths: Tokens of each row, shape (rows,).
        batch_size: Samples per optimizer step.
        micro_batch_size: Samples per forward; divides `batch_size`.
        order: `bucketed` sorts by length within pools of windows and shuffles the windows; `random` only shuffles.
        seed: The run's seed.
        epoch: Number of the epoch, from 0.
        weights: Weight of each row in the denominator of the loss, shape (rows,); 1 by default.
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
        MicroBatch(window[start : start + micro_batch_size], denominator)
        for window in full + windows[len(full) :]
        for denominator in [len(window) if weights is None else weights[window].sum().item()]
        for start in range(0, len(window), micro_batch_size)
    ]


def plan_evaluation(lengths: npt.NDArray[np.int64], batch_size: int) -> list[MicroBatch]:
    """Plan micro-batches of every row once, longest texts first, so running out of memory shows immediately."""
    rows = np.argsort(-lengths, kind="stable")
    parts = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    return [MicroBatch(part, len(part)) for part in parts]


class PlannedSampler(Sampler[MicroBatch]):
    """Passes the micro-batches of a plan to a DataLoader; the plan is made when the first one is requested.

    Args:
        plan: Returns the remaining micro-batches of the current epoch.
        length: Number of micro-batches in a whole epoch.
    """

    def __init__(self, plan: Callable[[], Sequence[MicroBatch]], length: int) -> None:
        self.plan = plan
        self.length = length

    def __iter__(self) -> Iterator[MicroBatch]:
        # A generator, so the epoch is read at the first batch: Lightning creates iterators before it restores or
        # advances its counters.
        yield from self.plan()

    def __len__(self) -> int:
        return self.length


class TokenDataset(Dataset[Batch]):
    """Samples of tokens; indexed by a whole micro-batch, it returns padded tensors.

    Args:
        samples: The samples.
        pad_token_id: Id for padding short samples.
        padding_side: Side to pad on: `right` or `left`.
    """

    def __init__(self, samples: Samples, pad_token_id: int, padding_side: str = "right") -> None:
        self.samples = samples
        self.pad_token_id = pad_token_id
        self.padding_side = padding_side

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each sample, shape (samples,)."""
        return self.samples.tokens.lengths

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, micro_batch: MicroBatch) -> Batch:
        samples, chosen, side = self.samples, micro_batch.rows, self.padding_side
        batch: Batch = {
            "input_ids": _padded(samples.tokens, chosen, self.pad_token_id, side),
            "rows": torch.from_numpy(samples.rows[chosen]),
            "window": torch.tensor(micro_batch.window),
        }
        if samples.positions is None:
            batch["attention_mask"] = _mask(samples.tokens, chosen, side)
        else:
            batch["position_ids"] = _positions(samples.positions, chosen)
        if isinstance(samples.labels, Tokens):
            batch["labels"] = _padded(samples.labels, chosen, IGNORED, side)
        else:
            batch["labels"] = torch.from_numpy(samples.labels[chosen])
        if samples.type_ids is not None:
            batch["token_type_ids"] = _padded(samples.type_ids, chosen, 0, side)
        if samples.words is not None:
            batch["words"] = _padded(samples.words, chosen, -1, side)
        if samples.prompts is not None:  # continued at their right end
            batch["prompt_ids"] = _padded(samples.prompts, chosen, self.pad_token_id, "left")
            batch["prompt_mask"] = _mask(samples.prompts, chosen, "left")
        if samples.references is not None:
            batch["references"] = [samples.references[row] for row in samples.rows[chosen]]
        return batch


def _padded(tokens: Tokens, chosen: npt.NDArray[np.int64], fill: int, side: str) -> Tensor:
    """Pad the ids of some samples to the longest, shape (samples, tokens)."""
    texts = [tokens[int(sample)] for sample in chosen]
    width = max(len(text) for text in texts)
    padded = np.full((len(texts), width), fill, dtype=np.int64)
    for i, text in enumerate(texts):
        padded[i, slice(0, len(text)) if side == "right" else slice(width - len(text), width)] = text
    return torch.from_numpy(padded)


def _mask(tokens: Tokens, chosen: npt.NDArray[np.int64], side: str) -> Tensor:
    """Return 1 for tokens and 0 for padding, shape (samples, tokens)."""
    lengths = tokens.offsets[chosen + 1] - tokens.offsets[chosen]  # `tokens.lengths` has those of all samples
    places = np.arange(lengths.max())
    mask = places < lengths[:, None] if side == "right" else places >= lengths.max() - lengths[:, None]
    return torch.from_numpy(mask.astype(np.int64))


def _positions(positions: Tokens, chosen: npt.NDArray[np.int64]) -> Tensor:
    """Pad the positions of packed samples; padding counts from 0, like a separate text."""
    filled = _padded(positions, chosen, -1, "right")
    lengths = torch.from_numpy(positions.offsets[chosen + 1] - positions.offsets[chosen])[:, None]
    return torch.where(filled < 0, torch.arange(filled.shape[1]) - lengths, filled)
