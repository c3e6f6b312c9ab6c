"""Hands Hydra the sweeper. Hydra imports this at every start, so that it imports nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hydra.plugins.sweeper import Sweeper

if TYPE_CHECKING:
    from hydra.types import HydraContext, TaskFunction
    from omegaconf import DictConfig


class TunesmithSweeper(Sweeper):
    """Searches with `tunesmith.sweeping`; configured by the `hydra.sweeper` node (`tunesmith/config/sweeper.py`)."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.task: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what a trial does; Hydra calls this first."""
        self.task = task_function

    def sweep(self, arguments: list[str]) -> Any:
        """Search over what the arguments and the settings leave open.

        Args:
            arguments: The overrides of the command line, less Hydra's own.
        """
        if not hasattr(self.task, "search"):
            raise RuntimeError("this sweeper starts runs of Tunesmith only: tunesmith train -m, or tunesmith sweep")
        return self.task.search(self.settings, arguments)
