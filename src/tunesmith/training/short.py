"""Train for a few steps outside of a run: nothing is validated, logged or written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from tunesmith.config.schema import RunConfig
from tunesmith.data.datamodule import TextDataModule
from tunesmith.models.module import FineTuner
from tunesmith.tasks.registry import task_of
from tunesmith.training import build, instantiate


def train_briefly(
    config: RunConfig,
    data: TextDataModule,
    network: torch.nn.Module,
    folder: Path,
    *,
    steps: int,
    rate: Callable[[int], float],
    callbacks: Sequence[pl.Callback],
) -> None:
    """Take optimizer steps as a run would, with rates of one's own.

    Args:
        config: The run's config, with its decisions made; its schedule and length are not used.
        data: Its data.
        network: Its network.
        folder: Where Lightning may write; it writes nothing.
        steps: Optimizer steps.
        rate: The rate of a step, from 0, in multiples of `optimizer.lr`.
        callbacks: What watches it.

    Raises:
        NotFiniteError: A loss is no number.
    """
    make_optimizer = instantiate.optimizer_factory(config.optimizer)
    module = FineTuner(
        network,
        objective=build.objective_on(data, task_of(config.task)),
        optimizer=lambda network: make_optimizer(build.groups_of(config, network)),
        scheduler=lambda optimizer, _: _by_step(optimizer, rate),
        seed=config.seed,
    )
    build.set_numerics(config)
    trainer = instantiate.instantiate_trainer(
        config,
        **build.OURS,
        accumulate_grad_batches=data.accumulate_grad_batches,
        max_steps=steps,
        max_epochs=-1,
        min_epochs=None,
        min_steps=None,
        max_time=None,
        limit_val_batches=0,
        val_check_interval=None,
        check_val_every_n_epoch=1,
        log_every_n_steps=1,
        callbacks=[*callbacks, *build.build_unfreezing(config)],
        logger=False,
        default_root_dir=str(folder),
        plugins=[LightningEnvironment()],
    )
    trainer.fit(module, datamodule=data)


def _by_step(optimizer: torch.optim.Optimizer, rate: Callable[[int], float]) -> dict[str, Any]:
    return {"scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, rate), "interval": "step"}
