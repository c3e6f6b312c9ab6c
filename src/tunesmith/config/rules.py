"""Contradictions between keys that are each fine by themselves.

A rule names the keys that it reads and is asked only where all of them hold values of the right type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunesmith.config.signatures import read_signature
from tunesmith.config.suggest import did_you_mean, nearest
from tunesmith.errors import Problem

Check = Callable[..., Problem | None]


@dataclass(frozen=True)
class Rule:
    """A check over the values of some keys."""

    keys: tuple[str, ...]
    check: Check


RULES: list[Rule] = []
COLUMNS = {
    "text_pair_column": ("classification", "regression"),
    "target_column": ("text_to_text", "language_modeling"),
    "messages_column": ("language_modeling",),
    "packing": ("language_modeling",),
}
"""Keys of `data` that only some tasks read."""
METRICS = {
    "torchmetrics.classification.Multiclass": ("classification",),
    "torchmetrics.classification.Multilabel": ("multi_label",),
    "torchmetrics.regression.": ("regression",),
    "tunesmith.evaluation.entities.": ("token_classification",),
    "tunesmith.evaluation.texts.Perplexity": ("language_modeling",),
    "tunesmith.evaluation.texts.": ("text_to_text",),
}
"""How the metrics begin that only some tasks can use."""


def rule(*keys: str) -> Callable[[Check], Check]:
    """Register a check; it receives the values of `keys`, in their order."""

    def register(check: Check) -> Check:
        RULES.append(Rule(keys, check))
        return check

    return register


def contradictions(config: Mapping[str, Any], faulty: set[str]) -> Iterator[Problem]:
    """Problems of all rules that can be asked.

    Args:
        config: The composed config as plain values.
        faulty: Dotted paths whose values are already known to be wrong.
    """
    for item in RULES:
        if not any(_overlaps(key, path) for key in item.keys for path in faulty):
            problem = item.check(*(select(config, key) for key in item.keys))
            if problem is not None:
                yield problem


def select(config: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None."""
    value: Any = config
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _overlaps(left: str, right: str) -> bool:
    return left == right or left.startswith(f"{right}.") or right.startswith(f"{left}.")


@rule("data.batch_size", "data.micro_batch_size")
def _whole_micro_batches(batch: int, micro: int | str) -> Problem | None:
    if isinstance(micro, str) or batch % micro == 0:
        return None
    fits = max(size for size in range(1, min(batch, micro) + 1) if batch % size == 0)
    hint = f"data.micro_batch_size={fits} divides it"
    return Problem("data.batch_size", f"must be a multiple of data.micro_batch_size={micro}", str(batch), hint)


@rule("data.split.method", "data.split.val_fraction", "data.split.test_fraction")
def _rows_left_to_train(method: str, val: float, test: float) -> Problem | None:
    if method == "column" or val + test < 1:
        return None
    received = f"{val} + {test}"
    return Problem("data.split", "val_fraction + test_fraction must leave rows to train on: less than 1", received)


@rule("data.split.method", "data.split.column")
def _split_column(method: str, column: str | None) -> Problem | None:
    if method == "column" and column is None:
        return Problem(
            "data.split.column", "is required with data.split.method=column", "null", "Set it: data.split.column=NAME"
        )
    if method != "column" and column is not None:
        return Problem(
            "data.split.column",
            f"has no effect with data.split.method={method}",
            column,
            "Add data.split.method=column",
        )
    return None


@rule("data.split.method", "data.split.val_fraction", "evaluation.monitor")
def _validation_rows(method: str, val: float, monitor: str) -> Problem | None:
    if method == "column" or val > 0:
        return None
    return Problem(
        "data.split.val_fraction",
        f"must be greater than 0: evaluation.monitor={monitor} needs validation rows",
        str(val),
    )


@rule("trainer.max_epochs", "trainer.max_steps")
def _an_end(epochs: int | None, steps: int) -> Problem | None:
    if epochs is not None or steps > 0:
        return None
    return Problem(
        "trainer", "needs an end: neither max_epochs nor max_steps is set", None, "Set it: trainer.max_epochs=3"
    )


@rule("trainer.val_check_interval")
def _validation_interval(interval: float | None) -> Problem | None:
    whole = isinstance(interval, int) and interval >= 1
    part = isinstance(interval, float) and 0 < interval <= 1
    if interval is None or whole or part:
        return None
    rule_text = "must be a whole number of micro-batches, or a fraction of an epoch greater than 0 and at most 1.0"
    return Problem("trainer.val_check_interval", rule_text, str(interval))


@rule("trainer.accelerator", "trainer.precision")
def _half_precision(accelerator: str, precision: str) -> Problem | None:
    if accelerator != "cpu" or precision != "16-mixed":
        return None
    return Problem("trainer.precision", "16-mixed needs a GPU", precision, "On a CPU: trainer.precision=bf16-mixed")


