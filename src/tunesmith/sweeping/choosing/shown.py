"""What an advice says: the models in order, what each line rests on, and the trivial models beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tunesmith.evaluation.statistics.intervals import LEVEL
from tunesmith.evaluation.statistics.paired import compare
from tunesmith.reporting.blocks import Block, Listing, Sentence
from tunesmith.reporting.formatting import duration_text, number_text
from tunesmith.sweeping.choosing.ranking import Ranked, Score


def advice_blocks(
    ranked: Sequence[Ranked], trivial: Mapping[str, Score], monitor: str, maximize: bool, rows: tuple[int, int, int]
) -> Iterator[Block]:
    """Show the models in order, and below them what each line rests on.

    Args:
        ranked: The models.
        trivial: Scores of trivial models.
        monitor: The metric that decides.
        maximize: Whether more of it is better.
        rows: Training rows, and those of the samples for training and validation.
    """
    probed = any(item.score is not None for item in ranked)
    columns = ["", "model", "method", "weights", "probe" if probed else "bits", "epoch", "peak MB"]
    table = [
        [
            place,
            item.gauged.candidate.name,
            item.gauged.method,
            short_count(item.gauged.num_parameters),
            _value_of(item),
            duration_text(item.epoch_s),
            f"{item.gauged.peak_mb:,.0f}",
        ]
        for place, item in enumerate(ranked, 1)
    ]
    what = f"probe: {monitor} of a linear model on frozen features, with a 95% interval" if probed else "untuned models"
    yield Listing(columns, table, f"Models in order ({what}).")
    if trivial:
        lines = (f"{name}: {score_text(score)}" for name, score in trivial.items())
        yield Sentence("\n  ".join([f"Trivial models, {monitor} on the same {rows[2]:,} rows of val:", *lines]))
    several = sum(item.is_tied for item in ranked) > 1
    for place, item in enumerate(ranked, 1):
        grounds = grounds_of(item, monitor, rows, is_tied=several and item.is_tied)
        yield Sentence("\n  ".join([f"{place}. {' '.join(item.gauged.words)}", *grounds]))
    if (sentence := _beside(ranked, trivial, maximize)) is not None:
        yield Sentence(sentence)


def score_text(score: Score) -> str:
    """Format a value with its interval."""
    bounds = "" if score.bounds is None else f" ({' to '.join(map(number_text, score.bounds))})"
    return f"{number_text(score.value)}{bounds}"


def short_count(count: int) -> str:
    """Format a number of weights as 22.7M."""
    units = [(1e9, "B"), (1e6, "M"), (1e3, "K")]
    return next((f"{count / unit:.1f}{letter}" for unit, letter in units if count >= unit), str(count))


def _value_of(item: Ranked) -> str:
    return score_text(item.score) if item.score is not None else number_text(item.gauged.bits)


def grounds_of(item: Ranked, monitor: str, rows: tuple[int, int, int], *, is_tied: bool) -> Iterator[str]:
    """Say what the line of a model rests on; `is_tied` with another one."""
    gauged, (num_rows, fitted, measured) = item.gauged, rows
    trained = "" if gauged.num_trainable == gauged.num_parameters else f", {gauged.num_trainable:,} of them trained"
    family = "an" if gauged.family == "encoder" else "a"
    size = f"{gauged.num_parameters:,} parameters{trained}"
    yield f"found: {gauged.candidate.origin}; {family} {gauged.family} model with {size}"
    tokens = gauged.tokens
    yield (
        f"tokenizer: {tokens['tokens_per_word']:.2f} tokens a word, {tokens['unknown_fraction']:.2%} of them unknown, "
        f"{tokens['cut_fraction']:.1%} of texts cut ({tokens['num_texts']:,} texts)"
    )
    if item.score is not None:
        tie = "; it cannot be told from the best (p > 0.05, paired)" if is_tied else ""
        yield (
            f"probe: {monitor} {number_text(item.score.value)}, a linear model on the mean of its frozen last states, "
            f"fitted on {fitted:,} training rows and measured on {measured:,} of val{tie}"
        )
    elif gauged.bits is not None:
        yield f"bits: {number_text(gauged.bits)} per character of what is to be written, untuned, in the measured steps"
    else:
        yield "probe: none for this task, so the order is that of time"
    low, high = min(gauged.seconds), max(gauged.seconds)
    slow = "" if item.is_fast_enough else "; longer than --time"
    yield (
        f"time: {duration_text(item.run_s)} a run, {duration_text(item.epoch_s)} an epoch of {num_rows:,} rows without "
        f"validation ({len(gauged.seconds)} steps of {gauged.batch_size} took {low:.2f} to {high:.2f} s each){slow}"
    )
    yield f"memory: {gauged.peak_mb:,.0f} MB, the peak in the same steps"


def _beside(ranked: Sequence[Ranked], trivial: Mapping[str, Score], maximize: bool) -> str | None:
    """Say so if no probe is surely better than a linear model of words: that may be all that the data needs."""
    sign = 1 if maximize else -1
    words = {name: score for name, score in trivial.items() if name.startswith("TF-IDF")}
    probes = [item.score for item in ranked if item.score is not None]
    if not words or not probes:
        return None
    name = max(words, key=lambda name: sign * words[name].value)
    theirs, best = words[name], max(probes, key=lambda score: sign * score.value)
    if theirs.form is None or best.form is None:
        return None
    test = compare(best.form, theirs.form)
    if test is not None and test.p <= 1 - LEVEL and sign * test.difference > 0:
        return None
    return (
        f"No probe is surely better than {name} ({number_text(theirs.value)}). Training usually adds to what a probe "
        "finds; if it does not here, the linear model is the cheaper one."
    )
