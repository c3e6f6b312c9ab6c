"""The data of a run as a LightningDataModule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader

from tunesmith.config.schema import Data
from tunesmith.data.batching import Batch, MicroBatch, PlannedSampler, TokenDataset, plan_epoch, plan_evaluation
from tunesmith.data.sources import Rows
from tunesmith.data.splits import label_names, read_splits
from tunesmith.data.tokenization import Tokens, tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class TextDataModule(pl.LightningDataModule):
    """Texts with labels, split, tokenised and batched; works with any `pl.Trainer`.

    Args:
        data: The data config.
        tokenizer: The model's tokenizer.
        seed: Seed of the training order.
        splits: Rows that are already read; by default they are read from `data`.
        labels: Label names in the model's order; by default those of the training rows.
    """

    def __init__(
        self,
        data: Data,
        tokenizer: PreTrainedTokenizerFast,
        *,
        seed: int = 0,
        splits: dict[str, Rows] | None = None,
        labels: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.data = data
        self.tokenizer = tokenizer
        self.seed = seed
        self.splits = splits if splits is not None else read_splits(data)
        self.labels = labels if labels is not None else label_names(self.splits)
        self._datasets: dict[str, TokenDataset] = {}
        self._resumed: dict[str, int] | None = None

    @property
    def micro_batch_size(self) -> int:
        """Samples per forward."""
        size = self.data.micro_batch_size
        return self.data.batch_size if size == "auto" else size

    @property
    def accumulate_grad_batches(self) -> int:
        """Micro-batches per optimizer step, for the Trainer's argument of that name."""
        return self.data.batch_size // self.micro_batch_size

    def dataset(self, split: str) -> TokenDataset:
        """The tokenised rows of a split; the others are not touched."""
        if split not in self._datasets:
            rows = self.splits[split]
            tokens: Tokens = tokenize(rows.texts, self.tokenizer, self.data.max_length, Path(self.data.cache_dir))
            index = {label: i for i, label in enumerate(self.labels)}
            labels = np.asarray([index[label] for label in rows.labels], dtype=np.int64)
            pad = self.tokenizer.pad_token_id
            self._datasets[split] = TokenDataset(tokens, labels, 0 if pad is None else pad, self.tokenizer.padding_side)
        return self._datasets[split]

    def row_ids(self, split: str, rows: Sequence[int]) -> list[str]:
        """The ids of rows at positions in a split."""
        return [self.splits[split].ids[row] for row in rows]

    def plan(self, epoch: int) -> list[MicroBatch]:
        """The training micro-batches of an epoch, from 0."""
        return plan_epoch(
            self.dataset("train").tokens.lengths,
            batch_size=self.data.batch_size,
            micro_batch_size=self.micro_batch_size,
            order=self.data.order,
            seed=self.seed,
            epoch=epoch,
        )

    def train_dataloader(self) -> DataLoader[Batch]:
        """Training batches of the epoch that the trainer is in."""
        return self._loader("train", PlannedSampler(self._remaining, len(self.plan(0))))

    def val_dataloader(self) -> DataLoader[Batch]:
        """Every validation row once."""
        return self.evaluation_dataloader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Every test row once."""
        return self.evaluation_dataloader("test")

    def evaluation_dataloader(self, split: str) -> DataLoader[Batch]:
        """Every row of a split once."""
        batches = plan_evaluation(self.dataset(split).tokens.lengths, self.data.eval_batch_size)
        return self._loader(split, PlannedSampler(lambda: batches, len(batches)))

    def state_dict(self) -> dict[str, Any]:
        """Epoch and micro-batches done in it, for a checkpoint."""
        if self.trainer is None:
            return {"epoch": 0, "position": 0}
        position = self.trainer.fit_loop.epoch_loop.batch_progress.current.completed
        return {"epoch": self.trainer.current_epoch, "position": position}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where a checkpoint stopped."""
        self._resumed = dict(state_dict)

    def _remaining(self) -> list[MicroBatch]:
        """What is left of the current epoch: all of it, unless a checkpoint was restored in its middle."""
        resumed, self._resumed = self._resumed, None
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        batches = self.plan(epoch)
        if resumed is not None and resumed["epoch"] == epoch:
            return batches[resumed["position"] :]
        return batches

    def _loader(self, split: str, sampler: PlannedSampler) -> DataLoader[Batch]:
        # A batch comes out of the dataset whole, hence `sampler` with automatic batching off.
        return DataLoader(
            self.dataset(split),
            sampler=sampler,
            batch_size=None,
            num_workers=self.data.num_workers if split == "train" else 0,
            persistent_workers=False,
        )
