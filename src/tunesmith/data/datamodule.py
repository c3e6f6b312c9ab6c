"""The data of a run as a LightningDataModule."""

from __future__ import annotations

import functools
import logging
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
from torch.utils.data import DataLoader

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.batching import Batch, MicroBatch, PlannedSampler, TokenDataset, plan_epoch, plan_evaluation
from tunesmith.data.class_weights import class_weights, weighed
from tunesmith.data.encoding import encode
from tunesmith.data.prepared import read_prepared
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples, packed
from tunesmith.data.splits import learned_labels
from tunesmith.data.splitting.split_file import split_record
from tunesmith.data.task import RowTask
from tunesmith.data.tokenization import Tokens
from tunesmith.data.unseen import unknown_token_warnings
from tunesmith.data.written import doubts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

log = logging.getLogger("tunesmith")


class TextDataModule(pl.LightningDataModule):
    """Texts with labels, split, tokenised and batched; works with any `pl.Trainer`.

    Args:
        data: The data config.
        tokenizer: The model's tokenizer.
        task: What the model is to do.
        seed: Seed of the training order.
        splits: Rows that are already read; by default they are read from `data`.
        labels: Label names in the model's order; by default those of the training rows.
        family: The model's family, which decides how a text that is to be written follows on another.
        unseen: Splits that are not to be looked at.
    """

    def __init__(
        self,
        data: Data,
        tokenizer: PreTrainedTokenizerFast,
        task: RowTask,
        *,
        seed: int = 0,
        splits: dict[str, Rows] | None = None,
        labels: list[str] | None = None,
        family: Family = "encoder",
        unseen: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.data = data
        self.task = task
        self.family = family
        self.tokenizer = tokenizer
        self.seed = seed
        self.splits = splits if splits is not None else read_prepared(data, task).splits
        self.labels = labels if labels is not None else learned_labels(self.splits, data, task)
        self.lengths: dict[str, Any] = {}
        """What cleaning and limits on length do to the rows, for `results.json`."""
        self.sets: dict[str, TextDataModule] = {}
        """Further rows to measure the trained network on, by the names in `evaluation.sets`; each has its one split."""
        self.split_record = split_record(self.splits, data)
        """Which row is in which split, for `split.json`."""
        self._unseen = unseen
        self._datasets: dict[str, TokenDataset] = {}
        self._epoch = 0
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
            samples = encode(self.splits[split], self.labels, self.tokenizer, self.data, self.task, self.family)
            self._datasets[split] = token_dataset(samples, self.tokenizer)
        return self._datasets[split]

    def encode_all(self) -> None:
        """Tokenise every split that will be looked at, so that what is wrong with one is told before the training.

        Raises:
            DataError: Texts cannot be brought into the form that the task asks for.
        """
        looked_at = [split for split, rows in self.splits.items() if split not in self._unseen and len(rows)]
        new = [split for split in looked_at if split not in self._datasets]  # what is known is told once
        for split in new:
            self.dataset(split)
        for sentence in doubts([self.splits[split] for split in new], self.tokenizer):
            log.warning("%s", sentence)
        for split in new:
            for sentence in unknown_token_warnings(
                self.dataset(split).samples.tokens, self.splits[split], self.tokenizer
            ):
                log.warning("%s: %s", split, sentence)

    @functools.cached_property
    def training_dataset(self) -> TokenDataset:
        """The training rows as they are trained on: packed, and weighed by their labels, where that is asked for."""
        dataset = self.dataset("train")
        if self.data.packing:
            return token_dataset(packed(dataset.samples, self.data.max_length), self.tokenizer)
        if self.class_weights is not None:
            return token_dataset(weighed(dataset.samples, self.class_weights), self.tokenizer)
        return dataset

    @functools.cached_property
    def class_weights(self) -> npt.NDArray[np.float32] | None:
        """Weight of each label in the training loss, shape (labels,); None where all weigh the same."""
        return class_weights(self.task.config, self.dataset("train").samples.labels, self.labels)

    def row_ids(self, split: str, rows: Sequence[int]) -> list[str]:
        """The ids of rows at positions in a split."""
        return [self.splits[split].ids[row] for row in rows]

    def plan(self, epoch: int) -> list[MicroBatch]:
        """The training micro-batches of an epoch, from 0."""
        samples = self.training_dataset.samples
        return plan_epoch(
            samples.tokens.lengths,
            weights=samples.weights,
            batch_size=self.data.batch_size,
            micro_batch_size=self.micro_batch_size,
            order=self.data.order,
            seed=self.seed,
            epoch=epoch,
        )

    def train_dataloader(self) -> DataLoader[Batch]:
        """Training batches of the epoch that the trainer is in."""
        sampler = PlannedSampler(self._remaining, len(self.plan(0)))
        return self._loader(self.training_dataset, sampler, self.data.num_workers)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Every validation row once."""
        return self.evaluation_dataloader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Every test row once."""
        return self.evaluation_dataloader("test")

    def evaluation_dataloader(self, split: str) -> DataLoader[Batch]:
        """Every row of a split once."""
        batches = plan_evaluation(self.dataset(split).lengths, self.data.eval_batch_size)
        return self._loader(self.dataset(split), PlannedSampler(lambda: batches, len(batches)))

    def state_dict(self) -> dict[str, Any]:
        """The epoch to go on with, and micro-batches done in it, for a checkpoint."""
        if self.trainer is None:
            return {"epoch": 0, "position": 0}
        loop = self.trainer.fit_loop
        position = loop.epoch_loop.batch_progress.current.completed
        ended = position >= loop.max_batches
        return {"epoch": self._epoch + 1, "position": 0} if ended else {"epoch": self._epoch, "position": position}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where a checkpoint stopped."""
        self._resumed = dict(state_dict)

    def _remaining(self) -> list[MicroBatch]:
        """What is left of the current epoch: all of it, unless a checkpoint was restored in its middle."""
        resumed, self._resumed = self._resumed, None
        if resumed is None:
            self._epoch = self.trainer.current_epoch if self.trainer is not None else 0
            return self.plan(self._epoch)
        # Loading processes ask for batches at once, when Lightning has not restored its own count of epochs yet.
        self._epoch = resumed["epoch"]
        return self.plan(self._epoch)[resumed["position"] :]

    @staticmethod
    def _loader(dataset: TokenDataset, sampler: PlannedSampler, num_workers: int = 0) -> DataLoader[Batch]:
        # A batch comes out of the dataset whole, hence `sampler` with automatic batching off.
        start = leave_signals_to_the_run if num_workers else None
        return DataLoader(dataset, sampler=sampler, batch_size=None, num_workers=num_workers, worker_init_fn=start)


def token_dataset(samples: Samples, tokenizer: PreTrainedTokenizerFast) -> TokenDataset:
    """Samples that are padded as the tokenizer would; what is asked token by token is padded on the right."""
    pad = tokenizer.pad_token_id
    side = "right" if isinstance(samples.labels, Tokens) else tokenizer.padding_side
    return TokenDataset(samples, 0 if pad is None else pad, side)


def leave_signals_to_the_run(worker: int) -> None:
    """In a loading process: go on until the run lets go of it, or dies; a signal to a whole job is the run's to answer.

    Ended by the signal, it would take the run with it before the checkpoint.
    """
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(signum, signal.SIG_IGN)
