"""A conversation that `data.convert` makes of a record in another tool's format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tunesmith.config.conversions import CONVERSIONS
from tunesmith.config.schema import Data
from tunesmith.data.forms.form import refuse_without
from tunesmith.data.forms.turns import READERS, Turns, names_of
from tunesmith.data.malformed import MalformedError
from tunesmith.data.values import text_in

CONVERTED: Final = "data.convert"
"""Where a record holds its conversation, or the prompt of it; the name of the column in messages."""
RESPONSE: Final = "data.convert, response"
"""Where a record holds its response, for text to text."""


class Converted:
    """Conversations of another format; for text to text, prompts with their responses.

    Args:
        data: The data config, which is valid.
        takes_conversations: Whether the task does.
    """

    key: str | None = CONVERTED

    def __init__(self, data: Data, *, takes_conversations: bool) -> None:
        assert data.convert is not None
        self._data, self._conversation = data, takes_conversations
        conversion, names = CONVERSIONS[data.convert], names_of(data)
        self._asked = [names[name] for name in conversion.asked]
        named = [name for name in conversion.optional if name in data.columns]
        self.columns: Sequence[str] = [*self._asked, *(names[name] for name in (*conversion.answer, *named))]
        self.beside: Sequence[str] = [names[name] for name in conversion.optional]
        self._column = self._asked[0] if conversion.turn and takes_conversations else CONVERTED
        made = {"messages_column": self._column} if takes_conversations else {}
        texts = {} if takes_conversations else {"text_column": CONVERTED, "target_column": RESPONSE}
        self.data = data.model_copy(update={**made, **texts})
        self.made_keys = frozenset({*made, *texts})
        self._unmet, self._rows, self._own, self._open = set(data.roles), 0, 0, 0

    def made(self, record: Mapping[str, Any], *, asking: bool = False) -> dict[str, Any]:
        """Return a record with its conversation, which is empty if the question or the answer is.

        Raises:
            MalformedError: A column is missing, or its value does not fit the format.
        """
        assert self._data.convert is not None
        refuse_without(record, self._asked if asking else self.columns, CONVERTED)
        data = self._data.model_copy(update={"missing": []}) if asking else self._data
        turns = READERS[self._data.convert](record, data)
        answers = CONVERSIONS[self._data.convert].answer
        if turns and answers and not asking and turns[-1]["role"] != "assistant":
            turns = []  # the answer is empty
        if turns:
            self._note(record, turns)
            turns = self._with_system(record, turns, data)
        if self._conversation:
            return {**record, self._column: turns}
        prompt, response = _question_and_answer(turns, asking=asking)
        return {**record, CONVERTED: prompt, RESPONSE: response}

    def alone(self, text: str) -> dict[str, Any]:
        """Return a record with a question in the format's first column."""
        assert self._data.convert is not None
        conversion, names = CONVERSIONS[self._data.convert], names_of(self._data)
        if not conversion.turn:
            return {self._asked[0]: text}
        role = next(role for role, ours in {**conversion.roles, **self._data.roles}.items() if ours == "user")
        return {self._asked[0]: [{names[conversion.turn[0]]: role, names[conversion.turn[1]]: text}]}

    def oddities(self) -> list[str]:
        """Return what of the config had no effect, and how many conversations end without an answer."""
        sentences = [f"data.roles names {role!r}, and no turn has that role" for role in sorted(self._unmet)]
        if self._own and self._data.system is not None:
            rule = f"data.system is not used in {self._own} of {self._rows} conversations"
            sentences.append(f"{rule}, which have a system prompt of their own")
        if self._open:
            rule = f"{self._open} of {self._rows} conversations end without an answer"
            sentences.append(f"{rule}: what follows the last answer is read and not learned")
        return sentences

    def _note(self, record: Mapping[str, Any], turns: Turns) -> None:
        self._rows += 1
        self._open += turns[-1]["role"] != "assistant"
        value = record.get(self._asked[0])
        if self._unmet and isinstance(value, list):
            key = names_of(self._data)[CONVERSIONS[str(self._data.convert)].turn[0]]
            self._unmet -= {str(turn.get(key)) for turn in value}

    def _with_system(self, record: Mapping[str, Any], turns: Turns, data: Data) -> Turns:
        """Turns after a system prompt: that of the record, or else that of the config."""
        column = names_of(self._data)["system"]
        beside = text_in(record.get(column), column, data)
        inside = turns[0]["role"] == "system"
        if beside and inside:
            raise MalformedError(f"{column!r} and turn 1 both hold a system prompt. Leave one of them out")
        self._own += bool(beside or inside)
        prompt = beside or ("" if inside else self._data.system)
        return [{"role": "system", "content": prompt}, *turns] if prompt else turns


def _question_and_answer(turns: Turns, *, asking: bool) -> tuple[str, str]:
    """The texts of a conversation of one question and its answer, for a task that takes no other."""
    roles = [turn["role"] for turn in turns]
    if roles not in ([], ["user", "assistant"]) and not (asking and roles == ["user"]):
        rule = f"its turns are {', '.join(roles)}, and text to text takes one question and its answer"
        raise MalformedError(f"{rule}. task=language_modeling takes conversations")
    texts = [str(turn.get("content") or "") for turn in turns]
    return (texts[0] if texts else "", texts[1] if len(texts) > 1 else "")
