"""Reports what length limits cut off: how many texts are too long, what they lose, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
NAMED = 5
"""Maximum inputs listed in a sentence."""


@dataclass(frozen=True)
class Answers:
    """What a limit cuts off the answers of conversations; counts per row, shape (rows,)."""

    total: Counts
    """Number of answers in each conversation."""
    lost: Counts
    """Number of answers of which nothing is left."""
    shortened: Counts
    """Number of answers of which a part is left."""


@dataclass(frozen=True)
class Limit:
    """One kind of text in a split, and its limit; counts per row, shape (rows,)."""

    what: str
    """The kind of text, in the plural: `texts`, `sources`, `targets`, ..."""
    key: str
    """The setting that limits it."""
    most: int
    """Maximum tokens of such a text."""
    whole: Counts
    """Tokens of each text before cutting."""
    kept: Counts
    """Tokens of each text after cutting."""
    beside: int = 0
    """Tokens besides the text that count towards the setting."""
    answers: Answers | None = None
    """What is cut off the answers of conversations."""
    words: tuple[Counts, Counts] | None = None
    """Words of each sentence, and those within the limit."""
    written: tuple[Counts, int] | None = None
    """Tokens of each text that is to be generated, and at how many of them generation stops."""

    @property
    def cut(self) -> npt.NDArray[np.bool_]:
        """Whether each text loses something, shape (rows,)."""
        return self.kept < self.whole

    def facts(self) -> dict[str, int]:
        """Return the counts of a split for `results.json`."""
        facts = {
            "limit": self.most,
            "num_rows": len(self.whole),
            "num_rows_cut": int(self.cut.sum()),
            "num_tokens": int(self.whole.sum()),
            "num_tokens_cut": int((self.whole - self.kept).sum()),
            "longest": int(self.whole.max(initial=0)),
        }
        if self.answers is not None:
            facts["num_answers"] = int(self.answers.total.sum())
            facts["num_answers_lost"] = int(self.answers.lost.sum())
            facts["num_answers_shortened"] = int(self.answers.shortened.sum())
        if self.words is not None:
            facts["num_words"] = int(self.words[0].sum())
            facts["num_words_cut"] = int((self.words[0] - self.words[1]).sum())
        return facts


def cut_warning(limits: Mapping[str, Limit], on_long: str, at_most: int | None = None) -> str | None:
    """Describe what one kind of text loses, with the next step; None if nothing is lost.

    Args:
        limits: The limit of each split.
        on_long: As in `data.on_long`.
        at_most: Largest `data.max_length` that the model accepts; None if there is no limit.
    """
    cut = {split: limit.facts() for split, limit in limits.items() if limit.cut.any()}
    if not cut:
        return None
    one = next(iter(limits.values()))
    by_split = "; ".join(
        f"{split}: {facts['num_rows_cut']:,} of {facts['num_rows']:,} {one.what}, "
        f"{facts['num_tokens_cut']:,} of {facts['num_tokens']:,} tokens"
        for split, facts in cut.items()
    )
    every = [limit.facts() for limit in limits.values()]
    total = {name: sum(facts[name] for facts in every) for name in every[0]}
    return (
        f"{total['num_rows_cut']:,} of {total['num_rows']:,} {one.what} are longer than {_limit(one)}: "
        f"{total['num_tokens_cut']:,} of {total['num_tokens']:,} tokens are cut ({by_split}){_also_lost(total)}. "
        f"{_next_step(one, max(facts['longest'] for facts in every), on_long, at_most, leaves_rows(limits))}"
    )


def unfinished_warning(limits: Mapping[str, Limit]) -> str | None:
    """Describe texts that are learned whole, but cannot be generated whole; None if there are none.

    Args:
        limits: The limit of each split.
    """
    tokens = [limit.written[0] for limit in limits.values() if limit.written is not None]
    most = next((limit.written[1] for limit in limits.values() if limit.written is not None), 0)
    every = np.concatenate(tokens) if tokens else np.zeros(0, dtype=np.int64)
    number, longest = int((every > most).sum()), int(every.max(initial=0))
    if not number:
        return None
    return (
        f"{number:,} of {len(every):,} answers are longer than data.max_target_length={most}, at which generation "
        f"stops: predictions of them break off, and metrics compare those with whole answers. "
        f"data.max_target_length={longest} lets all of them end (it takes from what data.max_length leaves the text)"
    )


def cut_input_warnings(limits: Sequence[Limit]) -> Iterator[str]:
    """Yield a sentence for each kind of input text that is cut before prediction."""
    for limit in limits:
        if limit.cut.any():
            inputs = [f"{row + 1:,}" for row in np.flatnonzero(limit.cut)]
            named = ", ".join([*inputs[:NAMED], *(["..."] if len(inputs) > NAMED else [])])
            facts = limit.facts()
            yield (
                f"{len(inputs):,} of {facts['num_rows']:,} inputs are longer than {_limit(limit)} and answered without "
                f"{facts['num_tokens_cut']:,} of their tokens (number {named})"
            )


def _limit(limit: Limit) -> str:
    if not limit.beside:
        return f"{limit.key}={limit.most}"
    return f"the {limit.most} tokens that {limit.key}={limit.most + limit.beside} leaves them besides the answer"


def _also_lost(total: Mapping[str, int]) -> str:
    if "num_answers" in total:
        lost, shortened, answers = (total[f"num_answers{end}"] for end in ("_lost", "_shortened", ""))
        return f"; of {answers:,} answers, {lost:,} are lost completely and {shortened:,} in part"
    return f"; {total['num_words_cut']:,} of {total['num_words']:,} words get no tag" if "num_words" in total else ""


def leaves_rows(limits: Mapping[str, Limit]) -> bool:
    """Whether training and validation still have rows if those that a limit cuts are left out."""
    return not any(len(limit.cut) and limit.cut.all() for split, limit in limits.items() if split != "test")


def _next_step(limit: Limit, longest: int, on_long: str, at_most: int | None, can_drop: bool) -> str:
    needed = longest + limit.beside
    if limit.key != "data.max_length" or at_most is None or needed <= at_most:
        raising = [f"{limit.key}={needed} keeps all of them"]
    elif at_most > limit.most + limit.beside:
        raising = [f"the model accepts at most {limit.key}={at_most}"]
    else:
        raising = [f"the model does not accept more than {limit.key}={at_most}"]
    left = on_long == "cut" and limit.what not in ("sentences", "targets", "sources with answers")
    ways = [
        *raising,
        *(["data.on_long=cut_left keeps their ends"] if left else []),
        *(["data.on_long=drop leaves them out"] if can_drop else []),
    ]
    text = "; ".join(ways)
    return text[0].upper() + text[1:] if not text.startswith("data.") else text
