"""The Chit-Chat Challenge's conversations: JSON in which two people send each other messages in groups."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from tunesmith.data.sources.jsonl import each_key_once
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError

FORM = '{"ID": {"messages": [[{"text": "...", "sender": "..."}]]}}'
ROLES = ("user", "assistant")
log = logging.getLogger("tunesmith")


class Chitchat(Source):
    """Conversations as `messages`: who writes first is the user, and who answers the assistant.

    What one writes before the other answers is one turn, with a line for each message.
    """

    columns = frozenset({"id", "messages", "prompt"})

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """Each conversation with its number, from 1; what cannot be a conversation is counted and said.

        Raises:
            DataError: The file has another form.
        """
        left: Counter[str] = Counter()
        for number, (key, conversation) in enumerate(_conversations(file, path).items(), 1):
            turns = _turns(conversation, f"{path}: conversation {key!r}", left)
            if len(turns) < 2:
                left["conversations without an answer"] += 1
                continue
            prompt = conversation.get("prompt")
            yield number, {"id": key, "messages": turns, "prompt": prompt}
        if left:
            counts = ", ".join(f"{count:,} {what}" for what, count in left.items())
            log.warning("%s: left out: %s", path, counts, extra={"once": True})


def _conversations(file: TextIO, path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(file.read(), object_pairs_hook=each_key_once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: not a JSON object of conversations, as in {FORM}")
    return value


def _turns(conversation: Any, place: str, left: Counter[str]) -> list[dict[str, str]]:
    """The turns of a conversation, those of one sender after the other made one; empty messages are counted."""
    messages = _messages(conversation, place)
    written = [message for message in messages if message["text"].strip()]
    left["empty messages"] += len(messages) - len(written)
    left += Counter()  # less what is zero
    senders = list(dict.fromkeys(message["sender"] for message in written))
    if len(senders) > len(ROLES):
        left[f"conversations of more than {len(ROLES)} people"] += 1
        return []
    turns: list[dict[str, str]] = []
    for message in written:
        role = ROLES[senders.index(message["sender"])]
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n{message['text']}"
        else:
            turns.append({"role": role, "content": message["text"]})
    return turns


def _messages(conversation: Any, place: str) -> Sequence[Mapping[str, str]]:
    groups = conversation.get("messages") if isinstance(conversation, dict) else None
    messages: list[Any] | None = None
    if isinstance(groups, list) and all(isinstance(group, list) for group in groups):
        messages = [message for group in groups for message in group]
    if messages is None or not all(map(_is_message, messages)):
        raise DataError(f"{place}: must hold messages in groups, each with a text and a sender, as in {FORM}")
    return messages


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("text", "sender"))
