"""What a sweep is: every key of the `hydra.sweeper` node with its type, range, default and meaning."""

# ruff: noqa: RUF012 - pydantic copies a default

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tunesmith.config.schema import Count, Node, Positive, Seed


class Sweeper(Node):
    """How a search is done: what is varied, what decides, how many runs at once, when it ends."""

    params: dict[str, Any] = {}
    """Key to its values in Hydra's grammar: `choice(16, 32)`, `range(1, 5)`, `interval(0.0, 0.3)`,
    `tag(log, interval(1e-5, 1e-3))`, `glob(*)`; or `{space: ..., when: method=lora}` for a key that is varied only
    with certain values of another."""
    zip: list[list[str]] = []
    """Groups of keys of `params` that advance together instead of being multiplied."""
    explicit: list[dict[str, Any]] = []
    """The points to run, each a mapping of keys to values; instead of `params`."""
    exclude: list[dict[str, Any]] = []
    """Points to leave out: those where every key has the value given, or lies in the values given."""
    initial: list[dict[str, Any]] | str = []
    """Points to run first; or the directory of another sweep, whose best point is taken."""
    metric: str | list[str] | None = None
    """What is optimised: `val/<metric>` or `val/loss`; null is `evaluation.monitor`. Several make a Pareto front, also
    with `num_trainable_parameters`, `peak_memory_mb` or `duration_s`. The direction is the metric's own."""
    sampler: dict[str, Any] | str | None = None
    """`grid`, `random`, `qmc`, `tpe`, `gp` or `nsgaii`, or `{name: tpe, OPTION: VALUE}` with options of Optuna's class,
    or a class of Optuna's in `_target_`; null is `grid` where all values are listed and `n_trials` covers them, else
    `tpe`."""
    pruner: dict[str, Any] | str | None = None
    """`asha`, `hyperband`, `median`, `threshold` or `none`, as above, or a judge of your own in `_target_`; null is
    `none` for a grid or several metrics, else `asha`. `rungs` are the fractions of a full run at which trials are
    measured and judged; asha also takes `reduction` (of so many, one goes on) and `pauses` (whether a trial may go on
    later from its checkpoint)."""
    n_trials: Count | None = None
    """Trials in total, those before a resume included; null is every point of a grid."""
    n_jobs: Count | Literal["auto"] = "auto"
    """Trials at once; `auto` is one per GPU, or one per CPU core."""
    executor: Literal["local", "inprocess"] | dict[str, Any] = "local"
    """`local`: one process per trial; `inprocess`: one after another in this process, for debugging; or a class in
    `_target_` with its options."""
    seed: Seed = 0
    """Seed of the search: order of a grid, draws of a sampler."""
    repeats: Count = 1
    """Runs per point, over the seeds `seed`, `seed + 1`, ...; the objective is their mean."""
    timeout: Positive | None = None
    """Seconds after which no further trial is started."""
    patience: Count | None = None
    """End when this many trials in a row have brought nothing better."""
    max_failures: Count | None = None
    """End when this many trials have failed."""
    retries: Annotated[int, Field(ge=0)] = 0
    """Times that a failed trial is tried again, from its last checkpoint."""
    on_failure: Literal["report", "ignore"] = "report"
    """`report`: failed trials make the exit code that of the first of them; `ignore`: the exit code is 0."""
    storage: str | None = None
    """URL of an Optuna storage; null is a journal file in the sweep's directory."""
    keep: Count | None = None
    """Keep weights and checkpoints of this many best trials; null keeps all."""
