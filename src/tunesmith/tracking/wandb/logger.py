"""The Lightning logger of a W&B run that somebody else opened and will close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from tunesmith.tracking.wandb.client import Guard


class CurveLogger(Logger):
    """Sends curves to an open run and nothing else.

    Lightning's own WandbLogger opens runs by itself, never finishes them, names checkpoint folders at random and
    adds a flat copy of the hyperparameters beside the nested configuration.
    """

    def __init__(self, run: Any, guard: Guard, step_metric: str) -> None:
        """Log to `run`, or to nothing where it is None, with the optimizer step as the metric `step_metric`."""
        super().__init__()
        self._run = run
        self._guard = guard
        self._step_metric = step_metric

    @property
    def name(self) -> str:
        """The kind of logger, as Lightning asks for it."""
        return "wandb"

    @property
    def version(self) -> str:
        """The run's id on the server; empty without a run."""
        return self._run.id if self._run is not None else ""

    @property
    def experiment(self) -> Any:
        """The client's run, for callbacks that log media of their own; None without a run."""
        return self._run

    @rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run was opened with its whole configuration."""

    @rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send one point of each curve.

        Args:
            metrics: Name to value.
            step: Optimizer steps taken so far.
        """
        if self._run is None:
            return
        values: dict[str, float | int] = {name: float(value) for name, value in metrics.items()}
        if step is not None:
            values[self._step_metric] = step
        with self._guard("W&B does not accept metrics"):
            self._run.log(values)
