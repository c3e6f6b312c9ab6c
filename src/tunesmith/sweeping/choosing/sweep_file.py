"""The sweep that follows from an advice: the first models, their rates, and as many trials as there is time."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tunesmith.config.schema import RunConfig
from tunesmith.storage import write_text
from tunesmith.sweeping.choosing.measuring import ADAPTER
from tunesmith.sweeping.choosing.ranking import Ranked, seconds_of_run
from tunesmith.sweeping.space.grammar import text_of_space

FILE = "advised.yaml"
MOST_MODELS = 3
MOST_TRIALS, USUAL_TRIALS, LEAST_TRIALS = 24, 12, 4
"""Trials: at most, without a limit on time, and those for which epochs are saved."""
OF_A_RUN = 0.6
"""What a trial takes of a whole run, since ASHA lets half of them go on at a quarter and at half of the way."""
WHOLE, PART = "tag(log, interval(1e-5, 5e-4))", "tag(log, interval(1e-4, 5e-3))"
"""Rates where all weights are trained, and where some are."""
BOTH = "tag(log, interval(1e-5, 5e-3))"


@dataclass(frozen=True)
class SweepPlanned:
    """The sweep to run next."""

    chosen: Sequence[Ranked]
    epochs: int | None
    """Epochs of a run; None leaves them to the config."""
    n_trials: int
    seconds: float
    """What it is expected to take, one trial after another."""
    timeout: float | None
    """Seconds after which it starts no more trials."""


def planned_sweep(
    ranked: Sequence[Ranked], config: RunConfig, num_rows: int, time: float | None, *, may_shorten: bool
) -> SweepPlanned | None:
    """Choose models, epochs and trials that go into the time; None if no model is fast enough.

    Args:
        ranked: The models, the first first.
        config: The run's config.
        num_rows: Training rows.
        time: Seconds for the whole sweep; None is no limit.
        may_shorten: Whether runs may have fewer epochs than the config says.
    """
    chosen = [item for item in ranked if item.is_fast_enough][:MOST_MODELS]
    if not chosen:
        return None
    chosen = [item for item in chosen if item.is_tied == chosen[0].is_tied]
    epochs = config.trainer.max_epochs if may_shorten else None

    def trial_s(length: int | None) -> float:
        return OF_A_RUN * sum(seconds_of_run(item.gauged, config, num_rows, length) for item in chosen) / len(chosen)

    if time is None:
        return SweepPlanned(chosen, epochs, USUAL_TRIALS, USUAL_TRIALS * trial_s(epochs), None)
    while len(chosen) > 1 and time < 2 * len(chosen) * trial_s(1 if epochs else None):
        chosen = chosen[:-1]
    while epochs is not None and epochs > 1 and time < LEAST_TRIALS * trial_s(epochs):
        epochs -= 1
    n_trials = max(1, min(MOST_TRIALS, math.floor(time / trial_s(epochs))))
    return SweepPlanned(chosen, epochs, n_trials, n_trials * trial_s(epochs), time)


def sweep_node(sweep: SweepPlanned, config: RunConfig, typed: Sequence[str]) -> dict[str, Any]:
    """Return the content of the sweep's file; its `params` are empty if nothing is left to be varied.

    Args:
        sweep: The sweep.
        config: The run's config.
        typed: The overrides of the command line, which fix what they set.
    """
    names = [word.lstrip("+~").partition("=")[0] for word in typed]
    all_named = all(item.gauged.candidate.option is not None for item in sweep.chosen)
    has_method = any(name.partition(".")[0] == "method" for name in names)
    points = [_point(item, with_method=not has_method, with_path=not all_named) for item in sweep.chosen]
    keys = list(dict.fromkeys(key for point in points for key in point))
    varied = [key for key in keys if len({point.get(key) for point in points}) > 1]
    fixed = {key: points[0][key] for key in keys if key not in varied}
    params = {key: f"choice({', '.join(text_of_space(point[key]) for point in points)})" for key in varied}
    if "optimizer.lr" not in names:
        params["optimizer.lr"] = rates_of(sweep, config, names)
    options = [{f"override {key}": fixed[key]} for key in ("model", "method") if key in fixed]
    node: dict[str, Any] = {"defaults": ["train", "_self_", *options]}
    if "model.path" in fixed:
        node["model"] = {"path": fixed["model.path"]}
    if sweep.epochs is not None:
        node["trainer"] = {"max_epochs": sweep.epochs}
    sweeper: dict[str, Any] = {"n_trials": sweep.n_trials}
    if sweep.timeout is not None:
        sweeper["timeout"] = float(sweep.timeout)
    sweeper |= {"params": params} | ({"zip": [varied]} if len(varied) > 1 else {})
    node["hydra"] = {"sweeper": sweeper}
    return node


def rates_of(sweep: SweepPlanned, config: RunConfig, names: Sequence[str]) -> str:
    """Return the rates to search: those of AdamW, or a factor of ten about that of the optimizer that was named."""
    if "optimizer" in names or "optimizer._target_" in names:
        return f"tag(log, interval({config.optimizer.lr / 10:g}, {config.optimizer.lr * 10:g}))"
    methods = {item.gauged.method for item in sweep.chosen}
    return WHOLE if methods == {"full"} else PART if "full" not in methods else BOTH


def _point(item: Ranked, *, with_method: bool, with_path: bool) -> dict[str, str]:
    """The keys of a model, with its path if one of the models has no option of its own."""
    candidate = item.gauged.candidate
    chosen = {"model": candidate.option or item.gauged.family}
    chosen |= {"model.path": candidate.path} if with_path else {}
    adapted = "lora" if ADAPTER in item.gauged.words else "full"
    return chosen | ({"method": adapted} if with_method else {})


def write_sweep(
    sweep: SweepPlanned, config: RunConfig, folder: Path, typed: Sequence[str], flags: Sequence[str]
) -> str:
    """Write the sweep's file, and return the command that runs it; of a single run, if nothing is left to be varied.

    Args:
        sweep: The sweep.
        config: The run's config.
        folder: Where it is written.
        typed: Overrides of the command line, which the sweep takes too.
        flags: Its flags that the sweep needs.

    Raises:
        FilesError: It cannot be written.
    """
    path, node = folder / FILE, sweep_node(sweep, config, typed)
    if not node["hydra"]["sweeper"]["params"]:
        return shlex.join(["tunesmith", "train", *typed, *sweep.chosen[0].gauged.words, *flags])
    command = shlex.join(["tunesmith", "sweep", str(path), *typed, *flags])
    names = ", ".join(item.gauged.candidate.name for item in sweep.chosen)
    comment = (
        f"# {' '.join(command.split())}\n# What `tunesmith advise` chose: {names}; advice.json beside it says why.\n"
    )
    content = yaml.safe_dump(node, sort_keys=False, allow_unicode=True, width=1000)
    write_text(path, comment + content)
    return command
