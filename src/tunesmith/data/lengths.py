"""What limits on length take from texts: how many are too long, what they lose, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
NAMED = 5
"""Inputs that a sentence names."""


@dataclass(frozen=True)
class Answers:
    """What the answers of conversations lose to a limit; counts by row, shape (rows,)."""

    total: Counts
    """Answers of each conversation."""
    lost: Counts
    """Those of which nothing is left."""
    shortened: Counts
    """Those of which a part is left."""


@dataclass(frozen=True)
class Limit:
    """One kind of text of a split against the limit that it is held to; counts by row, shape (rows,)."""

    what: str
    """What is limited, in the plural: `texts`, `sources`, `targets`, ..."""
    key: str
    """The setting that limits it."""
    most: int
    """Tokens that it allows such a text."""
    whole: Counts
    """Tokens of each text uncut."""
    kept: Counts
    """Tokens that are left of it."""
    beside: int = 0
    """Tokens that share the setting's room with the text."""
    answers: Answers | None = None
    """What is learned of a conversation."""
    words: tuple[Counts, Counts] | None = None
    """Words of each sentence, and those that the network is shown."""

    @property
    def cut(self) -> npt.NDArray[np.bool_]:
        """Whether a text loses something, by row."""
        return self.kept < self.whole

    def facts(self) -> dict[str, int]:
        """The numbers of a split, as a run's `results.json` has them."""
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


def told(limits: Mapping[str, Limit], on_long: str, at_most: int | None = None) -> str | None:
    """What is lost of one kind of text, in one sentence and the next step; None where nothing is.

    Args:
        limits: The limit of each split.
        on_long: As in `data.on_long`.
        at_most: Largest value that `data.max_length` can have with this model; None where there is no limit.
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


def told_of_inputs(limits: Sequence[Limit]) -> Iterator[str]:
    """What a model is not shown of the inputs that it is to answer, a sentence for each kind of text."""
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
    return f"the {limit.most} tokens that {limit.key}={limit.most + limit.beside} leaves them beside the answer"


def _also_lost(total: Mapping[str, int]) -> str:
    if "num_answers" in total:
        lost, shortened, answers = (total[f"num_answers{end}"] for end in ("_lost", "_shortened", ""))
        return f"; of {answers:,} answers {lost:,} are lost whole and {shortened:,} in part"
    return f"; {total['num_words_cut']:,} of {total['num_words']:,} words get no tag" if "num_words" in total else ""


def leaves_rows(limits: Mapping[str, Limit]) -> bool:
    """Whether training and validation keep rows where those are left out that a limit cuts; by split."""
    return not any(len(limit.cut) and limit.cut.all() for split, limit in limits.items() if split != "test")


def _next_step(limit: Limit, longest: int, on_long: str, at_most: int | None, can_drop: bool) -> str:
    needed = longest + limit.beside
    if limit.key != "data.max_length" or at_most is None or needed <= at_most:
        raising = [f"{limit.key}={needed} keeps all of them"]
    elif at_most > limit.most + limit.beside:
        raising = [f"the model takes {limit.key}={at_most} at most"]
    else:
        raising = [f"the model has no room for more than {limit.key}={at_most}"]
    left = on_long == "cut" and limit.what not in ("sentences", "targets", "sources with answers")
    ways = [
        *raising,
        *(["data.on_long=cut_left keeps their ends"] if left else []),
        *(["data.on_long=drop leaves them out"] if can_drop else []),
    ]
    text = "; ".join(ways)
    return text[0].upper() + text[1:] if not text.startswith("data.") else text
