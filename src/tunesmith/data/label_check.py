"""Warns of peculiar labels, with the next step, without changing them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tunesmith.config.data_files import keys_of_source
from tunesmith.config.schema import Data
from tunesmith.data.examples import Label
from tunesmith.data.labels import are_vectors
from tunesmith.data.spellings import alike, counted_list, folded, mapping, override, quoted

PERHAPS_MISSING = ("N/A", "n/a", "#N/A", "null", "NULL", "None", "NAN", "Nan", "NaT")
"""Words that other tools write for a missing value; they may still be real labels."""
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
WHOLE = re.compile(r"[-+]?\d+(\.0*)?")
OUTSIDE = ("o", "out", "outside", "other", "none")
"""What stands for the tag O in some files, case aside."""
TAG = re.compile(r"([BIESLUM])([-_])(.+)", re.IGNORECASE)
VECTOR = re.compile(r"[01]{2,}")
MANY = 20
"""Distinct whole numbers from which labels look like measurements, if each has few rows."""


def oddities(labels: Sequence[Label], data: Data) -> Iterator[str]:
    """Report labels that are probably mistakes, in any task.

    Args:
        labels: Mapped to their names.
        data: The data config.
    """
    counts = _counts(labels)
    yield from _alike(counts, data)
    yield from _at_the_edge(counts, data)
    yield from _perhaps_missing(counts, data)


def oddities_of_single(labels: Sequence[Label]) -> Iterator[str]:
    """Report single labels that look like numbers."""
    yield from _numbers(_counts(labels), len(labels))


def oddities_of_tags(labels: Sequence[Label]) -> Iterator[str]:
    """Report tags that entity metrics would take for other entities than are meant."""
    counts = _counts(labels)
    if counts and all(map(WHOLE.fullmatch, counts)):
        yield (
            "the tags are numbers, each of which entity metrics take for a type of entity. Name them O, B-TYPE, I-TYPE "
            "with data.label_names"
        )
        return
    usual = {name: tag for name in counts if (tag := _usual_tag(name, counts)) != name}
    if usual:
        shown = ", ".join(quoted(name) for name in list(usual)[:5])
        yield (
            f"{len(usual)} tags are not written as entity metrics know them, with O for words outside and B-, I-, E-, "
            f"S- in front of a type ({shown}): each is taken for a type of its own. If they mean that: "
            f"{override(usual)}"
        )


def _usual_tag(name: str, counts: Mapping[str, int]) -> str:
    """A tag as conlleval writes it: BILOU and BMES have other letters, and some tools other signs."""
    if "O" not in counts and name.casefold() in OUTSIDE:
        return "O"
    given = TAG.fullmatch(name)
    if given is None or (given[2] != "-" and "O" not in counts):  # such as X_Y among parts of speech
        return name
    letter = given[1].upper()
    beside = {tag.partition(given[2])[0].upper() for tag in counts}
    others = {"L": "E", "U": "S"} if {"U", "B"} <= beside else {"M": "I"} if {"M", "B"} <= beside else {}
    return f"{others.get(letter, letter)}-{given[3]}" if others.get(letter, letter) in "BIES" else name


def oddities_of_several(labels: Sequence[Label], data: Data) -> Iterator[str]:
    """Report multi-label data that looks like single labels, or like names that were not split."""
    yield from _several(_counts(labels), labels, data)


def oddities_between(labels: Mapping[str, Sequence[Label]], data: Data) -> Iterator[str]:
    """Report labels that are probably the same in several sources under other names.

    Args:
        labels: Source to its labels, mapped to their names.
        data: The data config, with the sources.
    """
    counts = {source: _counts(of_source) for source, of_source in labels.items()}
    together = sum(counts.values(), Counter[str]())
    groups = [names for names in alike(together) if not any(set(names) <= set(each) for each in counts.values())]
    for source, own in counts.items():
        given = _own_names(data, source)
        here = (own.keys() - set(given.values())) | {key for key, name in given.items() if name in own}
        to_one = {spelling: name for spelling, name in mapping(groups, given).items() if spelling in here}
        if to_one:
            yield (
                f"data.sources.{source} has labels that another source spells otherwise, and each counts as a separate "
                f"label. If they are the same: {keys_of_source(override(to_one), source)}"
            )
        others = {name for other in counts if other != source for name in counts[other]}
        last_of_two = len(counts) > 2 or source == list(counts)[-1]
        if last_of_two and not groups and own and others and not own.keys() & others:
            yield (
                f"data.sources.{source} shares no label with the other sources: {_few(own)} here, {_few(others)} "
                f"there. If they mean the same, give them the same names with data.sources.{source}.label_names"
            )


def _own_names(data: Data, source: str) -> Mapping[str, str]:
    own = data.sources[source].label_names
    return data.label_names if own is None else own


def _few(names: Iterable[str]) -> str:
    shown = sorted(names)
    return ", ".join(map(quoted, shown[:5])) + (", ..." if len(shown) > 5 else "")


def names_without_rows(raw: Sequence[Label], data: Data) -> Iterator[str]:
    """Report names in `data.label_names` that no row has."""
    if not are_vectors(list(dict.fromkeys(map(_names, raw)))):  # a copy of a vector says nothing new
        yield from _without_rows(raw, data)


def _counts(labels: Sequence[Label]) -> Counter[str]:
    return Counter(name for label in labels for name in _names(label))


def _names(label: Label) -> tuple[str, ...]:
    return label if isinstance(label, tuple) else () if label is None else (str(label),)


def _alike(counts: Counter[str], data: Data) -> Iterator[str]:
    groups = alike(counts)
    if groups:
        spellings = [name for names in groups for name in names]
        to_one = override(mapping(groups, data.label_names))
        yield (
            f"{len(spellings)} labels differ from another only in case, space, Unicode form or the way a number is "
            f"written, and each counts as a separate label: {counted_list(counts, spellings)}. "
            f"If they are the same ({len(groups)} in all): {to_one}"
        )


def _at_the_edge(counts: Counter[str], data: Data) -> Iterator[str]:
    """Names with space around them that no other name comes near: they would be predicted with it."""
    near = {name for names in alike(counts) for name in names}
    spaced = [name for name in counts if name != name.strip() and name not in near]
    if spaced:
        plain = override(mapping([[name] for name in spaced], data.label_names))
        yield f"labels begin or end with a space: {counted_list(counts, spaced[:5])}. To leave it out: {plain}"


def _perhaps_missing(counts: Counter[str], data: Data) -> Iterator[str]:
    names = [name for name in PERHAPS_MISSING if name in counts and name not in data.label_names.values()]
    if names:
        words = ", ".join(quoted(word) for word in dict.fromkeys((*data.missing, *names)))
        yield (
            f"{counted_list(counts, names)} counts as a label. If it stands for a missing one: "
            f"'data.missing=[{words}]' data.on_empty=drop. If it is a label: "
            f"{override({name: name for name in names})}"
        )


def _numbers(counts: Counter[str], num_rows: int) -> Iterator[str]:
    if not all(NUMBER.fullmatch(name) for name in counts):
        return
    fractions = [name for name in counts if not WHOLE.fullmatch(name)]
    if fractions or (len(counts) > MANY and len(counts) * 4 > num_rows):
        which = f", such as {sorted(fractions)[0]}" if fractions else ""
        yield (
            f"these labels look like numbers ({len(counts)} different ones{which}), but count as names. To predict "
            "the number: task=regression"
        )


def _several(counts: Counter[str], labels: Sequence[Label], data: Data) -> Iterator[str]:
    if set(counts) <= {"0", "1"} and all(len(_names(label)) == 1 for label in labels):
        yield (
            f"every row of {data.label_column!r} is 0 or 1. If this is the column of one label of several, join their "
            "names into one column, such as art|law; if it is all that there is to predict: task=classification"
        )
        return
    alone = all(len(_names(label)) <= 1 for label in labels)
    if alone and len(counts) > 1 and all(map(VECTOR.fullmatch, counts)) and len(set(map(len, counts))) == 1:
        yield (
            f"every row of {data.label_column!r} is {len(min(counts))} zeros and ones, such as {min(counts)}, which "
            f"counts as one name. If it is a vector, part them: {'|'.join(min(counts))}"
        )
        return
    for sign in (",", ";", "/", "|", " "):
        parted = [name for name in counts if sign in name]
        known = bool(parted) and all(part.strip() in counts for name in parted for part in name.split(sign))
        many = len(parted) * 2 > len(counts) and sign != " "  # many a name has a space in it
        if alone and sign != data.label_separator and (known or many):
            yield (
                f"{len(parted)} of {len(counts)} labels hold {sign!r}, and none {data.label_separator!r}, which parts "
                f"labels. If {sign!r} does: 'data.label_separator=\"{sign}\"'"
            )
            return


def _without_rows(raw: Sequence[Label], data: Data) -> Iterator[str]:
    there = {name for label in raw for name in _names(label)}
    unused = [name for name in data.label_names if name not in there]
    if unused:
        shown = ", ".join(map(quoted, unused[:5])) + (", ..." if len(unused) > 5 else "")
        forms = {folded(name): name for name in there}
        near = [forms[folded(name)] for name in unused if folded(name) in forms]
        hint = f". There is {', '.join(map(quoted, near[:5]))}" if near else ""
        yield f"data.label_names has {shown}, which no row of {data.label_column!r} holds{hint}"
