"""The name of our sweeper in Hydra's configs. Hydra imports this at every start, so that it imports nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hydra.plugins.sweeper import Sweeper

if TYPE_CHECKING:
    from hydra.types import HydraContext, TaskFunction
    from omegaconf import DictConfig


class TunesmithSweeper(Sweeper):
    """Stands for `tunesmith.sweeping`, which Tunesmith calls itself; its settings are those of `config/sweeper.py`."""

    def __init__(self, **settings: Any) -> None:
        pass

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Refuse: another program of Hydra's has chosen it.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("this sweeper starts runs of Tunesmith only: tunesmith train -m, or tunesmith sweep")

    def sweep(self, arguments: list[str]) -> Any:
        """Never called: `setup` comes first."""
