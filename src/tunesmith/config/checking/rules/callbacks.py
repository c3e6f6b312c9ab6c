"""Rules for callbacks: some of Lightning's do what a run does itself, or cannot work in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.checking.signatures import read_signature
from tunesmith.errors import Problem

KEPT = "the run keeps checkpoints/last.ckpt to resume from, and the best weights as its model"
SHOWN = "the run shows its own progress"
FROZEN = "the method decides which weights are trained"
FUNCTION = "it needs a function, which a config cannot contain"
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
        "the number of samples per step stays as configured",
        "Set data.batch_size and data.micro_batch_size",
    ),
    "LearningRateFinder": (
        "it has no learning rate that it could set",
        "Search for one: tunesmith train -m optimizer.lr=1e-5,1e-4",
    ),
    "ModelPruning": ("it does not prune the weights that are evaluated and saved", None),
    "SpikeDetection": ("it ends a run with its own error", "A loss that is not finite ends the run and names the rows"),
    "LambdaCallback": (FUNCTION, "Write a subclass of pytorch_lightning.Callback, and add --trust MODULE"),
    "ThroughputMonitor": (FUNCTION, "results.json has train_samples_per_s"),
    "BasePredictionWriter": ("it writes nothing by itself", "predictions.jsonl has the predictions"),
}
"""Lightning callbacks that cannot be used in a run: why, and what to do instead."""
FAMILIES = ("Checkpoint", "ProgressBar")
"""Those whose subclasses by the user are refused too, since the Trainer would not accept them."""


@rule("callbacks")
def _callbacks(callbacks: Mapping[str, Any]) -> Problem | None:
    for name, node in callbacks.items():
        target = node.get("_target_") if isinstance(node, Mapping) else None
        kind = _kind(target) if isinstance(target, str) else None
        if kind is not None:
            reason, instead = REFUSED[kind]
            hint = f"Leave it out{f'. {instead}' if instead else ''}"
            return Problem(f"callbacks.{name}", f"cannot be used: {reason}", target, hint)
    return None


def _kind(target: str) -> str | None:
    """The entry of `REFUSED` that applies to a class; None if none does."""
    signature = read_signature(target)
    if signature is None:
        return None
    own, *bases = (name.rpartition(".")[2] for name in _of_lightning((signature.name, *signature.ancestors)))
    return own if own in REFUSED else next((base for base in bases if base in FAMILIES), None)


def _of_lightning(names: tuple[str, ...]) -> list[str]:
    """The names, with those from other libraries replaced by an empty one."""
    return [name if name.startswith("pytorch_lightning.") else "" for name in names]
