"""Rules for the network, its tokenizer and its head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.rules.data import URL
from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.folders import expand
from tunesmith.config.methods import is_prompt, method_label, trains_layers
from tunesmith.config.tasks import TASKS
from tunesmith.errors import Problem

HUB_PAGE = re.compile(r"(?:https?://(?:[^/@]*@)?huggingface\.co/|hf://)([\w.-]+/[\w.-]+)")


@rule("model.from_run")
def _earlier_run(from_run: str | None) -> Problem | None:
    if from_run != "":
        return None
    return Problem("model.from_run", "is required", None, "Set it: model.from_run=RUN", "missing")


@rule("model.path")
def _path_is_no_url(path: str | None) -> Problem | None:
    return _url("model.path", path)


@rule("model.tokenizer")
def _tokenizer_is_no_url(tokenizer: str | None) -> Problem | None:
    return _url("model.tokenizer", tokenizer)


def _url(key: str, value: str | None) -> Problem | None:
    if not isinstance(value, str) or not URL.match(value):
        return None
    page = HUB_PAGE.match(value)
    hint = f"Write its Hub id: {key}={page[1]}" if page else f"Download it first, and give the folder: {key}=FOLDER"
    return Problem(key, "is a URL, but models are loaded from a folder or by Hub id", value, hint)


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


@rule("model.head.words", "model.head.cue", "model.head.pooling", "task.name", "method")
def _label_words(
    words: Mapping[str, str], cue: str, pooling: str | None, task: str, method: Mapping[str, Any]
) -> Problem | None:
    if not words:
        rule_text = "has no effect without model.head.words"
        return Problem("model.head.cue", rule_text, cue, "Set them: model.head.words.LABEL=WORD") if cue else None
    if pooling is not None:
        return Problem("model.head.words", "replace the head, but model.head.pooling needs one", str(words))
    if not TASKS[task].takes_label_words:
        return Problem("model.head.words", f"have no effect with task={task}", str(words))
    name, target = method.get("name"), method.get("_target_")
    if is_prompt(target) or not trains_layers(name, target):
        hint = "Use method=lora or method=last_layers"
        return Problem(
            "model.head.words", f"leave method={method_label(name, target)} nothing to train", str(words), hint
        )
    return None


@rule("model.head.start", "model.head.words", "model.init", "model.from_run", "task.name")
def _outputs(start: str, words: Mapping[str, str], init: str, from_run: str | None, task: str) -> Problem | None:
    if start in ("auto", None):
        return None
    reason = None
    if TASKS[task].head is None:
        reason = f"task={task}, which has no head for labels"
    elif words:
        reason = "model.head.words, which replace the head"
    elif init == "random" and from_run is None:
        reason = "model.init=random, which loads no head"
    rule_text = f"has no effect with {reason}"
    return Problem("model.head.start", rule_text, start, "Leave it out") if reason else None


@rule("model.head.pooling", "model.head.hidden", "task.name", "method._target_")
def _own_head(pooling: str | None, hidden: list[int], task: str, target: str | None) -> Problem | None:
    if pooling is None and hidden:
        rule_text = "needs Tunesmith's head, but model.head.pooling=null uses the architecture's own"
        return Problem("model.head.hidden", rule_text, str(hidden), "Add model.head.pooling=mean")
    if pooling is not None and not TASKS[task].pools:
        return Problem("model.head.pooling", f"has no effect with task={task}", pooling, "Set it to null")
    if pooling is not None and is_prompt(target):
        rule_text = "method=prompt needs the architecture's own head"
        return Problem("model.head.pooling", rule_text, pooling, "Set it to null, or use method=lora")
    return None


@rule("model.init", "model.path", "model.config", "model.tokenizer", "model.from_run")
def _tokenizer(
    init: str, path: str | None, config: Mapping[str, Any], tokenizer: str | None, from_run: str | None
) -> Problem | None:
    if path is not None or tokenizer is not None or from_run is not None:
        return None
    if init == "pretrained" or "model_type" not in config:
        return None  # a path is required anyway, and its tokenizer comes with it
    return Problem(
        "model.tokenizer",
        "is required without model.path",
        "null",
        "Set it: model.tokenizer=FOLDER_OR_HUB_ID",
    )


@rule("model.path", "model.revision")
def _revision(path: str | None, revision: str | None) -> Problem | None:
    if revision is None or path is None or not expand(path).exists():
        return None
    return Problem("model.revision", "is for the Hub, but model.path is local", revision, "Set it to null")
