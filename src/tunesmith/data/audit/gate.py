"""What an audit may find at most: `audit --fail-on leaks,duplicates=100,markup=1%`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tunesmith.data.audit.finding import KINDS, Audit
from tunesmith.errors import ConfigError, DataError, Problem
from tunesmith.suggest import did_you_mean, nearest

NO_ROWS: Final = ("spellings", "misspellings", "rare_labels", "cues", "slices")
"""Kinds whose count is not one of rows, so that it is no part of them."""
MOST: Final = re.compile(r"(\d+(?:\.\d+)?)(%?)")


@dataclass(frozen=True)
class Gate:
    """The most of a kind that is accepted."""

    kind: str
    most: float
    of_rows: bool
    """Whether `most` is a fraction of all rows."""

    def accepts(self, audited: Audit) -> bool:
        """Whether there is no more of it."""
        total = sum(audited.rows.values())
        return audited.counts()[self.kind] <= (self.most * total if self.of_rows else self.most)


def gates_of(text: str | None) -> list[Gate]:
    """Parse `--fail-on`: kinds, each with the count or the percentage of rows that is accepted; 0 if there is none.

    Raises:
        ConfigError: There is no such kind, or no such number.
    """
    gates, problems = [], []
    for part in [] if text is None else text.split(","):
        kind, given, most = (piece.strip() for piece in part.partition("="))
        number = MOST.fullmatch(most if given else "0")
        if kind not in KINDS:
            problems.append(Problem("--fail-on", f"takes {', '.join(KINDS)}", kind, did_you_mean(nearest(kind, KINDS))))
        elif number is None or (not number[2] and not float(number[1]).is_integer()):
            rule = f"takes {kind}=NUMBER or {kind}=PERCENT%: the most that is accepted"
            problems.append(Problem("--fail-on", rule, part.strip(), f"--fail-on {kind}=1%"))
        elif number[2] and kind in NO_ROWS:
            rule = f"{kind} are not rows, so they have no percentage"
            problems.append(Problem("--fail-on", rule, part.strip(), f"--fail-on {kind}={math.ceil(float(number[1]))}"))
        else:
            gates.append(Gate(kind, float(number[1]) / (100 if number[2] else 1), bool(number[2])))
    if problems:
        raise ConfigError(problems)
    return gates


def refuse_findings(audited: Audit, gates: Sequence[Gate]) -> None:
    """Raise if more of a kind was found than is accepted.

    Raises:
        ConfigError: One of them cannot be looked for in this data.
        DataError: There is more.
    """
    skipped = [gate.kind for gate in gates if gate.kind in audited.skipped]
    if skipped:
        raise ConfigError([Problem("--fail-on", f"not looked for: {audited.skipped[kind]}", kind) for kind in skipped])
    counts = audited.counts()
    refused = [f"{gate.kind} ({counts[gate.kind]:,})" for gate in gates if not gate.accepts(audited)]
    if refused:
        raise DataError(f"the data has {', '.join(refused)}, which --fail-on refuses")