@rule("scheduler._target_", "scheduler.warmup_fraction")
def _warm_up(target: str, fraction: float) -> Problem | None:
    signature = read_signature(target)
    if not fraction or signature is None or "num_warmup_steps" in signature.by_name:
        return None
    return Problem(
        "scheduler.warmup_fraction",
        f"{target} has no warm-up",
        str(fraction),
        "Use scheduler=linear, cosine or constant",
    )


def monitored(metrics: Mapping[str, Any]) -> list[str]:
    """What a run reports on validation data; a metric per label ends in `<label>`."""
    names = ["val/loss"]
    for name, metric in metrics.items():
        per_label = "average" in metric and metric["average"] in (None, "none")
        names.append(f"val/{name}/<label>" if per_label else f"val/{name}")
    return names


def monitor_problem(where: str, monitor: str, metrics: Mapping[str, Any]) -> Problem | None:
    """The fault of a monitor that the run does not produce."""
    names = monitored(metrics)
    per_label = [name.removesuffix("<label>") for name in names if name.endswith("<label>")]
    if monitor in names or any(monitor.startswith(prefix) and monitor != prefix for prefix in per_label):
        return None
    if monitor.startswith("test/"):
        return Problem(where, "may not look at test data", monitor, f"One of {', '.join(names)}")
    close = next((name for name in names if name == f"{monitor}/<label>"), None) or nearest(monitor, names)
    hint = ". ".join(part for part in (did_you_mean(close), f"This run has {', '.join(names)}") if part)
    return Problem(where, "names something that the run does not produce", monitor, hint)


@rule("evaluation.monitor", "evaluation.metrics")
def _monitor(monitor: str, metrics: Mapping[str, Any]) -> Problem | None:
    return monitor_problem("evaluation.monitor", monitor, metrics)


@rule("callbacks", "evaluation.metrics")
def _callback_monitors(callbacks: Mapping[str, Any], metrics: Mapping[str, Any]) -> Problem | None:
    for name, callback in callbacks.items():
        monitor = callback.get("monitor") if callback else None
        problem = monitor_problem(f"callbacks.{name}.monitor", monitor, metrics) if isinstance(monitor, str) else None
        if problem is not None:
            return problem
    return None


@rule("model.init", "model.path", "model.config", "model.from_run")
def _weights(init: str, path: str | None, config: Mapping[str, Any], from_run: str | None) -> Problem | None:
    if path is not None or from_run is not None:
        return None
    if init == "pretrained":
        return Problem(
            "model.path", "is required with model.init=pretrained", "null", "Set it: model.path=FOLDER_OR_HUB_ID"
        )
    if "model_type" not in config:
        return Problem(
            "model", "init=random needs an architecture", None, "Set model.path, or model.config.model_type (e.g. bert)"
        )
    return None


@rule("model.head.words", "model.head.cue", "model.head.pooling", "task.name", "method.name")
def _label_words(words: Mapping[str, str], cue: str, pooling: str | None, task: str, method: str) -> Problem | None:
    if not words:
        rule_text = "has no effect without model.head.words"
        return Problem("model.head.cue", rule_text, cue, "Set them: model.head.words.LABEL=WORD") if cue else None
    if pooling is not None:
        return Problem("model.head.words", "take the place of a head, and model.head.pooling asks for one", str(words))
    if task != "classification":
        return Problem("model.head.words", f"have no effect with task={task}", str(words))
    if method in ("head_only", "prompt"):
        hint = "Use method=lora or method=last_layers"
        return Problem("model.head.words", f"leave method={method} nothing to work on", str(words), hint)
    return None


@rule("model.head.pooling", "model.head.hidden", "task.name", "method.name")
def _own_head(pooling: str | None, hidden: list[int], task: str, method: str) -> Problem | None:
    if pooling is None and hidden:
        rule_text = "belongs to a head of ours, and model.head.pooling=null takes the architecture's own"
        return Problem("model.head.hidden", rule_text, str(hidden), "Add model.head.pooling=mean")
    if pooling is not None and task not in ("classification", "regression"):
        return Problem("model.head.pooling", f"has no effect with task={task}", pooling, "Set it to null")
    if pooling is not None and method == "prompt":
        rule_text = "method=prompt needs the architecture's own head"
        return Problem("model.head.pooling", rule_text, pooling, "Set it to null, or use method=lora")
    return None


@rule("model.path", "model.tokenizer", "model.from_run")
def _tokenizer(path: str | None, tokenizer: str | None, from_run: str | None) -> Problem | None:
    if path is not None or tokenizer is not None or from_run is not None:
        return None
    return Problem(
        "model.tokenizer",
        "is required where there is no model.path",
        "null",
        "Set it: model.tokenizer=FOLDER_OR_HUB_ID",
    )


