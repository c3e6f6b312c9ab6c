"""The training step and the evaluation pass, as a LightningModule."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from tunesmith.errors import FilesError, NotFiniteError
from tunesmith.models.objectives import Answers, Objective
from tunesmith.models.weights import tensors_sha256
from tunesmith.seeding import derive_seed

OptimizerFactory = Callable[[torch.nn.Module], torch.optim.Optimizer]
SchedulerFactory = Callable[[torch.optim.Optimizer, int], dict[str, Any]]
"""From the optimizer and the number of optimizer steps to Lightning's `lr_scheduler` entry."""
MetricFunction = Callable[[Any, Any], Mapping[str, Any]]
"""Takes predictions and references as the task's objective returns them, and returns metrics by name: numbers, or
mappings for tables. If the objective predicts nothing, it takes the rows' summed losses and their counts."""

STATES = ("state_dict", "current_model_state")
"""Keys of a checkpoint that hold weights: with weight averaging, the average and those of the last step."""


@dataclass(frozen=True)
class Outputs:
    """The results of one evaluation pass, in the order of the split's rows."""

    split: str
    logits: Answers
    """The network's predictions: for most tasks logits of shape (rows, labels), fp32, on the CPU; otherwise numbers,
    a list of logits per word, or texts."""
    labels: Answers
    """The references: for classification, the index of the correct label, shape (rows,)."""
    metrics: dict[str, float]
    """`<split>/<name>` to value."""
    losses: Tensor
    """Summed loss of each row in nats, shape (rows,)."""
    counts: Tensor
    """Number of tokens or words in each sum, shape (rows,)."""
    tables: dict[str, Any] = field(default_factory=dict)
    """`<split>/<name>` to a metric that is a matrix or curve."""
    speaks: bool = True
    """Whether metrics compare predictions with references, or are computed from losses."""
    num_bytes: Tensor | None = None
    """Where metrics are computed from losses: the bytes of text in each sum, shape (rows,), if they are known."""

    @property
    def measured(self) -> tuple[Any, Any]:
        """What metrics compare, row by row; losses with their counts of shape (rows,), or of tokens and bytes."""
        if self.speaks:
            return self.logits, self.labels
        return self.losses, counted(self.counts, self.num_bytes)

    @property
    def loss(self) -> float:
        """The split's loss."""
        return self.metrics[f"{self.split}/loss"]

    @property
    def defined_metrics(self) -> dict[str, float]:
        """The metrics defined on these rows; e.g. the correlation of constant numbers is not."""
        return {name: value for name, value in self.metrics.items() if math.isfinite(value)}


