"""Reads and writes `trial.json`; imports nothing heavy."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from tunesmith.errors import FilesError
from tunesmith.storage import read_mapping, write_json

TRIAL_FILE = "trial.json"
SEED_FOLDER = "seed-{}"
FOLD_FOLDER = "fold-{}"
"""Run directory of one replicate, inside the folder of a trial with several."""

State = Literal["completed", "running", "paused", "waiting", "pruned", "interrupted", "failed"]
"""State of a trial, in the order of the leaderboard."""
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class TrialRecord:
    """The content of `trial.json`, and its directory."""

    number: int
    state: State
    values: tuple[float, ...] | None = None
    """One per objective, the mean over its replicates; only for a completed trial."""
    reason: str | None = None
    """Why the trial did not complete."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Swept keys and their values in the config; a conditional key is absent if it does not apply."""
    overrides: tuple[str, ...] = ()
    curve: tuple[tuple[int, float], ...] = ()
    """(optimizer step, first objective), as reported during training."""
    steps: int = 0
    """Optimizer steps run."""
    full_steps: int | None = None
    """Optimizer steps of a full run."""
    seconds: float | None = None
    started: str | None = None
    ended: str | None = None
    exit_code: int | None = None
    attempt: int = 1
    rungs: Mapping[int, float] = field(default_factory=dict)
    """Index of each rung reached, to the first objective there."""
    decision: str | None = None
    """The last decision that it received at a rung."""
    replicates: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    """Index of a replicate, in the order of seeds, to its final values."""
    replicate_steps: Mapping[int, int] = field(default_factory=dict)
    """Index of a replicate to its share of `steps`."""
    replicate_full_steps: Mapping[int, int] = field(default_factory=dict)
    """Index of a replicate that has started to its share of `full_steps`; the others' is estimated."""
    num_trainable_parameters: int | None = None
    peak_memory_mb: float | None = None
    """Maximum over all replicates and attempts."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Unknown keys of the file, such as a later version's; they are written back."""
    directory: Path = Path()

    @property
    def completed(self) -> bool:
        """Whether it completed with finite values, which can be ranked."""
        return self.state == "completed" and bool(self.values) and all(map(math.isfinite, self.values or ()))

    @property
    def repeat_values(self) -> tuple[tuple[float, ...], ...] | None:
        """The values of each replicate, in the order of seeds; None unless there are several."""
        ordered = tuple(self.replicates[replicate] for replicate in sorted(self.replicates))
        return ordered if len(ordered) > 1 else None

    @property
    def spread(self) -> float | None:
        """Sample standard deviation (n-1) of the first objective over the replicates; None without repeats."""
        firsts = [values[0] if values else math.nan for values in self.repeat_values or ()]
        return statistics.stdev(firsts) if firsts and all(map(math.isfinite, firsts)) else None

    @property
    def finite_curve(self) -> tuple[tuple[int, float], ...]:
        """The points of the curve with finite values."""
        return tuple((step, value) for step, value in self.curve if math.isfinite(value))

    @property
    def runs(self) -> tuple[Path, ...]:
        """Its run directories, one per started replicate; its own directory if there is only one."""
        found = [path for name in (SEED_FOLDER, FOLD_FOLDER) for path in self.directory.glob(name.format("*"))]
        return tuple(sorted(found, key=lambda path: (len(path.name), path.name))) or (self.directory,)

    def to_json(self) -> dict[str, Any]:
        """Return the content of `trial.json`, in its order; numbers that are not finite are null."""
        known = {
            "number": self.number,
            "state": self.state,
            "values": self.values,
            "reason": self.reason,
            "exit_code": self.exit_code,
            "params": self.params,
            "attempt": self.attempt,
            "rungs": self.rungs,
            "curve": self.curve,
            "decision": self.decision,
            **({"replicates": dict(sorted(self.replicates.items()))} if self.replicates else {}),
            **({"repeat_values": self.repeat_values, "spread": self.spread} if self.repeat_values else {}),
            "overrides": self.overrides,
            "steps": self.steps,
            "full_steps": self.full_steps,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "started": self.started,
            "ended": self.ended,
            "num_trainable_parameters": self.num_trainable_parameters,
            "peak_memory_mb": self.peak_memory_mb,
            "replicate_steps": self.replicate_steps,
            **({"replicate_full_steps": self.replicate_full_steps} if self.replicate_full_steps else {}),
        }
        strict: dict[str, Any] = _strict(known | dict(self.extra))
        return strict

    @classmethod
    def from_json(cls, value: Mapping[str, Any], directory: Path = Path()) -> Self:
        """Build a trial from the content of a `trial.json`.

        Args:
            value: The file's content.
            directory: The file's directory.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: The content is not a trial's.
        """
        return cls(
            number=int(value["number"]),
            state=_state(value["state"]),
            values=None if value.get("values") is None else _numbers(value["values"]),
            reason=value.get("reason"),
            params=dict(value.get("params") or {}),
            overrides=tuple(value.get("overrides") or ()),
            curve=tuple((int(step), _number(measured)) for step, measured in value.get("curve") or ()),
            steps=int(value.get("steps") or 0),
            full_steps=value.get("full_steps"),
            seconds=value.get("seconds"),
            started=value.get("started"),
            ended=value.get("ended"),
            exit_code=value.get("exit_code"),
            attempt=int(value.get("attempt") or 1),
            rungs={int(rung): _number(measured) for rung, measured in (value.get("rungs") or {}).items()},
            decision=value.get("decision"),
            replicates=_replicates(value),
            replicate_steps=_counts(value.get("replicate_steps")),
            replicate_full_steps=_counts(value.get("replicate_full_steps")),
            num_trainable_parameters=value.get("num_trainable_parameters"),
            peak_memory_mb=value.get("peak_memory_mb"),
            extra={key: item for key, item in value.items() if key not in _KNOWN},
            directory=directory,
        )


