"""What a config and a model must know about each task, without torch; the rest is in `tasks/`, one file per task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

SEQUENCE = "AutoModelForSequenceClassification"
Name = Literal["classification", "regression", "token_classification", "language_modeling", "text_to_text"]


@dataclass(frozen=True)
class Traits:
    """The properties of a task that matter to a config or a model."""

    name: Name
    """`task.name`."""
    option: str
    """Its option in the groups `task` and `evaluation`, and its file in `tasks/`."""
    columns: tuple[str, ...]
    """Keys of `data` for the columns that it reads."""
    output: Literal["labels", "number", "text"]
    """The kind of answer that a model gives."""
    heads: Mapping[str, str]
    """The families that it supports, each with the transformers class that loads a model with the task's head."""
    pipeline: str
    """Its name on the Hugging Face Hub."""
    metrics: tuple[str, ...] = ()
    """Prefixes of the metrics that only some tasks can use and that this one can."""
    required: tuple[str, ...] = ()
    """Those of its columns that must be set."""
    several: bool = False
    """Whether a text may have any number of labels."""
    pools: bool = False
    """Whether it gives one answer per text, so that our own head can pool the text."""
    takes_words: bool = False
    """Whether its inputs are lists of words, each with its own answer, so that the first ones cannot be cut."""
    divides: bool = False
    """Whether long texts are divided instead of cut, texts may be packed, and conversations are accepted."""

    @property
    def head(self) -> str | None:
        """The suffix of the names of classes with its head; None for a model that generates text."""
        if self.output == "text":
            return None
        return next(iter(self.heads.values())).removeprefix("AutoModelFor")

    @property
    def takes_label_words(self) -> bool:
        """Whether a language model's words can represent its labels."""
        return self.pools and self.output == "labels"

    @property
    def weighs_labels(self) -> bool:
        """Whether there is one label per text or word, which can be smoothed and weighted."""
        return self.output == "labels" and not self.several


CLASSIFICATION: Final = Traits(
    name="classification",
    option="classification",
    columns=("text_column", "label_column", "text_pair_column"),
    output="labels",
    heads=dict.fromkeys(("encoder", "causal", "seq2seq"), SEQUENCE),
    pipeline="text-classification",
    metrics=("Multiclass", "tunesmith.evaluation.probabilities.", "tunesmith.evaluation.labels."),
    pools=True,
)
TASKS: Final = {
    traits.option: traits
    for traits in (
        CLASSIFICATION,
        replace(
            CLASSIFICATION,
            option="multi_label",
            metrics=("Multilabel", "tunesmith.evaluation.probabilities."),
            several=True,
        ),
        replace(
            CLASSIFICATION,
            name="regression",
            option="regression",
            output="number",
            metrics=("torchmetrics.regression.",),
        ),
        Traits(
            name="token_classification",
            option="token_classification",
            columns=("text_column", "label_column"),
            output="labels",
            heads={"encoder": "AutoModelForTokenClassification"},
            pipeline="token-classification",
            metrics=("tunesmith.evaluation.entities.",),
            takes_words=True,
        ),
        Traits(
            name="language_modeling",
            option="language_modeling",
            columns=("text_column", "target_column", "messages_column"),
            output="text",
            heads={"causal": "AutoModelForCausalLM"},
            pipeline="text-generation",
            metrics=("tunesmith.evaluation.texts.Perplexity", "tunesmith.evaluation.texts.BitsPerByte"),
            divides=True,
        ),
        Traits(
            name="text_to_text",
            option="text_to_text",
            columns=("text_column", "target_column"),
            output="text",
            heads={"seq2seq": "AutoModelForSeq2SeqLM", "causal": "AutoModelForCausalLM"},
            pipeline="text-generation",
            metrics=("torchmetrics.text.", "tunesmith.evaluation.texts."),
            required=("target_column",),
        ),
    )
}
"""Option to task, in the order in which messages list them."""
MEASURES: Final = sorted({name for traits in TASKS.values() for name in traits.metrics}, key=len, reverse=True)
"""Prefixes of the metrics that only some tasks can use, the longest first."""


def traits_of(task: Mapping[str, Any] | Any) -> Traits:
    """The traits of a `task` node, given as plain values or as the schema's class."""
    plain = task if isinstance(task, Mapping) else {"name": task.name, "multi_label": task.multi_label}
    flagged = plain.get("multi_label") and plain["name"] == "classification"
    return TASKS["multi_label" if flagged else plain["name"]]


def option_of(task: Mapping[str, Any]) -> str | None:
    """Our option for the kind of a `task` node; None if its name is unknown."""
    known = task.get("name") in {traits.name for traits in TASKS.values()}
    return traits_of(task).option if known else None


def names(**traits: Any) -> tuple[str, ...]:
    """`task.name` of the tasks that have all of these traits, without duplicates."""
    having = (task for task in TASKS.values() if all(getattr(task, key) == value for key, value in traits.items()))
    return tuple(dict.fromkeys(task.name for task in having))


def names_reading(column: str) -> tuple[str, ...]:
    """`task.name` of the tasks that use this column key of `data`, without duplicates."""
    return tuple(dict.fromkeys(task.name for task in TASKS.values() if column in task.columns))
