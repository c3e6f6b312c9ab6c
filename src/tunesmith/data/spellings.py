"""Finds labels that differ only in case, spaces or code points, and maps them to one name."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation

from tunesmith.config.composing.mappings import in_quotes

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TRUTHS = {"true": "1", "false": "0"}


def folded(name: str) -> str:
    """Normalise a name: case, surrounding and repeated space, Unicode form, invisible characters, numbers."""
    seen = unicodedata.normalize("NFKC", name).casefold()
    kept = "".join(character for character in seen if unicodedata.category(character) != "Cf")
    text = unicodedata.normalize("NFKC", " ".join(kept.split()))
    return _number(text)


def alike(counts: Mapping[str, int]) -> list[list[str]]:
    """Return groups of names with the same normalised form, each with its most frequent name first."""
    truths = {folded(name) for name in counts} <= {"true", "false", "0", "1"}
    groups: dict[str, list[str]] = {}
    for name in sorted(counts, key=lambda name: (-counts[name], name != clean(name), name)):
        key = folded(name)
        groups.setdefault(TRUTHS.get(key, key) if truths else key, []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def clean(name: str) -> str:
    """Remove extra space and invisible characters from a name, and compose it (NFC)."""
    seen = "".join(character for character in name if unicodedata.category(character) != "Cf")
    return unicodedata.normalize("NFC", " ".join(seen.split()))


def mapping(groups: Sequence[Sequence[str]], label_names: Mapping[str, str]) -> dict[str, str]:
    """Map each spelling in the file to its group's name.

    Args:
        groups: From `alike`.
        label_names: Existing `data.label_names`, whose keys are the spellings in the file.
    """
    to_one: dict[str, str] = {}
    for names in groups:
        for name in names:
            own = [] if name in label_names else [name]
            for spelling in (*own, *(before for before, after in label_names.items() if after == name)):
                if label_names.get(spelling, spelling) != clean(names[0]):
                    to_one[spelling] = clean(names[0])
    return to_one


def override(names: Mapping[str, str]) -> str:
    """Format `data.label_names={...}`, quoted for a shell."""
    entries = ", ".join(f"{quoted(name)}: {_value(value)}" for name, value in names.items())
    return shlex.quote(f"data.label_names={{{entries}}}")


def counted_list(counts: Mapping[str, int], names: Sequence[str]) -> str:
    """Join quoted names with their numbers of rows."""
    return ", ".join(f"{quoted(name)} ({counts[name]} row{'' if counts[name] == 1 else 's'})" for name in names)


def quoted(name: str) -> str:
    """Put a name in double quotes, with invisible and ambiguous characters escaped."""
    composed = unicodedata.normalize("NFKC", name) == name
    return in_quotes(name, lambda character: not (character.isprintable() and (composed or character.isascii())))


def _value(name: str) -> str:
    return name if PLAIN.fullmatch(name) and name.lower() not in ("null", "true", "false") else quoted(name)


def _number(text: str) -> str:
    """Write equal numbers the same way: 1, 1.0 and 01. Exact, since numbers of 20 digits may be names of products."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite() or "_" in text or not text.isascii():
        return text
    return str(number.normalize(Context(prec=len(text)))) if number else "0"
