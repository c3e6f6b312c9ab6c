"""Characters that nobody sees, removed."""

from __future__ import annotations

import re

from tunesmith.data.characters import HIDDEN
from tunesmith.data.cleaning.step import TextStep

BREAKS = re.compile("[\x0b\x0c\x1c-\x1f]")
"""Control characters that part words."""


class ControlCharacters(TextStep):
    """Remove control characters but tab and line ends, and characters of no width.

    Those that part words (form feed, vertical tab, separators) become a space.
    """

    def clean(self, text: str) -> str:
        """The text without them."""
        return HIDDEN.sub("", BREAKS.sub(" ", text))
