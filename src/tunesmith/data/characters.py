"""What stands in a text that nobody wants there: hidden characters, HTML, wrongly decoded letters."""

from __future__ import annotations

import re
import unicodedata
from html.entities import html5
from typing import Final

HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d\xad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]"
)
"""Control characters but tab and line ends, and characters of no width that no script is written with.

The joiners of Persian, the scripts of India and emoji stay, and so do marks of direction without a scope. Those of 0x80
to 0x9f that Windows-1252 has a letter for are letters that were decoded wrongly."""
TAGS: Final = (
    *("a", "abbr", "article", "b", "big", "blockquote", "body", "br", "button", "center", "code", "dd", "div", "dl"),
    *("dt", "em", "font", "footer", "form", "h[1-6]", "head", "header", "hr", "html", "i", "iframe", "img", "input"),
    *("li", "link", "meta", "nav", "ol", "option", "p", "pre", "script", "section", "select", "small", "span"),
    *("strike", "strong", "style", "sub", "sup", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "title"),
    *("tr", "tt", "u", "ul"),
)
"""Elements of HTML; `<unk>`, `<user>` and `<3` are no markup."""
BARE: Final = ("async", "checked", "compact", "defer", "disabled", "hidden", "multiple", "nowrap", "selected")
"""Attributes without a value; with any other word behind the name, as in `a<b and c>d`, it is no tag."""
TAG: Final = re.compile(
    rf"</?(?:{'|'.join(TAGS)})(?:\s+(?:{'|'.join(BARE)}))*(?:\s+[a-z][\w:-]*\s*=[^<>]*)?\s*/?>|<!--", re.IGNORECASE
)
ENTITY: Final = re.compile(r"&(?:amp;|#38;|#x26;)*([a-z][a-z0-9]{1,30}|#\d{1,7}|#x[0-9a-f]{1,6});", re.IGNORECASE)
"""A name or number between `&` and `;`, however often the `&` was itself written so."""


def hidden_at(text: str) -> int | None:
    """Where its first character stands that nobody sees; None if it has none."""
    first = HIDDEN.search(text)
    return None if first is None else first.start()


def markup_at(text: str) -> int | None:
    """Where its first tag, comment or entity of HTML begins; None if it has none."""
    tag = TAG.search(text) if "<" in text else None
    entity = next(filter(is_entity, ENTITY.finditer(text)), None) if "&" in text else None
    return min((match.start() for match in (tag, entity) if match is not None), default=None)


def is_entity(match: re.Match[str]) -> bool:
    """Whether a match of `ENTITY` is one of HTML's."""
    return match[1].startswith("#") or f"{match[1]};" in html5


def garbled_at(text: str) -> int | None:
    """Where it was first decoded wrongly, in a way that can be undone, or lost a character to a wrong decoding."""
    if text.isascii():
        return None
    from ftfy import fix_encoding

    lost, mended = text.find("\ufffd"), fix_encoding(text)
    if mended != text:
        return next((i for i, (a, b) in enumerate(zip(text, mended, strict=False)) if a != b), len(mended))
    return lost if lost >= 0 else None


def decomposed_at(text: str) -> int | None:
    """Where a letter and a mark are first written as two characters that are one in NFC; None if nowhere."""
    if unicodedata.is_normalized("NFC", text):
        return None
    composed = unicodedata.normalize("NFC", text)
    return next((i for i, (a, b) in enumerate(zip(text, composed, strict=False)) if a != b), len(composed))


def num_characters(text: str) -> int:
    """Letters and digits of it, of any script."""
    return sum(map(str.isalnum, text))
