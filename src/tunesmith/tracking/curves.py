"""A Lightning logger for a tracker that is opened and closed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from tunesmith.tracking.tracker import Tracker


class CurveLogger(Logger):
    """Sends curves to an open tracker and nothing else.

    Lightning's own loggers open runs themselves, name checkpoint folders at random and add a flat copy of the
    hyperparameters beside the nested configuration.
    """

    def __init__(self, tracker: Tracker) -> None:
        """Log to `tracker`."""
        super().__init__()
        self._tracker = tracker

    @property
    def name(self) -> str:
        """The name of this logger, required by Lightning."""
        return "tracker"

    @property
    def version(self) -> str:
        """Empty: a tracker follows a single run."""
        return ""

    @property
    def experiment(self) -> Any:
        """The client's own object, for callbacks that log their own media; None if there is none."""
        return self._tracker.experiment

    @rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run was opened with its whole configuration."""

    @rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send one point of each curve.

        Args:
            metrics: Name to value.
            step: Optimizer steps taken so far.
        """
        self._tracker.log_metrics({name: float(value) for name, value in metrics.items()}, step)
