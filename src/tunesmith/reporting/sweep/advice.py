"""Suggests improvements for the next sweep: ranges to move, differences that are noise."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tunesmith.config.keys import takes_value
from tunesmith.runs.sweep_record import SweepRecord, losses
from tunesmith.runs.trial_record import TrialRecord

EDGE_FRACTION = 0.1
"""Fraction of the searched range, in its own scale; for a winner this close to an end, the optimum may be beyond."""
CONFIDENCE = 0.95

_ATTRIBUTES = {
    "FloatDistribution": {"low", "high"},
    "IntDistribution": {"low", "high"},
    "CategoricalDistribution": {"choices"},
}
_RANGE = re.compile(r"\b(interval|range)\(([^()]*)\)")
_CHOICE = re.compile(r"\bchoice\([^()]*\)")


@dataclass(frozen=True)
class Edge:
    """A winner at an end of the searched space."""

    key: str
    value: float
    end: Literal["low", "high"]
    searched: str
    """The space as it was configured."""
    advice: str
    """The space to try next, in the same grammar."""


@dataclass(frozen=True)
class Noise:
    """How large a difference between two configs must be to count, given the number of repeats."""

    margin: float
    """Half-width of the confidence interval of a difference of two means, from all trials' pooled spread."""
    repeats: int
    within: tuple[TrialRecord, ...]
    """Completed trials that the winner beats by no more than the margin, best first."""


def edges(record: SweepRecord, winner: TrialRecord) -> list[Edge]:
    """Return the swept keys whose best value is within 10% of an end of its range, or its first or last number.

    If other trials have exactly the same value, they must all be at the same end.
    """
    equals = [trial for trial in record.trials if trial.completed and trial.values == winner.values]
    return [edge for edge in _edges(record, winner) if all(_shares(record, other, edge) for other in equals)]


def _shares(record: SweepRecord, trial: TrialRecord, edge: Edge) -> bool:
    return edge.key not in trial.params or (edge.key, edge.end) in {(e.key, e.end) for e in _edges(record, trial)}


def _edges(record: SweepRecord, winner: TrialRecord) -> list[Edge]:
    edges = []
    for key, value in winner.params.items():
        distribution = distribution_of(record, key)
        if distribution is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        searched = space_text(record, key)
        name, attributes = distribution
        if name == "CategoricalDistribution":
            edge = _edge_of_choices(key, value, attributes["choices"], searched)
        else:
            edge = _edge_of_range(key, value, attributes, searched, whole=name == "IntDistribution")
        edges += [edge] if edge else []
    return edges


def noise(record: SweepRecord) -> Noise | None:
    """Judge the winner's lead by the repeats; None without repeats, with one completed trial or several objectives.

    The spread is pooled over all completed trials, because one trial's standard deviation over a few seeds is mostly
    noise. The margin is Student's t for one comparison; the best of many trials looks further ahead than it is.
    """
    best = record.best()
    repeated = [t for t in record.trials if t.completed and t.spread is not None and len(t.repeat_values or ()) > 1]
    if best not in repeated or best is None or len(repeated) < 2:
        return None
    from scipy.stats import t as student

    freedom = sum(len(trial.repeat_values or ()) - 1 for trial in repeated)
    pooled = sum((trial.spread or 0.0) ** 2 * (len(trial.repeat_values or ()) - 1) for trial in repeated) / freedom
    repeats = len(best.repeat_values or ())
    margin = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(pooled * 2 / repeats)
    bound = losses(best, record.directions)[0] + margin
    others = [trial for trial in record.leaderboard() if trial.completed and trial.number != best.number]
    return Noise(margin, repeats, tuple(trial for trial in others if losses(trial, record.directions)[0] <= bound))


def distribution_of(record: SweepRecord, key: str) -> tuple[str, dict[str, Any]] | None:
    """Return the name and attributes of a key's recorded Optuna distribution; None if there is none."""
    text = record.facts.get("distributions", {}).get(key)
    if not isinstance(text, str):
        return None
    try:
        raw = json.loads(text)
        name, attributes = str(raw["name"]), dict(raw["attributes"])
    except (ValueError, KeyError, TypeError):
        return None
    needed = _ATTRIBUTES.get(name)
    return (name, attributes) if needed and needed <= attributes.keys() else None


