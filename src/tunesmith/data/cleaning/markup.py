"""HTML taken out of texts."""

from __future__ import annotations

import re
from html import unescape

from tunesmith.data.characters import ENTITY, TAG, is_entity
from tunesmith.data.cleaning.step import TextStep

DROPPED = re.compile(r"<!--.*?-->|<(script|style)\b[^<>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
"""Comments, scripts and style sheets."""
INLINE = re.compile(r"</?(?:a|abbr|b|big|code|em|font|i|small|span|strike|strong|sub|sup|tt|u)\b[^<>]*>", re.IGNORECASE)
"""Tags within a line; any other parts words."""


class Markup(TextStep):
    """Remove the tags and comments of HTML with the content of scripts and styles, and decode its entities.

    What only looks like a tag (`<unk>`, `<3`, `a < b`) stays, and so does `&` in `AT&T`. Entities are decoded until
    none is left: `&amp;lt;br&amp;gt;` was HTML that was escaped twice.
    """

    def clean(self, text: str) -> str:
        """The text alone."""
        before = None
        while text != before:
            before, text = text, self._once(text) if "<" in text or "&" in text else text
        return text

    @staticmethod
    def _once(text: str) -> str:
        plain = TAG.sub(lambda tag: "" if INLINE.fullmatch(tag[0]) else " ", DROPPED.sub(" ", text))
        return ENTITY.sub(lambda entity: unescape(f"&{entity[1]};") if is_entity(entity) else entity[0], plain)
