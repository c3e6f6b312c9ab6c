"""Sweep directories as the driver would leave them, from a formula instead of trainings."""

import json
import math
import random
from pathlib import Path

LR = {"name": "FloatDistribution", "attributes": {"step": None, "low": 1e-5, "high": 1e-2, "log": True}}
DROPOUT = {"name": "FloatDistribution", "attributes": {"step": None, "low": 0.0, "high": 0.4, "log": False}}
BATCH = {"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}
METHOD = {"name": "CategoricalDistribution", "attributes": {"choices": ["full", "lora"]}}
RANK = {"name": "IntDistribution", "attributes": {"log": True, "step": 1, "low": 2, "high": 64}}
SPACE = {
    "optimizer.lr": "tag(log, interval(1e-5, 1e-2))",
    "model.dropout": "interval(0.0, 0.4)",
    "data.batch_size": "choice(16, 32, 64)",
    "method": "choice(full, lora)",
    "method.r": "tag(log, int(interval(2, 64)))",
}
DISTRIBUTIONS = dict(zip(SPACE, map(json.dumps, (LR, DROPOUT, BATCH, METHOD, RANK)), strict=True))
FULL_STEPS = 400
EVERY = 50


def quality(params: dict, step: int) -> float:
    """An accuracy that peaks at a learning rate of 2e-3 and hardly cares for the rest."""
    far = (math.log10(params["optimizer.lr"]) - math.log10(2e-3)) / 1.5
    peak = 0.86 - 0.3 * min(far * far, 1.0) - 0.05 * abs(params["model.dropout"] - 0.1)
    return 0.5 + (peak - 0.5) * (1 - math.exp(-3 * step / FULL_STEPS))


def draw_params(random_: random.Random) -> dict:
    params = {
        "optimizer.lr": 10 ** random_.uniform(-5, -2),
        "model.dropout": random_.uniform(0, 0.4),
        "data.batch_size": random_.choice((16, 32, 64)),
        "method": random_.choice(("full", "lora")),
    }
    return params | ({"method.r": random_.randint(2, 64)} if params["method"] == "lora" else {})


def write_trial(sweep: Path, number: int, **trial: object) -> Path:
    folder = sweep / "trials" / f"{number:04}"
    folder.mkdir(parents=True)
    (folder / "trial.json").write_text(json.dumps({"number": number} | trial), encoding="utf-8")
    return folder


def write_facts(sweep: Path, **facts: object) -> Path:
    known = {
        "schema_version": 1,
        "name": "tpe_asha",
        "status": "completed",
        "exit_code": 0,
        "reason": None,
        "started": "2026-11-23T03:00:00+00:00",
        "ended": "2026-11-23T03:42:10+00:00",
        "command": "tunesmith sweep tpe_asha data=rotten_tomatoes",
        "metrics": ["val/accuracy"],
        "directions": ["maximize"],
        "sampler": {"name": "tpe"},
        "pruner": {"name": "asha"},
        "n_jobs": 2,
        "repeats": 1,
        "seed": 0,
        "space": SPACE,
        "distributions": DISTRIBUTIONS,
        "wandb_group": "tpe_asha-3fa9c1",
    }
    sweep.mkdir(parents=True, exist_ok=True)
    (sweep / "sweep.json").write_text(json.dumps(known | facts), encoding="utf-8")
    return sweep


def write_sweep(
    sweep: Path, num_trials: int = 40, *, repeats: int = 1, objectives: int = 1, prune: bool = True
) -> Path:
    """A finished sweep: trials below the running median are pruned at 25% or 50%, one failed, one was interrupted.

    Args:
        sweep: The directory to make.
        num_trials: Trials in it.
        repeats: Seeds per trial.
        objectives: 1, or 2 for accuracy against trainable parameters.
        prune: Stop trials that fall behind; never with two objectives.
    """
    random_ = random.Random(0)
    rungs: dict[int, list[float]] = {FULL_STEPS // 4: [], FULL_STEPS // 2: []}
    for number in range(num_trials):
        params = draw_params(random_)
        trial = {"params": params, "full_steps": FULL_STEPS, "attempt": 1, "exit_code": 0}
        curve = []
        for step in range(EVERY, FULL_STEPS + 1, EVERY):
            curve.append([step, quality(params, step) + random_.gauss(0, 0.004)])
            if step in rungs and prune and objectives == 1:
                rungs[step].append(curve[-1][1])
                if curve[-1][1] < sorted(rungs[step])[len(rungs[step]) // 2]:
                    break
        trial |= {"steps": curve[-1][0], "seconds": 0.09 * curve[-1][0] + 2, "curve": curve}
        trial["overrides"] = [f"{key}={value}" for key, value in params.items()]
        trial["num_trainable_parameters"] = 22_713_000 if params["method"] == "full" else 4_608 * params["method.r"]
        if number == num_trials // 3:
            trial |= {"state": "failed", "reason": "killed by signal 9 (out of memory?)", "exit_code": 4}
        elif number == num_trials // 2:
            trial |= {"state": "interrupted", "reason": "SIGTERM", "exit_code": 143}
        elif curve[-1][0] < FULL_STEPS:
            trial |= {"state": "pruned", "reason": f"below the median at step {curve[-1][0]}"}
        else:
            trial |= {"state": "completed", "values": [max(value for _, value in curve)]}
            if repeats > 1:
                each = [trial["values"][0] + random_.gauss(0, 0.006) for _ in range(repeats)]
                mean = sum(each) / repeats
                spread = math.sqrt(sum((value - mean) ** 2 for value in each) / (repeats - 1))
                trial |= {"values": [mean], "repeat_values": [[value] for value in each], "spread": spread}
            if objectives == 2:
                trial["values"] = [trial["values"][0], float(trial["num_trainable_parameters"])]
        write_trial(sweep, number, **trial)
    several = {"metrics": ["val/accuracy", "num_trainable_parameters"], "directions": ["maximize", "minimize"]}
    return write_facts(sweep, n_trials=num_trials, repeats=repeats, **(several if objectives == 2 else {}))