def space_text(record: SweepRecord, key: str) -> str:
    """Return a key's space as in the sweep file."""
    space = record.facts.get("space", {}).get(key, "")
    return str(space.get("space", space)) if isinstance(space, Mapping) else str(space)


def _edge_of_range(key: str, value: float, range_: Mapping[str, Any], searched: str, *, whole: bool) -> Edge | None:
    low, high, log = float(range_["low"]), float(range_["high"]), bool(range_.get("log"))
    if not low <= value <= high or low == high:
        return None
    to, back = (math.log, math.exp) if log else (float, float)
    width = to(high) - to(low)
    place = (to(value) - to(low)) / width
    if EDGE_FRACTION < place < 1 - EDGE_FRACTION:
        return None
    end: Literal["low", "high"] = "low" if place < 0.5 else "high"
    first, last = back(to(value) - width / 2), back(to(value) + width / 2)
    floor = (1.0 if low >= 1 else -math.inf) if whole else (0.0 if low >= 0 else -math.inf)
    if end == "low" and low == floor:  # nothing lies below: narrow the range instead
        first, last = low, back(to(low) + 0.3 * width)
    # If the key does not accept values beyond the searched end, keep that end.
    first = first if takes_value(key, _rounded(max(first, floor), whole)) else low
    last = last if takes_value(key, _rounded(last, whole)) else high
    return Edge(key, value, end, searched, _moved(searched, max(first, floor), last, log, whole))


def _moved(searched: str, low: float, high: float, log: bool, whole: bool) -> str:
    """Replace the ends of a space; casts and tags around it stay."""
    known = _RANGE.search(searched)
    if whole:
        first, last = _whole(low), max(_whole(high), _whole(low) + 1)
        if known and known[1] == "range":  # the upper end is excluded
            step = "".join(f", {part.strip()}" for part in known[2].split(",")[2:])
            return searched[: known.start()] + f"range({first}, {last + 1}{step})" + searched[known.end() :]
        ends = f"interval({first}, {last})"
    else:
        ends = f"interval({_short(low)}, {_short(high)})"
    if known:
        return searched[: known.start()] + ends + searched[known.end() :]
    ends = f"int({ends})" if whole else ends
    return f"tag(log, {ends})" if log else ends


def _edge_of_choices(key: str, value: float, choices: Sequence[Any], searched: str) -> Edge | None:
    if len(choices) < 2 or any(isinstance(c, bool) or not isinstance(c, int | float) for c in choices):
        return None
    ordered = sorted(set(choices))
    if value not in (ordered[0], ordered[-1]) or len(ordered) < 2:
        return None
    high = value == ordered[-1]
    nearest = ordered[-2] if high else ordered[1]
    beyond = _beyond(ordered, value, nearest)
    if beyond is None or not takes_value(key, beyond):
        return None
    advice = f"choice({', '.join(map(_short, sorted([nearest, value, beyond])))})"
    known = _CHOICE.search(searched)
    if known:  # keep what is around it: a cast, or the key's condition
        advice = searched[: known.start()] + advice + searched[known.end() :]
    return Edge(key, value, "high" if high else "low", searched, advice)


def _beyond(ordered: Sequence[float], value: float, nearest: float) -> float | None:
    """Return the next number of a series beyond its end `value`; None if there cannot be one."""
    ratios = [after / before for before, after in itertools.pairwise(ordered)] if ordered[0] > 0 else []
    gaps = [after - before for before, after in itertools.pairwise(ordered)]
    geometric = bool(ratios) and max(ratios) / min(ratios) <= max(gaps) / min(gaps) and min(ratios) >= 1.5
    beyond = value * value / nearest if geometric else 2 * value - nearest
    if ordered[0] >= 0 and beyond <= 0:  # nothing lies below zero: try a value in between
        beyond = value / 2 if value else nearest / 2
    if all(isinstance(number, int) for number in ordered):
        beyond = round(beyond)
        return beyond if beyond not in ordered and beyond > 0 else None
    return float(_short(beyond))


def _rounded(number: float, whole: bool) -> float:
    return _whole(number) if whole else float(_short(number))


def _whole(number: float) -> int:
    """Round to a whole number, with two significant digits if it is large."""
    return round(number) if abs(number) < 100 else round(float(f"{number:.2g}"))


def _short(number: float) -> str:
    """Format with two significant digits, as a person would type it."""
    return str(number) if isinstance(number, int) else f"{number:.2g}".replace("e-0", "e-").replace("e+0", "e+")
