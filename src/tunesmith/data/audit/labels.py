"""Labels that are spelt in several ways, and labels of which there is too little."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tunesmith.config.schema import Data
from tunesmith.data.audit.finding import Finding, number_of, some
from tunesmith.data.audit.interval import wilson
from tunesmith.data.findings import label_counts
from tunesmith.data.rows import Rows
from tunesmith.data.spellings import alike, clean, counted_list, mapping, override, quoted
from tunesmith.suggest import distance

MEASURABLE = 10
"""Rows of a label in a split from which its metrics say something."""
SHORTEST = 4
"""Letters of a label from which it may be a misspelling of another."""
RARE = 0.1
"""Rows of a misspelling as a fraction of those of what was meant, at most."""
LARGEST_FRACTION = 0.3
"""Of a split that is proposed."""
ANSWERED = 0.8
"""A fraction of a label's rows, for whose interval its number is an example."""


def spellings(splits: Mapping[str, Rows], data: Data) -> Iterator[Finding]:
    """Findings of the kinds spellings and misspellings, with the mapping that makes each one label.

    Args:
        splits: The rows of each split.
        data: The data config, whose `label_names` are kept.
    """
    counts = sum((label_counts(rows) for rows in splits.values()), Counter[str]())
    groups = alike(counts)
    if groups:
        num_labels = sum(map(len, groups))
        text = f"{num_labels:,} labels are spellings of {len(groups):,}"
        yield Finding("spellings", num_labels, text, some(_listed(groups, counts)), _one_name(groups, data))
    slips = misspelt(counts, groups)
    if slips:
        together = joined(groups, slips)
        listed = (
            f"{counted_list(counts, [name])} beside {counted_list(counts, [meant])}" for name, meant in slips.items()
        )
        text = f"{number_of(len(slips), 'label is', 'labels are')} one letter from a label that is far more frequent"
        yield Finding("misspellings", len(slips), text, some(listed), _one_name(together, data))


def misspelt(counts: Mapping[str, int], groups: Sequence[Sequence[str]]) -> dict[str, str]:
    """Each label that is likely a slip, with the label that was meant.

    They are one letter apart, or two neighbours are swapped; one is at most a tenth as frequent as the other, has
    four characters at least, and does not differ in a digit.

    Args:
        counts: Rows of each label.
        groups: Labels that are one in other letters (`alike`), the most frequent of each first.
    """
    first_of = {name: names[0] for names in groups for name in names}
    totals: Counter[str] = Counter()
    for name, count in counts.items():
        totals[first_of.get(name, name)] += count
    slips = {}
    for name, count in totals.items():
        near = [other for other in totals if count <= RARE * totals[other] and _one_letter(clean(name), clean(other))]
        if near:
            slips[name] = max(near, key=lambda other: (totals[other], other))
    return {name: meant for name, meant in slips.items() if meant not in slips}


def joined(groups: Sequence[Sequence[str]], slips: Mapping[str, str]) -> list[list[str]]:
    """The groups with the slips, and their own spellings, in the groups of what was meant; all slips have one."""
    of = {names[0]: list(names) for names in groups}
    for name, meant in slips.items():
        of.setdefault(meant, [meant]).extend(of.pop(name, [name]))
    return list(of.values())


def rare_labels(splits: Mapping[str, Rows], data: Data) -> Iterator[Finding]:
    """The finding of labels that val or test has too few rows of, or train none.

    Args:
        splits: The rows of each split.
        data: The data config.
    """
    counts = {name: label_counts(rows) for name, rows in splits.items() if len(rows)}
    every = sum(counts.values(), Counter[str]())
    measured = [name for name in ("val", "test") if name in counts]
    rare = [name for name in every if any(counts[split][name] < MEASURABLE for split in measured)]
    rare = [name for name in every if name in rare or not counts.get("train", every)[name]]
    if not rare:
        return
    listed = (
        f"{quoted(name)}: {', '.join(f'{split} {count[name]:,}' for split, count in counts.items())}"
        f"{_interval(min(counts[split][name] for split in measured) if measured else 0)}"
        for name in sorted(rare, key=lambda name: (every[name], name))
    )
    some_have = number_of(len(rare), "label has", "labels have")
    text = f"{some_have} fewer than {MEASURABLE} rows in val or test, or none in train"
    yield Finding("rare_labels", len(rare), text, some(listed), _larger_splits(rare, every, data))


def _interval(num_rows: int) -> str:
    """What could be said of a label that so many rows measure."""
    if not 0 < num_rows < MEASURABLE:
        return ""
    low, high = wilson(ANSWERED, num_rows)
    of = number_of(num_rows, "row")
    return f" ({ANSWERED:.0%} of {of} answered correctly would mean anything from {low:.0%} to {high:.0%})"


def _larger_splits(rare: Sequence[str], every: Mapping[str, int], data: Data) -> str | None:
    """Fractions with which every label can be measured; None where no reasonable ones are, or the file divides."""
    split = data.split
    needed = math.ceil(100 * (MEASURABLE + 1) / min(every[name] for name in rare)) / 100
    if split.method == "column" or needed > LARGEST_FRACTION:
        return None
    raised = {"val_fraction": split.val_fraction, "test_fraction": split.test_fraction}
    return " ".join(f"data.split.{key}={needed:g}" for key, fraction in raised.items() if 0 < fraction < needed) or None


def _one_letter(name: str, other: str) -> bool:
    folded, whole = name.casefold(), other.casefold()
    if min(len(folded), len(whole)) < SHORTEST or abs(len(folded) - len(whole)) > 1:
        return False
    return distance(folded, whole) == 1 and _without_digits(folded) != _without_digits(whole)


def _without_digits(text: str) -> str:
    return "".join(char for char in text if not char.isdigit())


def _listed(groups: Sequence[Sequence[str]], counts: Mapping[str, int]) -> Iterator[str]:
    return (counted_list(counts, names[:8]) for names in groups)


def _one_name(groups: Sequence[Sequence[str]], data: Data) -> str:
    return override(mapping(groups, data.label_names))
