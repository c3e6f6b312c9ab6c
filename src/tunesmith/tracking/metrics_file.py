"""Write a run's curves to its own directory: always on, without a server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from tunesmith.storage import LineAppender, read_points

FILE_NAME = "metrics.jsonl"
_NOISE = frozenset({"epoch", "step", "hp_metric"})
"""Added by Lightning to every set of metrics; `epoch` gets its own field."""


class JsonlLogger(Logger):
    """Writes every point of every curve as a line `{"step": ..., "epoch": ..., "time_s": ..., "train/loss": ...}`.

    `step` counts optimizer steps, `time_s` is seconds since the logger was created, continued where an earlier process
    of the same run stopped.
    """

    def __init__(self, directory: Path) -> None:
        """Write to `metrics.jsonl` in `directory`; an existing file is continued."""
        super().__init__()
        self.path = directory / FILE_NAME
        self._writer: LineAppender | None = None
        self._start = time.monotonic()

    @property
    def name(self) -> str:
        """The name of this logger, required by Lightning."""
        return "local"

    @property
    def save_dir(self) -> str:
        """The run directory, where Lightning's profilers write too."""
        return str(self.path.parent)

    @property
    def version(self) -> str:
        """Empty: a run directory holds a single run."""
        return ""

    @rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: `config.yaml` is the only record of the configuration."""

    @rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append one line; a line with a validation metric is on disk when this returns.

        Args:
            metrics: Name to value, as Lightning collects them.
            step: Optimizer steps taken so far.

        Raises:
            OSError: The line cannot be written.
        """
        values = {name: float(value) for name, value in metrics.items() if name not in _NOISE}
        if not values:
            return
        if self._writer is None:
            self._writer = self._open()
        epoch = metrics.get("epoch")
        record = {
            "step": step,
            "epoch": None if epoch is None else int(epoch),
            "time_s": round(time.monotonic() - self._start, 3),
        }
        self._writer.write({**record, **values}, sync=any(name.startswith("val/") for name in values))

    @rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
    def finalize(self, status: str) -> None:
        """Flush everything to disk and close; a later point reopens the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self) -> LineAppender:
        earlier = read_points(self.path)
        if earlier:
            self._start = min(self._start, time.monotonic() - float(earlier[-1]["time_s"]))
        return LineAppender(self.path)
