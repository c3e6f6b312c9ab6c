"""What a config and a model have to know of each task, without torch; all else is in `tasks/`, a file for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

SEQUENCE = "AutoModelForSequenceClassification"
Name = Literal["classification", "regression", "token_classification", "language_modeling", "text_to_text"]


@dataclass(frozen=True)
class Traits:
    """A task as a config and a model see it."""

    name: Name
    """`task.name`."""
    option: str
    """Its option of the groups `task` and `evaluation`, and its file in `tasks/`."""
    columns: tuple[str, ...]
    """Keys of `data` that name the columns of its records."""
    output: Literal["labels", "number", "text"]
    """What a model answers with."""
    heads: Mapping[str, str]
    """The families that it takes, each with the class of transformers that loads one with the task's head."""
    pipeline: str
    """What the Hugging Face Hub calls it."""
    metrics: tuple[str, ...] = ()
    """How the names of the metrics begin that measure its answers, among those of `MEASURES`."""
    required: tuple[str, ...] = ()
    """Those of its columns that have no default."""
    several: bool = False
    """A text may have any number of labels."""
    pools: bool = False
    """It answers once for a text, so that a head of ours can pool it."""
    takes_words: bool = False
    """Its inputs are lists of words, each with an answer of its own; the first ones cannot be cut."""
    divides: bool = False
    """Its texts are divided into samples, so that none is cut, and may be packed; it takes conversations too."""

    @property
    def head(self) -> str | None:
        """The end of the names of the classes with its head; None for a model that writes text."""
        if self.output == "text":
            return None
        return next(iter(self.heads.values())).removeprefix("AutoModelFor")

    @property
    def takes_label_words(self) -> bool:
        """Whether words of a model that writes can stand for its labels."""
        return self.pools and self.output == "labels"

    @property
    def weighs_labels(self) -> bool:
        """Whether there is one label for each text or word, which can be smoothed and weighed."""
        return self.output == "labels" and not self.several


CLASSIFICATION: Final = Traits(
    name="classification",
    option="classification",
    columns=("text_column", "label_column", "text_pair_column"),
    output="labels",
    heads=dict.fromkeys(("encoder", "causal", "seq2seq"), SEQUENCE),
    pipeline="text-classification",
    metrics=("Multiclass",),
    pools=True,
)
TASKS: Final = {
    traits.option: traits
    for traits in (
        CLASSIFICATION,
        replace(CLASSIFICATION, option="multi_label", metrics=("Multilabel",), several=True),
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
            metrics=("tunesmith.evaluation.texts.Perplexity",),
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
"""Option to task, in the order in which messages list them; an option without a flag of its own has its task's name."""
MEASURES: Final = sorted({name for traits in TASKS.values() for name in traits.metrics}, key=len, reverse=True)
"""How the metrics begin that only some tasks can use, the longest first."""


def traits_of(task: Mapping[str, Any] | Any) -> Traits:
    """The traits of a `task` node, as plain values or as the schema's class."""
    plain = task if isinstance(task, Mapping) else {"name": task.name, "multi_label": task.multi_label}
    flagged = plain.get("multi_label") and plain["name"] == "classification"
    return TASKS["multi_label" if flagged else plain["name"]]


def option_of(task: Mapping[str, Any]) -> str | None:
    """The option of ours whose kind a `task` node is of; None where its name is none of ours."""
    known = task.get("name") in {traits.name for traits in TASKS.values()}
    return traits_of(task).option if known else None


def names(**traits: Any) -> tuple[str, ...]:
    """`task.name` of the tasks that have all of these traits, each once."""
    having = (task for task in TASKS.values() if all(getattr(task, key) == value for key, value in traits.items()))
    return tuple(dict.fromkeys(task.name for task in having))


def names_reading(column: str) -> tuple[str, ...]:
    """`task.name` of the tasks that read the column of this key of `data`, each once."""
    return tuple(dict.fromkeys(task.name for task in TASKS.values() if column in task.columns))
