"""What a run that writes is saved with beside its weights: where generation stops, how conversations are written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.rows import Rows
from tunesmith.data.templates import PROBE, Conversation, end_of_text, ends_of_answers, marks, template_of, write
from tunesmith.errors import TrainingError
from tunesmith.tasks.task import Task

ROWS_CHECKED = 5
"""Conversations that the saved tokenizer has to write as they were learned."""


def give_template(tokenizer: PreTrainedTokenizerFast, task: Task, data: Data, family: Family) -> None:
    """Give a tokenizer without a chat template the one that the answers are learned in, so that it is saved with it."""
    if task.learns_answers(data, family):
        tokenizer.chat_template = template_of(tokenizer)


def set_ends(network: Any, tokenizer: PreTrainedTokenizerFast, task: Task, data: Data, family: Family) -> None:
    """Let a network that writes stop where a text was learned to end; what it is saved with says the same.

    The tokenizer's own end token stops it too, and so do the tokens at which it stopped before, if the tokenizer still
    knows them as marks.

    Raises:
        DataError: Nothing ends an answer.
    """
    config = getattr(network, "generation_config", None)
    if config is None or task.traits.output != "text":
        return
    own = ends_of_answers(tokenizer) if task.learns_answers(data, family) else [end_of_text(tokenizer)]
    before = [end for end in _as_list(config.eos_token_id) if end in marks(tokenizer)]
    ends = list(dict.fromkeys(end for end in (*own, tokenizer.eos_token_id, *before) if end is not None))
    config.eos_token_id = ends[0] if len(ends) == 1 else ends or None
    if config.pad_token_id is None:
        config.pad_token_id = tokenizer.pad_token_id


def save_ends(network: Any, folder: Path) -> None:
    """Write where generation stops beside an adapter, which is saved without it."""
    if getattr(network, "generation_config", None) is not None and not (folder / "generation_config.json").exists():
        network.generation_config.save_pretrained(folder)


def check_template(rows: Rows, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Load a saved tokenizer as anyone would, and let it write some conversations: the ids must be those of the run.

    Args:
        rows: Rows of which the first ones are written.
        tokenizer: The run's tokenizer.
        folder: Where it was saved.

    Raises:
        TrainingError: They differ.
    """
    saved = AutoTokenizer.from_pretrained(folder)
    conversations: list[Conversation] = [PROBE, *(rows.messages or [])[:ROWS_CHECKED]]
    options = [{}, *(rows.options or [{}] * len(rows))[:ROWS_CHECKED]]
    for turns, more in zip(conversations, options, strict=False):
        given = [{key: value for key, value in turn.items() if key != "train"} for turn in turns]
        arguments = {key: value for key, value in more.items() if key != "chat_template_kwargs"}
        arguments |= more.get("chat_template_kwargs", {})
        ids = saved.apply_chat_template(given, tokenize=True, return_dict=True, **arguments)["input_ids"]
        if ids != write(turns, tokenizer, more)[0]:
            raise TrainingError(
                f"the tokenizer in {folder} writes a conversation otherwise than it was learned: "
                f"{saved.decode(ids)!r}. Take another model.tokenizer"
            )


def _as_list(value: int | Sequence[int] | None) -> list[int]:
    return [] if value is None else [value] if isinstance(value, int) else list(value)
