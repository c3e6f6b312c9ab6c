"""Decides whether a head's outputs start from the checkpoint's, label by label, or are new."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import PretrainedConfig

from tunesmith.config.schema import Head
from tunesmith.config.tasks import TASKS
from tunesmith.errors import ConfigError, Problem
from tunesmith.models.transformers_inside import allow_reinitialization
from tunesmith.seeding import derive_seed

UNNAMED = re.compile(r"LABEL_\d+")
"""Transformers' default name of an output."""
OF_A_NUMBER = "regression"
"""Transformers' `problem_type` of a head with a numeric output."""
HEADS = tuple({traits.head for traits in TASKS.values() if traits.head is not None})
"""Endings of the names of transformers classes with a head."""
Start = Literal["auto", "keep", "new"]
"""See `model.head.start`."""
MOST_SHOWN = 6
"""Maximum labels listed; the rest are counted."""


@dataclass(frozen=True)
class TrainedHead:
    """The head of a checkpoint, as its config describes it."""

    labels: tuple[str, ...]
    """In the order of its outputs."""
    problem: str | None
    """Its `problem_type` in transformers."""
    kinds: tuple[str, ...] = ()
    """The network classes that it was saved from."""

    @classmethod
    def of(cls, config: PretrainedConfig) -> TrainedHead:
        """Read it from a checkpoint's own config."""
        labels = tuple(str(config.id2label[i]) for i in range(config.num_labels))
        return cls(labels, config.problem_type, tuple(config.architectures or ()))

    @property
    def unnamed(self) -> bool:
        """Whether its outputs have only transformers' default names."""
        return all(UNNAMED.fullmatch(label) for label in self.labels)

    def fits(self, task: str) -> bool:
        """Whether its outputs are of the task's kind: numbers, or labels of texts or of words."""
        heads = [kind for kind in self.kinds if kind.endswith(HEADS)]
        if heads and not any(kind.endswith(TASKS[task].head or "") for kind in heads):
            return False
        number = self.problem == OF_A_NUMBER or (self.problem is None and len(self.labels) == 1)
        return number == has_numeric_output(task)


@dataclass(frozen=True)
class HeadStart:
    """The initial values of each output of a run's head, and the reason."""

    start: Literal["kept", "moved", "new", "drawn"]
    """`kept` as is, `moved` to other places, `new` instead of the checkpoint's, or `drawn` since it has none."""
    rows: tuple[int | None, ...]
    """For each label, the checkpoint's output that it starts from; None: initialised from the seed."""
    before: tuple[str, ...]
    """The checkpoint's labels in the order of its outputs."""
    sentence: str | None = None
    """The message for the user; None if there is nothing to report."""
    surprising: bool = False
    """Whether the message is a warning, because trained weights are discarded."""

    def record(self) -> dict[str, Any]:
        """Return the entry for the run's provenance."""
        return {"start": self.start, "outputs": list(self.rows), "checkpoint_labels": list(self.before)}


def no_head(labels: Sequence[str], names: Sequence[str], requested: Start) -> HeadStart:
    """Return the start of a head that the checkpoint does not have.

    Raises:
        ConfigError: `model.head.start` is `keep`.
    """
    if requested == "keep":
        rule = "the checkpoint has no head for this task to keep"
        raise ConfigError([Problem("model.head.start", rule, "keep", "Set model.head.start=auto")], late=True)
    sentence = f"the checkpoint has no head for this task: {listed(names)} are initialised from the seed"
    return HeadStart("drawn", (None,) * len(labels), (), sentence)


def other_head(before: Sequence[str], labels: Sequence[str], requested: Start) -> HeadStart:
    """Return the start of a `PooledNetwork` head that replaces one with other pooling or layers.

    Raises:
        ConfigError: `model.head.start` is `keep`.
    """
    rule = "the checkpoint's head has a different model.head.pooling or model.head.hidden"
    if requested == "keep":
        raise ConfigError([Problem("model.head.start", rule, "keep", "Set them to the checkpoint's values")], late=True)
    sentence = f"{rule}: the whole head is re-initialised from the seed"
    return HeadStart("new", (None,) * len(labels), tuple(before), sentence, surprising=requested == "auto")


def has_numeric_output(task: str) -> bool:
    """Whether the task's output is a number, which has no label to match."""
    return TASKS[task].output == "number"


def head_start(trained: TrainedHead, labels: Sequence[str], task: str, requested: Start) -> HeadStart:
    """Decide which of a checkpoint's outputs are kept, moved or replaced.

    Args:
        trained: The checkpoint's head.
        labels: The labels of the run, in the order of its outputs.
        task: The run's task.
        requested: `model.head.start`.

    Raises:
        ConfigError: `model.head.start` is `keep`, but no output can be kept.
    """
    before, now = trained.labels, tuple(labels)
    kept = _kept(trained, now, task)
    beginning = f"the checkpoint's head is for {_said(trained)}, and the data has {_counted(now, task)}"
    complete = kept is not None and None not in kept and len(before) == len(now)
    if requested == "keep" and not complete:
        kept = _paired(before, now, kept or (None,) * len(now))
        if set(kept) == {None}:
            rule = f"no output can be kept: {beginning}"
            raise ConfigError([Problem("model.head.start", rule, "keep", "Set model.head.start=new")], late=True)
        return HeadStart("moved", kept, before, f"{beginning}: kept as requested, {_pairs(before, now, kept)}")
    if requested == "new" or not complete or kept is None:
        offer = _offer(before, now, kept) if requested == "auto" else ""
        sentence = f"{beginning}: its outputs are re-initialised from the seed{offer}"
        return HeadStart("new", (None,) * len(now), before, sentence, surprising=requested == "auto")
    if kept != tuple(range(len(now))):
        return HeadStart("moved", kept, before, f"{beginning}: each output is moved to its own label")
    renamed = not has_numeric_output(task) and before != now
    return HeadStart(
        "kept", kept, before, f"{beginning}: they are taken to be the same, in this order" if renamed else None
    )


