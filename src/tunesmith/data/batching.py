"""Which rows go into which batch, and how they become tensors."""

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
`rows`: (samples,); `window`: () the denominator of the whole step's loss. Where the task has them: `token_type_ids`,
`words` and `position_ids`: (samples, tokens), `prompt_ids` and `prompt_mask`: (samples, prompt tokens), `references`:
a list with what the answers are compared with. Samples of several texts have positions instead of a mask."""

WINDOWS_PER_POOL = 50
"""Windows sorted by length together: enough for even lengths in a batch, few enough to keep batches random."""


@dataclass(frozen=True)
class MicroBatch:
    """The samples of one forward pass."""

    rows: npt.NDArray[np.int64]
    """Their positions in the data set."""
    window: float
    """What the whole optimizer step that this forward belongs to counts: the denominator of its loss."""


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
        weights: What each row counts in the denominator of the loss, shape (rows,); by default 1.
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
    """Samples of tokens; indexed by a whole micro-batch, it answers with padded tensors.

    Args:
        samples: The samples.
        pad_token_id: Id to fill short ones with.
        padding_side: Where to fill: `right` or `left`.
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
        if samples.prompts is not None:  # written on from their right end
            batch["prompt_ids"] = _padded(samples.prompts, chosen, self.pad_token_id, "left")
            batch["prompt_mask"] = _mask(samples.prompts, chosen, "left")
        if samples.references is not None:
            batch["references"] = [samples.references[row] for row in samples.rows[chosen]]
        return batch


def _padded(tokens: Tokens, chosen: npt.NDArray[np.int64], fill: int, side: str) -> Tensor:
    """Ids of some samples, shape (samples, tokens), filled up to the longest of them."""
    texts = [tokens[int(sample)] for sample in chosen]
    width = max(len(text) for text in texts)
    padded = np.full((len(texts), width), fill, dtype=np.int64)
    for i, text in enumerate(texts):
        padded[i, slice(0, len(text)) if side == "right" else slice(width - len(text), width)] = text
    return torch.from_numpy(padded)


def _mask(tokens: Tokens, chosen: npt.NDArray[np.int64], side: str) -> Tensor:
    """1 where a sample has a token, 0 where it is filled up."""
    lengths = tokens.lengths[chosen]
    places = np.arange(lengths.max())
    mask = places < lengths[:, None] if side == "right" else places >= lengths.max() - lengths[:, None]
    return torch.from_numpy(mask.astype(np.int64))


def _positions(positions: Tokens, chosen: npt.NDArray[np.int64]) -> Tensor:
    """Positions of some packed samples; what fills them up counts from 0, as a text of its own."""
    filled = _padded(positions, chosen, -1, "right")
    lengths = torch.from_numpy(positions.lengths[chosen])[:, None]
    return torch.where(filled < 0, torch.arange(filled.shape[1]) - lengths, filled)
