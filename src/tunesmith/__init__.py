"""Tunesmith: declarative fine-tuning experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tunesmith.config.composing.compose import compose
    from tunesmith.data.saved_rows import save_rows
    from tunesmith.runs.record import load_run
    from tunesmith.training.networks import load_model
    from tunesmith.training.start import train

__all__ = ["compose", "load_model", "load_run", "save_rows", "train"]

_HOMES = {
    "compose": "tunesmith.config.composing.compose",
    "load_model": "tunesmith.training.networks",
    "load_run": "tunesmith.runs.record",
    "save_rows": "tunesmith.data.saved_rows",
    "train": "tunesmith.training.start",
}


def __getattr__(name: str) -> Any:
    # Deferred, so that `import tunesmith` and every verb that does not train stay free of torch.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