def _kept(trained: TrainedHead, now: tuple[str, ...], task: str) -> tuple[int | None, ...] | None:
    """For each label, the output of the same name; None if the outputs are of another kind or unnamed."""
    if not trained.fits(task):
        return None
    if has_numeric_output(task):
        return (0,) if len(trained.labels) == 1 else None
    same = _same_names(trained.labels, now)
    if trained.unnamed and None in same:  # by convention, output i then means label i
        numbers = now == tuple(str(i) for i in range(len(trained.labels)))
        return tuple(range(len(now))) if numbers else None
    return same


def _same_names(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[int | None, ...]:
    """Match names ignoring case and surrounding space, unless that makes two of them equal."""
    for form in (lambda name: " ".join(name.casefold().split()), str):
        places = {form(name): i for i, name in enumerate(before)}
        if len(places) == len(before) and len({form(name) for name in now}) == len(now):
            return tuple(places.get(form(name)) for name in now)
    return tuple(before.index(name) if before.count(name) == 1 else None for name in now)


def _paired(before: tuple[str, ...], now: tuple[str, ...], same: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Pair the remaining labels and outputs in order, if there are as many of each."""
    if len(before) != len(now):
        return same
    left = iter([i for i in range(len(before)) if i not in same])
    return tuple(next(left) if row is None else row for row in same)


def _said(trained: TrainedHead) -> str:
    if trained.problem == OF_A_NUMBER:
        return "a number"
    text = f"{len(trained.labels)} labels ({listed(trained.labels)})"
    words = any(kind.endswith("TokenClassification") for kind in trained.kinds)
    return f"{text} of words" if words else text


def _counted(labels: tuple[str, ...], task: str) -> str:
    return "a number" if has_numeric_output(task) else f"{len(labels)} labels ({listed(labels)})"


def _pairs(before: tuple[str, ...], now: tuple[str, ...], rows: tuple[int | None, ...]) -> str:
    return listed(
        [f"{'a new one' if row is None else before[row]} as {label}" for row, label in zip(rows, now, strict=True)]
    )


def _offer(before: tuple[str, ...], now: tuple[str, ...], same: tuple[int | None, ...] | None) -> str:
    rows = _paired(before, now, same or (None,) * len(now))
    if set(rows) == {None}:
        return ""
    return f". To keep them ({_pairs(before, now, rows)}): model.head.start=keep"


def listed(names: Sequence[str]) -> str:
    """Join the first few names, followed by the number of the rest."""
    shown = ", ".join(str(name)[:40] for name in names[:MOST_SHOWN])
    return f"{shown} and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else shown


def output_names(build: Callable[[PretrainedConfig], Any], config: PretrainedConfig) -> list[str]:
    """Return the parameters with a row for each label: those whose shape depends on the number of labels.

    Args:
        build: Builds a network from its config.
        config: The config.
    """
    shapes = []
    for count in (2, 3):
        other = copy.deepcopy(config)
        other.num_labels = count
        with torch.device("meta"):
            shapes.append({name: parameter.shape for name, parameter in build(other).named_parameters()})
    return [name for name, shape in shapes[0].items() if shapes[1].get(name) != shape]


def apply_start(
    network: Any, start: HeadStart, build: Callable[[PretrainedConfig], Any], config: PretrainedConfig, seed: int
) -> None:
    """Replace a checkpoint's outputs by those of the run, in place.

    Args:
        network: The network.
        start: The initial values of each output.
        build: Builds a network of this kind from its config.
        config: The config with the run's labels.
        seed: The run's seed.
    """
    names = output_names(build, config)
    rows = start.rows
    if rows == tuple(range(len(start.before))):
        return
    with torch.no_grad():
        old = {name: network.get_parameter(name).detach().clone() for name in names}
        for name, module in _fresh(names, build, config, seed).items():
            network.set_submodule(name, module.to(old[names[0]].device))
        for name in names:
            for place, row in enumerate(rows):
                if row is not None:
                    network.get_parameter(name)[place] = old[name][row]
    network.config.id2label, network.config.label2id = dict(config.id2label), dict(config.label2id)
    if hasattr(network, "num_labels"):
        network.num_labels = config.num_labels


def _fresh(
    names: Sequence[str], build: Callable[[PretrainedConfig], Any], config: PretrainedConfig, seed: int
) -> dict[str, torch.nn.Module]:
    """Re-initialise the modules that hold these parameters as the architecture does; only they take memory."""
    with torch.device("meta"):
        skeleton = build(config)
    modules = {parent: skeleton.get_submodule(parent) for parent in dict.fromkeys(n.rpartition(".")[0] for n in names)}
    torch.manual_seed(derive_seed(seed, "head"))
    for module in modules.values():
        module.to_empty(device="cpu")
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    if hasattr(skeleton, "initialize_weights"):
        for module in skeleton.modules():
            allow_reinitialization(module)
        skeleton.initialize_weights()
    return modules


def without_start(head: Head) -> Head:
    """Return the head's config for a finished run, which loads its own outputs."""
    return head.model_copy(update={"start": "auto"})