@rule("model.path", "model.revision")
def _revision(path: str | None, revision: str | None) -> Problem | None:
    if revision is None or path is None or not Path(path).expanduser().exists():
        return None
    return Problem("model.revision", "belongs to the Hub, and model.path is a local one", revision, "Set it to null")


ADAPTERS = ("lora", "ia3", "prompt")
"""Methods that are peft's."""


@rule("method.name", "method._target_")
def _adapter(name: str, target: str | None) -> Problem | None:
    if name not in ADAPTERS and target is not None:
        return Problem("method._target_", f"has no effect with method.name={name}", target, "Start from method=lora")
    if name in ADAPTERS and target is None:
        return Problem("method._target_", f"is required with method.name={name}", "null", f"Start from method={name}")
    return None


@rule("method.name", "method.layers", "method.frozen", "method.unfrozen_by")
def _part(name: str, layers: int | None, frozen: list[str], unfrozen_by: float | None) -> Problem | None:
    keys: dict[str, tuple[str, Any]] = {
        "last_layers": ("layers", layers),
        "freeze": ("frozen", frozen),
        "gradual": ("unfrozen_by", unfrozen_by),
    }
    for owner, (key, value) in keys.items():
        if name == owner and not value:
            return Problem(f"method.{key}", f"is required with method.name={name}", None, f"Set it: method.{key}=VALUE")
        if name != owner and value:
            return Problem(f"method.{key}", f"has no effect with method.name={name}", str(value), f"Use method={owner}")
    return None


@rule("model.quantization", "method.name")
def _quantised_base(quantization: str, method: str) -> Problem | None:
    if quantization == "none" or method in ADAPTERS:
        return None
    rule_text = f"quantised weights cannot be trained, and method={method} trains them"
    return Problem("model.quantization", rule_text, quantization, "Use method=lora")


@rule("method.frozen")
def _patterns(frozen: list[str]) -> Problem | None:
    for pattern in frozen:
        try:
            re.compile(pattern)
        except re.error as error:
            return Problem("method.frozen", f"is no regular expression: {error}", pattern)
    return None


@rule("task", "data")
def _columns_of_the_task(task: Mapping[str, Any], data: Mapping[str, Any]) -> Problem | None:
    name = task["name"]
    if name == "text_to_text" and data.get("target_column") is None:
        hint = "Set it: data.target_column=NAME"
        return Problem("data.target_column", "is required with task=text_to_text", "null", hint)
    for key, tasks in COLUMNS.items():
        if data.get(key) not in (None, False) and name not in tasks:
            hint = f"It goes with task={' or task='.join(tasks)}"
            return Problem(f"data.{key}", f"has no effect with task={name}", str(data[key]), hint)
    if data.get("messages_column") is not None and data.get("target_column") is not None:
        hint = "Set one of the two to null"
        received = str(data["messages_column"])
        return Problem("data.messages_column", "holds whole conversations, so target_column has no use", received, hint)
    return None


@rule("method.name", "data.packing")
def _packing(method: str, packing: bool) -> Problem | None:
    if not packing or method != "prompt":
        return None
    hint = "Use method=lora, or set data.packing=false"
    return Problem("data.packing", "needs positions of its own for each text, which method=prompt moves", "true", hint)


@rule("task")
def _options_of_the_loss(task: Mapping[str, Any]) -> Problem | None:
    name = task["name"]
    if task.get("multi_label") and name != "classification":
        return Problem("task.multi_label", f"has no effect with task={name}", "true", "Use task=multi_label")
    for key in ("label_smoothing", "class_weights"):
        if task.get(key) and (name not in ("classification", "token_classification") or task.get("multi_label")):
            kind = "several labels per text" if task.get("multi_label") else f"task={name}"
            hint = "It goes with one label per text or word"
            return Problem(f"task.{key}", f"has no effect with {kind}", str(task[key]), hint)
    return None


@rule("task", "evaluation.metrics")
def _metrics_of_the_task(task: Mapping[str, Any], metrics: Mapping[str, Any]) -> Problem | None:
    option = "multi_label" if task.get("multi_label") else task["name"]
    for name, metric in metrics.items():
        target = metric.get("_target_", "")
        fitting = next((tasks for prefix, tasks in METRICS.items() if target.startswith(prefix)), None)
        if fitting is not None and option not in fitting:
            hint = f"task={option}, chosen as a group, brings evaluation={option}"
            return Problem(f"evaluation.metrics.{name}", f"cannot measure task={option}", target, hint)
    return None


@rule("logger.name", "logger.log_model")
def _model_upload(name: str, upload: bool) -> Problem | None:
    if name != "none" or not upload:
        return None
    return Problem("logger.log_model", "needs a tracker to upload to", "true", "Add logger=wandb")
