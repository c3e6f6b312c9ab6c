"""Replace every `auto` in a config with its value on this machine, leaving none in a saved config."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from tunesmith.config.checking.directions import mode_of
from tunesmith.config.composing.compose import Composed
from tunesmith.config.data_files import HUB
from tunesmith.config.schema import RunConfig
from tunesmith.data.sources.hub import pins
from tunesmith.machine import usable_threads
from tunesmith.training.instantiate import takes_keyword
from tunesmith.training.warm_start import start_of

FP32_ERROR = 2e-6
"""Largest relative error at which a matrix-product route still counts as fp32."""


def decide(composed: Composed) -> Composed:
    """Resolve a run's open decisions: device, threads, matrix route, micro-batch, the monitor's direction, a commit.

    `logger.mode` stays open: whether a server can be reached is not a property of the run.
    """
    decisions = _decisions(composed.config)
    if not decisions:
        return composed
    saved = copy.deepcopy(composed.saved)
    for (group, key), value in decisions.items():
        saved[group][key] = value
    return composed.with_saved(saved)


def _decisions(config: RunConfig) -> Mapping[tuple[str, str], Any]:
    decisions = start_of(config)
    if config.data.format == HUB:
        decisions |= {("data", key): value for key, value in pins(config.data).items()}
    trainer = config.trainer
    accelerator = _accelerator() if trainer.accelerator == "auto" else trainer.accelerator
    if trainer.accelerator == "auto":
        decisions["trainer", "accelerator"] = accelerator
    if trainer.threads == "auto":
        decisions["trainer", "threads"] = usable_threads()
    if trainer.matmul_precision == "auto":
        decisions["trainer", "matmul_precision"] = "medium" if accelerator == "cpu" and _medium_is_fp32() else "highest"
    if config.data.micro_batch_size == "auto":
        decisions["data", "micro_batch_size"] = config.data.batch_size
    if config.evaluation.mode == "auto":
        decisions["evaluation", "mode"] = mode_of(config.evaluation.monitor, config.evaluation)
    if takes_keyword(config.optimizer.target, "fused") and config.optimizer.kwargs().get("fused") is None:
        # Faster with the same numerics; but the fp16 scaler leaves a fused optimizer's gradients scaled for clipping.
        decisions["optimizer", "fused"] = trainer.precision != "16-mixed"
    return decisions


def _accelerator() -> str:
    if torch.cuda.is_available():
        return "gpu"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _medium_is_fp32() -> bool:
    """Whether torch's `medium` route keeps fp32 accuracy on this CPU.

    It sends products to oneDNN, which computes in fp32 on CPUs with AVX-512 but no AMX, twice as fast as the default
    route; with AMX it would round to bf16. This is measured, not inferred from the CPU's name
    (see docs/decisions.md, 2026-11-22: `matmul_precision: auto` measures).
    """
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(shape, generator=generator) for shape in ((256, 384), (384, 256)))
    exact = a.double() @ b.double()
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        error = ((a @ b).double() - exact).abs().max() / exact.abs().max()
    finally:
        torch.set_float32_matmul_precision(before)
    return error.item() < FP32_ERROR
