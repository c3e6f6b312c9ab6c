"""How far a long step of the data is: a bar on a terminal, and nothing in logs and elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tunesmith.terminal import printable

Item = TypeVar("Item")
DELAY_S = 1.0
"""Seconds until a bar appears: most steps are done before."""
_shown = threading.Lock()
"""Held by the step that has the terminal; a step within it shows nothing."""


def progress(items: Iterable[Item], what: str, total: int | None = None, *, each: int = 1) -> Iterator[Item]:
    """The items, with a bar on standard error where that is a terminal and it takes longer than `DELAY_S`.

    Args:
        items: What a step goes through.
        what: The step, in words.
        total: Their number, in the unit that is counted; None where nobody knows.
        each: Units that an item stands for, such as the rows of a part.
    """
    return _with_bar(items, what, total, each) if sys.stderr.isatty() else iter(items)


def _with_bar(items: Iterable[Item], what: str, total: int | None, each: int) -> Iterator[Item]:
    start, bar = time.monotonic(), None
    try:
        for number, item in enumerate(items):
            if bar is None and time.monotonic() - start >= DELAY_S and _shown.acquire(blocking=False):
                bar = _opened(what, total)
            if bar is not None:
                bar.update(bar.task_ids[0], completed=number * each)
            yield item
    finally:
        if bar is not None:
            bar.stop()
            _shown.release()


def _opened(what: str, total: int | None) -> Any:
    """The same bar as of a run that trains, which is gone when the step has ended."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task(printable(what), total=total)
    bar.start()
    return bar
