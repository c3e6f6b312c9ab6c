"""The Lightning logger of a tracker that somebody else opened and will close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from tunesmith.tracking.tracker import Tracker


class CurveLogger(Logger):
    """Sends curves to an open tracker and nothing else.

    Lightning's own loggers open runs by themselves, name checkpoint folders at random and add a flat copy of the
    hyperparameters beside the nested configuration.
    """

    def __init__(self, tracker: Tracker) -> None:
        """Log to `tracker`."""
        super().__init__()
        self._tracker = tracker

    @property
    def name(self) -> str:
        """The kind of logger, as Lightning asks for it."""
        return "tracker"

    @property
    def version(self) -> str:
        """Empty: a tracker follows one run."""
        return ""

    @property
    def experiment(self) -> Any:
        """The client's own object, for callbacks that log media of their own; None if there is none."""
        return self._tracker.experiment

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
        self._tracker.log_metrics({name: float(value) for name, value in metrics.items()}, step)
