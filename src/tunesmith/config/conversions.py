"""The formats that `data.convert` reads: their columns, and the roles of their turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ROLES_HERE: Final = ("system", "user", "assistant", "tool")
"""What a role may be called in `data.roles`."""
CALLS: Final = "function_call"
"""A role of ShareGPT whose turns are calls of tools by the assistant."""


@dataclass(frozen=True)
class Conversion:
    """A format, with the names that stand in it unless `data.columns` has others."""

    asked: tuple[str, ...]
    """Columns that every record has."""
    answer: tuple[str, ...] = ()
    """Columns with the answer, which a record to be answered does not need."""
    optional: tuple[str, ...] = ()
    """Columns that are read where they are there."""
    turn: tuple[str, ...] = ()
    """Keys of a turn: its role and its text."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """Role in the file to its name here."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that `data.columns` may name."""
        return (*self.asked, *self.answer, *self.optional, *self.turn)


CONVERSIONS: Final = {
    "alpaca": Conversion(("instruction",), ("output",), ("input", "system", "history")),
    "sharegpt": Conversion(
        ("conversations",),
        optional=("system",),
        turn=("from", "value"),
        roles={
            **{"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"},
            **{CALLS: "assistant", "tool": "tool", "observation": "tool", "function": "tool"},
        },
    ),
    "prompt_response": Conversion(("prompt",), ("response",), ("system",)),
    "messages": Conversion(
        ("messages",),
        optional=("system",),
        turn=("role", "content"),
        roles={**{role: role for role in ROLES_HERE}, "developer": "system", "function": "tool"},
    ),
}
"""Value of `data.convert` to its format."""