class FineTuner(pl.LightningModule):
    """Trains a network for a task; works with any `pl.Trainer`.

    The loss of an optimizer step is the weighted mean over all its samples, tokens or words, however they are divided
    into micro-batches.

    Args:
        network: The network to train.
        objective: The task's inputs and losses; by default those of one label per text.
        optimizer: Builds the optimizer from the network.
        scheduler: Builds the schedule from the optimizer and the number of steps; None keeps the rate constant.
        metrics: Computes the metrics of an evaluation pass.
        seed: The run's seed; randomness within a step (dropout) depends only on it and the step's number.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        objective: Objective | None = None,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory | None = None,
        metrics: MetricFunction | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.network = network
        self.objective = objective or Objective()
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.metrics = metrics
        self.seed = seed
        self.outputs: dict[str, Outputs] = {}
        self._collected: list[tuple[Tensor, Tensor, Tensor, Answers, Answers]] = []
        self._step_loss = 0.0
        self._step: dict[str, Tensor | float] = {}
        self._frozen: str | None = None
        self.strict_loading = False  # a checkpoint leaves out what was not trained

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out frozen weights, and store their hash (docs/decisions.md, 2026-11-22: a checkpoint leaves out)."""
        frozen = {f"network.{name}" for name, p in self.network.named_parameters() if not p.requires_grad}
        for states in STATES:
            if states in checkpoint:
                checkpoint[states] = {k: v for k, v in checkpoint[states].items() if k not in frozen}
        checkpoint["frozen_sha256"] = self._frozen_sha256()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint written over other frozen weights; with weight averaging, fill in the frozen ones."""
        if checkpoint["frozen_sha256"] != self._frozen_sha256():
            raise FilesError("the checkpoint was written over frozen weights that differ from those loaded now")
        if all(states in checkpoint for states in STATES):
            frozen = {f"network.{name}": p.data for name, p in self.network.named_parameters() if not p.requires_grad}
            for states in STATES:
                checkpoint[states] = {**frozen, **checkpoint[states]}

    def _frozen_sha256(self) -> str:
        if self._frozen is None:
            frozen = {name: p.data for name, p in self.network.named_parameters() if not p.requires_grad}
            self._frozen = tensors_sha256(frozen)
        return self._frozen

    def forward(self, batch: Mapping[str, Any]) -> Tensor:
        """Compute what losses and answers of a batch are made from: logits, or the losses of tokens."""
        return self.objective.forward(self.network, batch)

    def on_fit_start(self) -> None:
        """Put the network into training mode; Lightning does not change the mode."""
        self.network.train()

    def on_train_batch_start(self, batch: Mapping[str, Any], batch_idx: int) -> None:
        """Seed the randomness of this forward pass (docs/decisions.md, 2026-11-22: randomness without state)."""
        torch.manual_seed(derive_seed(self.seed, "step", self.global_step, batch_idx))

    def training_step(self, batch: Mapping[str, Any], batch_idx: int) -> Tensor:
        """Return the micro-batch's share of the step's mean loss."""
        losses = self.objective.losses(self(batch), batch)
        share: Tensor = losses.sum() / batch["window"]
        value = share.detach().item()
        if not math.isfinite(value):
            raise self._not_finite(value, "train", batch["rows"][~torch.isfinite(losses)])
        self._step_loss += value
        # Lightning divides by this constant, which is wrong for the short last step of an epoch: undo it.
        return share * self.trainer.accumulate_grad_batches

    def _not_finite(self, loss: float, split: str, rows: Tensor) -> NotFiniteError:
        """Describe a loss that is not finite: the step, and the ids (or else positions) of up to ten rows."""
        positions = rows.tolist()[:10]
        identify = getattr(getattr(self.trainer, "datamodule", None), "row_ids", None)
        ids = identify(split, positions) if identify is not None else [str(row) for row in positions]
        name = {"train": "training", "val": "validation"}.get(split, split)
        return NotFiniteError(
            f"the loss is {loss} at step {self.global_step} ({name} rows with id {', '.join(ids)}). "
            "Try a smaller optimizer.lr, a longer scheduler.warmup_fraction, or trainer.precision=32-true"
        )

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip gradients; unlike Lightning's clipping, this also works for fused optimizers under bf16."""
        self._step = {"train/lr": float(optimizer.param_groups[0]["lr"])}
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        limit = float("inf") if gradient_clip_val is None else gradient_clip_val
        if gradient_clip_algorithm == "value":
            torch.nn.utils.clip_grad_value_(parameters, limit)
        else:
            self._step["train/grad_norm"] = torch.nn.utils.clip_grad_norm_(parameters, limit)

    @property
    def step_loss(self) -> float | None:
        """The loss of the optimizer step that a micro-batch ended, for callbacks at its end; None within a step."""
        return self._step_loss if self._step else None

    def on_train_batch_end(self, outputs: Any, batch: Mapping[str, Any], batch_idx: int) -> None:
        """Log the optimizer step, if one was taken: mean loss, learning rate, gradient norm before clipping."""
        if not self._step:
            return
        values = {"train/loss": self._step_loss, **self._step} | self._place()
        self.log_dict(values, on_step=True, on_epoch=False, batch_size=1)
        self._step_loss, self._step = 0.0, {}

    def on_validation_epoch_start(self) -> None:
        """Start an evaluation pass."""
        self._collected = []

    on_test_epoch_start = on_validation_epoch_start

    def validation_step(self, batch: Mapping[str, Any], batch_idx: int) -> None:
        """Keep the batch's predictions; metrics are computed over all rows at once, whatever the batch size."""
        outputs = self(batch)
        losses, counts = (part.cpu().double() for part in self.objective.measure(outputs, batch))
        answers = self.objective.answers(self.network, outputs, batch)
        self._collected.append((batch["rows"].cpu(), losses, counts, answers, self.objective.truths(batch)))

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        """Compute and log the metrics of the pass."""
        self._finish("val")

    def on_test_epoch_end(self) -> None:
        """Compute and log the metrics of the pass."""
        self._finish("test")

    def _finish(self, split: str) -> None:
        outputs = self.outputs[split] = self.take_outputs(split)
        faulty = ~torch.isfinite(outputs.losses)
        if faulty.any():  # the last step may have ruined the weights, which no training loss would show
            raise self._not_finite(outputs.metrics[f"{split}/loss"], split, faulty.nonzero().flatten())
        self.log_dict(outputs.metrics | self._place(), batch_size=len(outputs.losses))

    def take_outputs(self, split: str) -> Outputs:
        """Return the results of all steps since the last `on_validation_epoch_start`; nothing is logged."""
        rows, losses, counts, answers, truths = (_joined(parts) for parts in zip(*self._collected, strict=True))
        num_rows = int(rows.max()) + 1
        losses, counts = (torch.zeros(num_rows).double().index_add(0, rows, part) for part in (losses, counts))
        values: dict[str, Any] = {"loss": (losses.sum() / counts.sum()).item()}
        speaks = self.objective.SPEAKS
        num_bytes = None
        if not speaks and isinstance(answers, Tensor):
            num_bytes = torch.zeros(num_rows).double().index_add(0, rows, answers.double())
            answers = truths
        if len(torch.unique(rows)) == len(rows):
            order = torch.argsort(rows)
            answers, truths = (_ordered(part, order) for part in (answers, truths))
        if self.metrics is not None:
            values |= self.metrics(answers, truths) if speaks else self.metrics(losses, counted(counts, num_bytes))
        self._collected = []
        named = {f"{split}/{name}": value for name, value in values.items()}
        tables = {name: value for name, value in named.items() if isinstance(value, Mapping)}
        metrics = {name: value for name, value in named.items() if name not in tables}
        return Outputs(split, answers, truths, metrics, losses, counts, tables, speaks, num_bytes)

    def _place(self) -> dict[str, float]:
        """The x axes of a logged point: Lightning reads them from the values, or else counts steps from 0."""
        return {"step": float(self.global_step), "epoch": float(self.current_epoch)}

    def configure_optimizers(self) -> Any:
        """Build the optimizer, and its schedule over all steps of the run."""
        optimizer = self.make_optimizer(self.network)
        if self.make_scheduler is None:
            return optimizer
        num_steps = int(self.trainer.estimated_stepping_batches)
        return {"optimizer": optimizer, "lr_scheduler": self.make_scheduler(optimizer, num_steps)}


def counted(counts: Tensor, num_bytes: Tensor | None) -> Tensor:
    """Return the numbers of tokens, shape (rows,), or with those of bytes, shape (rows, 2)."""
    return counts if num_bytes is None else torch.stack([counts, num_bytes], dim=1)


def _joined(parts: Sequence[Any]) -> Any:
    """Concatenate the values of all batches."""
    return torch.cat(list(parts)) if isinstance(parts[0], Tensor) else [item for part in parts for item in part]


def _ordered(values: Any, order: Tensor) -> Any:
    return values[order] if isinstance(values, Tensor) else [values[i] for i in order.tolist()]
