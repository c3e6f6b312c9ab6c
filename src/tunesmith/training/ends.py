"""What is saved with a generating run's weights: where generation stops, how conversations are formatted."""

from __future__ import annotations

import logging
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

SHAPING = {
    **dict.fromkeys(("min_length", "min_new_tokens", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size"), 0),
    **dict.fromkeys(("repetition_penalty", "encoder_repetition_penalty", "guidance_scale"), 1.0),
    **dict.fromkeys(("bad_words_ids", "sequence_bias", "suppress_tokens", "begin_suppress_tokens")),
    **dict.fromkeys(("forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty")),
}
"""Generation settings of transformers that greedy decoding obeys, each with the value that changes nothing."""
log = logging.getLogger("tunesmith")

ROWS_CHECKED = 5
"""Number of conversations that the saved tokenizer must format as in training."""


def give_template(tokenizer: PreTrainedTokenizerFast, task: Task, data: Data, family: Family) -> None:
    """Set the chat template used in training on a tokenizer that has none, so that it is saved with it."""
    if task.learns_answers(data, family):
        tokenizer.chat_template = template_of(tokenizer)


def set_ends(network: Any, tokenizer: PreTrainedTokenizerFast, task: Task, data: Data, family: Family) -> None:
    """Make a generating network stop where its training texts end; the saved config says the same.

    The tokenizer's own end token stops it too, as do the tokens at which it stopped before, if the tokenizer still
    knows them as special tokens.

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


def shaping_settings(network: Any) -> dict[str, Any]:
    """Return the generation settings of a checkpoint that change what greedy decoding writes: name to value."""
    config = getattr(network, "generation_config", None)
    values = {name: getattr(config, name, None) for name in SHAPING}
    return {name: value for name, value in values.items() if value not in (None, SHAPING[name])}


def tell_shaping(network: Any, task: Task) -> None:
    """Warn of such settings: a least length, say, keeps a model from the short answers that it has learned."""
    settings = shaping_settings(network) if task.traits.output == "text" else {}
    if settings:
        shown = ", ".join(f"{name}={value}" for name, value in settings.items())
        rule = "the checkpoint's generation settings change every answer that is generated: %s"
        log.warning(rule + ". To be without one, remove it from generation_config.json in the model's folder", shown)


def save_ends(network: Any, folder: Path) -> None:
    """Save where generation stops beside an adapter, whose files do not include it."""
    if getattr(network, "generation_config", None) is not None and not (folder / "generation_config.json").exists():
        network.generation_config.save_pretrained(folder)


def check_template(rows: Rows, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Load a saved tokenizer as a user would and format some conversations: the ids must equal the run's.

    Args:
        rows: Rows; the first few are formatted.
        tokenizer: The run's tokenizer.
        folder: The folder it was saved in.

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
                f"the tokenizer in {folder} formats a conversation differently than in training: "
                f"{saved.decode(ids)!r}. Use another model.tokenizer"
            )


def _as_list(value: int | Sequence[int] | None) -> list[int]:
    return [] if value is None else [value] if isinstance(value, int) else list(value)
