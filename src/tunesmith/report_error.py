"""Prints an error for the user and returns its exit code."""

from __future__ import annotations

import sys

from tunesmith.errors import TunesmithError
from tunesmith.redaction import redact_values
from tunesmith.terminal import say


def explain(error: BaseException) -> int:
    """Print an error without its traceback and return its exit code."""
    sys.stdout.flush()
    if isinstance(error, TunesmithError):
        say(redact_values(str(error)), file=sys.stderr)
        return error.exit_code
    code = getattr(error, "exit_code", None)
    if isinstance(code, int):  # raised when a signal ends a run
        say(f"tunesmith: {error}", file=sys.stderr)
        return code
    text = redact_values(f"{type(error).__name__}: {error}".splitlines()[0])
    advice = "This is a bug in Tunesmith; add --debug to see the traceback"
    say(f"tunesmith: internal error: {text}. {advice}.", file=sys.stderr)
    return 1
