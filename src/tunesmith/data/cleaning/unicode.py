"""Letters as they were meant: wrongly decoded ones restored, all in one Unicode form."""

from __future__ import annotations

import unicodedata
from typing import Literal

from tunesmith.data.cleaning.step import TextStep

MOST_ROUNDS = 10
"""Composing letters may show more that was decoded wrongly; no text that was met takes three rounds."""


class Unicode(TextStep):
    """Undo wrong decodings (`cafÃ©`, Windows-1252 read as Latin-1) with ftfy, and compose letters and marks.

    Args:
        mojibake: Whether to undo wrong decodings.
        form: Unicode form; NFKC also replaces ligatures, wide letters and the like by plain ones.
    """

    def __init__(self, *, mojibake: bool = True, form: Literal["NFC", "NFKC"] = "NFC") -> None:
        self._mojibake, self._form = mojibake, form

    def clean(self, text: str) -> str:
        """The text restored and composed."""
        if text.isascii():
            return text
        for _ in range(MOST_ROUNDS):
            before, text = text, self._once(text)
            if text == before:
                break
        return text

    def _once(self, text: str) -> str:
        from ftfy import fix_encoding

        return unicodedata.normalize(self._form, fix_encoding(text) if self._mojibake else text)
