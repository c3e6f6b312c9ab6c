"""Check before the first trial that the model, task and method of every point are compatible."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tunesmith.config.checking.rules.registry import select
from tunesmith.config.composing.compose import Composed
from tunesmith.config.composing.saved import resolve
from tunesmith.config.tasks import TASKS
from tunesmith.errors import ConfigError, Problem, TunesmithError
from tunesmith.sweeping.execution.executors.executor import Executor
from tunesmith.sweeping.prepare import Sweep, located
from tunesmith.sweeping.space.space import Point

JUDGE = "tunesmith.sweeping.combinations:judge"
READ = (
    *("task", "model", "method", "callbacks", "evaluation.monitor", "evaluation.mode", "optimizer.head_lr"),
    *("data.path", "data.label_column", "data.max_length", "data.max_target_length", "data.packing"),
    *("trainer.precision", "trainer.accelerator"),
)
"""The config keys that `training/preflight.py` reads; points that agree on them are checked once."""


def check_combinations(sweep: Sweep, executor: Executor) -> None:
    """Check every composed point's architecture against its task, method, length and device.

    Args:
        sweep: The prepared sweep.
        executor: Runs the check, in a process that has already imported what it needs.

    Raises:
        ConfigError: Some points cannot run; each problem is listed once, with the points that have it.
        TunesmithError: A model or its data cannot be read.
    """
    alike: dict[str, list[tuple[Point, Composed]]] = {}
    for point, run in sweep.judged:
        alike.setdefault(json.dumps([select(run.saved, key) for key in READ], default=str), []).append((point, run))
    configs = [runs[0][1].saved for runs in alike.values()]
    answers = executor.call(JUDGE, configs, list(sweep.run.trust), list(sweep.objectives))
    problems: dict[str, tuple[Problem, list[Point]]] = {}
    for answer, runs in zip(answers, alike.values(), strict=True):
        if isinstance(answer, TunesmithError):
            raise answer
        for problem in answer:
            problems.setdefault(str(problem), (problem, []))[1].extend(point for point, _ in runs)
    if problems:
        raise ConfigError([located(problem, points, len(sweep.judged)) for problem, points in problems.values()])


def judge(
    configs: Sequence[dict[str, Any]], trust: Sequence[str], objectives: Sequence[str]
) -> list[list[Problem] | TunesmithError]:
    """The problems of each config that can be seen from its architecture; an empty list if it can run.

    Args:
        configs: Saved configs.
        trust: The user's own modules and models.
        objectives: The sweep's objectives; the data must have the labels that they name.
    """
    from tunesmith.config.trust import trusting
    from tunesmith.training.auto_values import decide
    from tunesmith.training.logs import log_to
    from tunesmith.training.monitors import check_monitors
    from tunesmith.training.preflight import check_model
    from tunesmith.training.trial_rows import try_metrics

    answers: list[list[Problem] | TunesmithError] = []
    with log_to(), trusting(trust):
        for saved in configs:
            try:
                config = decide(Composed(resolve(saved), saved)).config
                check_model(config)
                check_monitors(config, others=[("hydra.sweeper.metric", name) for name in objectives])
                try_metrics(config, ["a", "b"] if TASKS[config.task.name].output == "labels" else ["a"])
                answers.append([])
            except ConfigError as error:
                answers.append(error.problems)
            except TunesmithError as error:
                answers.append(error)
            except Exception:
                answers.append([])  # not a known fault: let the trial itself fail with it, without stopping the others
    return answers