_KNOWN = {item.name for item in fields(TrialRecord)} - {"extra", "directory"} | {"repeat_values", "spread"}


def replicate_directory(trial: Path, replicate: int, repeats: int, *, folds: bool = False) -> Path:
    """Return the run directory of one replicate of a trial: the trial's own unless there are several.

    Args:
        trial: The trial's directory.
        replicate: Index of the replicate, in the order of seeds.
        repeats: Replicates per trial.
        folds: Whether they are folds instead of seeds.
    """
    return trial / (FOLD_FOLDER if folds else SEED_FOLDER).format(replicate) if repeats > 1 else trial


def read_trial(path: Path) -> TrialRecord:
    """Read one `trial.json`.

    Raises:
        FilesError: The file is damaged or missing.
    """
    value = read_mapping(path, json.loads)
    try:
        return TrialRecord.from_json(value, path.parent)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FilesError(f"{path} is damaged: {type(error).__name__}: {error}") from None


def write_trial(trial: TrialRecord) -> None:
    """Write a trial's `trial.json` into its directory, which is created if it is missing.

    Raises:
        FilesError: The file cannot be written.
    """
    trial.directory.mkdir(parents=True, exist_ok=True)
    write_json(trial.directory / TRIAL_FILE, trial.to_json())


def _state(value: Any) -> State:
    if value not in STATES:
        raise ValueError(f"{value!r} is not a trial's state")
    return value  # type: ignore[no-any-return]


def _number(value: Any) -> float:
    # JSON has no NaN or infinity: such a value was written as null.
    return math.nan if value is None else float(value)


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(map(_number, values))


def _counts(value: Any) -> dict[int, int]:
    return {int(key): int(steps) for key, steps in (value or {}).items()}


def _replicates(value: Mapping[str, Any]) -> dict[int, tuple[float, ...]]:
    # An older file may only list each replicate's values, in the order of seeds.
    by_number = value.get("replicates") or dict(enumerate(value.get("repeat_values") or ()))
    return {int(replicate): _numbers(values) for replicate, values in by_number.items()}


def _strict(value: Any) -> Any:
    """Convert to strict JSON, which has no NaN, no infinity and no numeric keys."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    return [_strict(item) for item in value] if isinstance(value, list | tuple) else value
