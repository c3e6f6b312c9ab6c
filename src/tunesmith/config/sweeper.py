"""What a sweep is: every key of the `hydra.sweeper` node with its type, range, default and meaning."""

# ruff: noqa: RUF012 - pydantic copies a default

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tunesmith.config.schema import Count, Node, Positive, Seed


class Sweeper(Node):
    """How a search works: what it varies, what it optimises, how many runs it does at once, when it ends."""

    params: dict[str, Any] = {}
    """Key to its values in Hydra's grammar: `choice(16, 32)`, `range(1, 5)`, `interval(0.0, 0.3)`,
    `tag(log, interval(1e-5, 1e-3))`, `glob(*)`; or `{space: ..., when: method=lora}` for a key that is varied only
    for certain values of another."""
    zip: list[list[str]] = []
    """Groups of keys of `params` that advance together instead of being multiplied."""
    explicit: list[dict[str, Any]] = []
    """The points to run, each a mapping of keys to values, instead of `params`."""
    exclude: list[dict[str, Any]] = []
    """Points to leave out: those where every key has the given value, or one of the given values."""
    initial: list[dict[str, Any]] | str = []
    """Points to run first; or the directory of another sweep, whose best point is run first."""
    metric: str | list[str] | None = None
    """What is optimised: `val/<metric>` or `val/loss`; null is `evaluation.monitor`. Several make a Pareto front, also
    with `num_trainable_parameters`, `peak_memory_mb` or `duration_s`. The direction is the metric's own."""
    sampler: dict[str, Any] | str | None = None
    """`grid`, `random`, `qmc`, `tpe`, `gp` or `nsgaii`, or `{name: tpe, OPTION: VALUE}` with options of the Optuna
    class, or an Optuna class in `_target_`; null is `grid` if all values are listed and `n_trials` covers them, else
    `tpe`."""
    pruner: dict[str, Any] | str | None = None
    """`asha`, `hyperband`, `median`, `threshold` or `none`, as above, or a judge of your own in `_target_`; null is
    `none` for a grid or several metrics, else `asha`. `rungs` are the fractions of a full run at which trials are
    measured and judged; asha also takes `reduction` (one in so many continues) and `pauses` (whether a trial may
    continue later from its checkpoint)."""
    n_trials: Count | None = None
    """Trials in total, including those before a resume; null is every point of a grid."""
    equal: str | None = None
    """A varied key whose values share the search equally, such as `method`: each gets as many of the `n_trials`,
    proposed and pruned without regard to those of the others, as in a sweep of its own."""
    n_jobs: Count | Literal["auto"] = "auto"
    """Trials at once; `auto` is one per GPU, or one per CPU core."""
    executor: Literal["local", "inprocess"] | dict[str, Any] = "local"
    """`local`: one process per trial; `inprocess`: one after another in this process, for debugging; or a class in
    `_target_` with its options."""
    seed: Seed = 0
    """Seed of the search: the order of a grid, and the draws of a sampler."""
    repeats: Count = 1
    """Runs per point, over the seeds `seed`, `seed + 1`, ...; the objective is their mean. With
    `data.split.folds`, each is a run for every fold, of another division into folds."""
    timeout: Positive | None = None
    """Seconds after which no more trials are started."""
    patience: Count | None = None
    """End after this many trials in a row without an improvement."""
    max_failures: Count | None = None
    """End after this many failed trials."""
    retries: Annotated[int, Field(ge=0)] = 0
    """How many times a failed trial is retried, from its last checkpoint."""
    on_failure: Literal["report", "ignore"] = "report"
    """`report`: if trials fail, the exit code is that of the first one; `ignore`: the exit code is 0."""
    storage: str | None = None
    """URL of an Optuna storage; null is a journal file in the sweep's directory."""
    keep: Count | None = None
    """Keep weights and checkpoints of this many of the best trials; null keeps all."""
