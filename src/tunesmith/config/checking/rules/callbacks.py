"""Rules on callbacks: Lightning brings some that do what a run does itself, or that cannot work on one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.checking.signatures import read_signature
from tunesmith.errors import Problem

KEPT = "the run keeps checkpoints/last.ckpt to go on with, and the best weights as its model"
SHOWN = "the run shows its own progress"
FROZEN = "which weights are trained is the method's"
FUNCTION = "it takes a function, which no config can hold"
OFTEN = "Use trainer.checkpoint_every_steps=100 to write last.ckpt more often"
REFUSED = {
    "Checkpoint": (KEPT, OFTEN),
    "ModelCheckpoint": (KEPT, OFTEN),
    "OnExceptionCheckpoint": (KEPT, OFTEN),
    "ProgressBar": (SHOWN, None),
    "RichProgressBar": (SHOWN, None),
    "TQDMProgressBar": (SHOWN, None),
    "BaseFinetuning": (FROZEN, "Use method=gradual, last_layers or freeze"),
    "BackboneFinetuning": (FROZEN, "Use method=gradual, last_layers or freeze"),
    "BatchSizeFinder": ("the batch size is part of the result", "Set data.micro_batch_size to what fits into memory"),
    "GradientAccumulationScheduler": (
        "samples per step stay as they are configured",
        "Set data.batch_size and data.micro_batch_size",
    ),
    "LearningRateFinder": (
        "it has no learning rate to set here",
        "Search it: tunesmith train -m optimizer.lr=1e-5,1e-4",
    ),
    "ModelPruning": ("what it prunes is not what is measured and saved", None),
    "SpikeDetection": ("it ends a run by an error of its own", "A loss that is not finite ends the run, with its rows"),
    "LambdaCallback": (FUNCTION, "Derive a class of your own from pytorch_lightning.Callback, and add --trust MODULE"),
    "ThroughputMonitor": (FUNCTION, "results.json has train_samples_per_s"),
    "BasePredictionWriter": ("it writes nothing by itself", "predictions.jsonl has them"),
}
"""Callbacks of Lightning's that a run cannot have: why, and what to do instead."""
FAMILIES = ("Checkpoint", "ProgressBar")
"""Of these, classes of the user's own are refused too: the Trainer would not take them."""


@rule("callbacks")
def _callbacks(callbacks: Mapping[str, Any]) -> Problem | None:
    for name, node in callbacks.items():
        target = node.get("_target_") if isinstance(node, Mapping) else None
        kind = _kind(target) if isinstance(target, str) else None
        if kind is not None:
            why, instead = REFUSED[kind]
            hint = f"Leave it out{f'. {instead}' if instead else ''}"
            return Problem(f"callbacks.{name}", f"cannot be used: {why}", target, hint)
    return None


def _kind(target: str) -> str | None:
    """The entry of `REFUSED` that a class falls under."""
    signature = read_signature(target)
    if signature is None:
        return None
    own, *bases = (name.rpartition(".")[2] for name in _of_lightning((signature.name, *signature.ancestors)))
    return own if own in REFUSED else next((base for base in bases if base in FAMILIES), None)


def _of_lightning(names: tuple[str, ...]) -> list[str]:
    """The names, those from elsewhere blanked."""
    return [name if name.startswith("pytorch_lightning.") else "" for name in names]
