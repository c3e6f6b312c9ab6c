"""ChatterBot's corpus: YAML files of conversations, in a folder for each language."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from tunesmith.data.sources.file_kinds import REMEDY, refuse_special
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError

ROLES = ("user", "assistant")
FORM = "conversations: [[a question, its answer], ...]"
log = logging.getLogger("tunesmith")


class Chatterbot(Source):
    """Conversations: `text` is the first turn, `target` its answer, `messages` all turns, `category` the topic."""

    columns = frozenset({"text", "target", "messages", "category"})

    def files(self, path: Path) -> Sequence[Path]:
        """The YAML files of a folder by name, or the file itself.

        Raises:
            DataError: The folder has none.
        """
        if not path.is_dir():
            refuse_special(path)
            return [path]
        files = sorted(path.glob("*.yml"))
        if not files:
            raise DataError(f"{path}: a folder without files that end in .yml. {REMEDY}")
        return files

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """Each conversation with its line; entries that are none are counted and said.

        Raises:
            DataError: The file is not YAML, or has another form.
        """
        left: Counter[str] = Counter()
        category, conversations = _parts(file, path)
        for node in conversations:
            turns = [str(item.value) for item in node.value if item.id == "scalar"] if node.id == "sequence" else []
            if len(turns) < 2 or len(turns) < len(node.value):
                left["a text alone" if len(turns) < 2 else "lists within a conversation"] += 1
                continue
            messages = [{"role": ROLES[i % 2], "content": turn} for i, turn in enumerate(turns)]
            record = {"text": turns[0], "target": turns[1], "messages": messages, "category": category}
            yield node.start_mark.line + 1, record
        if left:
            counts = ", ".join(f"{count} ({what})" for what, count in left.items())
            log.warning("%s: entries left out: %s", path, counts, extra={"once": True})


def _parts(file: TextIO, path: Path) -> tuple[str, Sequence[Any]]:
    """The first category of a file, and its conversations as nodes, which know their lines."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the texts as they stand: `Yes` is no boolean
    try:
        root: Any = yaml.compose(file, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise DataError(f"{place}: not valid YAML: {getattr(error, 'problem', error)}") from None
    nodes = {key.value: value for key, value in root.value} if root is not None and root.id == "mapping" else {}
    conversations = nodes.get("conversations")
    if conversations is None or conversations.id != "sequence":
        raise DataError(f"{path}: not a file of conversations, as in {FORM}")
    topic: Any = nodes.get("categories")
    named = topic is not None and topic.id == "sequence" and topic.value
    return (str(topic.value[0].value) if named else path.stem), conversations.value
