"""`tunesmith advise data=...`: rank the models at hand for a data set, and write the sweep to run next."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tunesmith.cli.options import check_folders, parser
from tunesmith.cli.train import composed_from
from tunesmith.errors import ConfigError, Problem
from tunesmith.terminal import say

if TYPE_CHECKING:
    from tunesmith.sweeping.choosing.advice import Advice

DESCRIPTION = """\
Measure the models at hand for a data set before anything is trained: whether they fit the task, how their tokenizer
cuts the texts, what a linear probe reads from their frozen features, and the time and memory of a few steps. Prints
them in order, with what each line rests on and trivial models beside them, and writes the sweep to run next."""
NAMED = "measure these instead of those found: options of model, folders, GGUF files, ids on the Hub"
CHOOSES = ("model.path", "model.from_run", "model.family", "model.tokenizer", "model.init", "model.config")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES = {"m": 1e6, "g": 1e9, "t": 1e12}


def main(argv: list[str]) -> int:
    """Measure and rank models, and write the advice.

    Returns:
        0; without a model that can be trained, an error is raised.
    """
    verb = parser("advise", textwrap.fill(DESCRIPTION, 100))
    verb.add_argument("--time", type=seconds, metavar="TIME", help="of the sweep to run next, such as 30m or 2h")
    verb.add_argument("--memory", type=num_bytes, metavar="SIZE", help="of a run, such as 8g (default: what is free)")
    verb.add_argument("--models", nargs="+", default=[], metavar="MODEL", help=NAMED)
    verb.add_argument(
        "--rows", type=int, default=400, help="rows of train and of val that are looked at (default: 400)"
    )
    verb.add_argument("--steps", type=int, default=5, help="steps that are measured (default: 5)")
    arguments = verb.parse_intermixed_args(argv)
    arguments.overrides += [name for name in arguments.models if "=" in name]
    arguments.models = [name for name in arguments.models if "=" not in name]
    check_folders(arguments.config_dir)
    refuse_choices(arguments)
    typed = list(arguments.overrides)
    arguments.overrides = [*typed, "model=encoder", "model.family=auto", "model.path=any"]
    composed = composed_from(arguments)

    from tunesmith.sweeping.choosing.advice import advise_on
    from tunesmith.sweeping.choosing.candidates import models_at_hand, named_candidates

    named = named_candidates(arguments.models, arguments.config_dir)
    found, absent = (named, []) if named else models_at_hand(arguments.config_dir)
    advice = advise_on(
        composed,
        typed,
        found,
        rows=arguments.rows,
        steps=arguments.steps,
        time=arguments.time,
        memory=arguments.memory,
        config_dirs=arguments.config_dir,
        trust=arguments.trust,
    )
    return tell(advice, absent)


def tell(advice: Advice, absent: Sequence[str]) -> int:
    """Print an advice.

    Raises:
        ConfigError: No model can be trained.
    """
    from tunesmith.reporting.run.tables import show_blocks, warned

    show_blocks(advice.blocks)
    if advice.refused:
        say("\n".join(["left out", *(f"  - {name}: {why}" for name, why in advice.refused.items())]))
    if absent:
        say("\n".join(["not on this machine", *(f"  - {name}" for name in absent)]))
    if advice.warnings:
        say(warned(advice.warnings))
    if not advice.ranked:
        rule = "no model that was looked at can be trained on this data"
        raise ConfigError([Problem("advise", rule, None, "Name others: --models MODEL")], late=True)
    say(advice.next)
    say(advice.folder)
    return 0


def refuse_choices(arguments: argparse.Namespace) -> None:
    """Refuse what an advice is to choose, and numbers out of range.

    Raises:
        ConfigError: There is some of it.
    """
    problems = []
    if arguments.source is not None:
        problems.append(
            Problem("--from", "an advice starts from groups", str(arguments.source), "Name options instead")
        )
    for word in arguments.overrides:
        key = word.lstrip("+~").partition("=")[0]
        if key == "model" or key.startswith(CHOOSES):
            hint = "Name the models to compare: --models MODEL"
            problems.append(Problem(word, "the model is what an advice chooses", None, hint))
    if arguments.rows < 50 or arguments.steps < 1:
        given = f"--rows {arguments.rows} --steps {arguments.steps}"
        problems.append(Problem("advise", "looks at 50 rows or more, and measures a step or more", given))
    if problems:
        raise ConfigError(problems)


def seconds(text: str) -> float:
    """Read a time such as 90s, 30m, 2h or 1d.

    Raises:
        ArgumentTypeError: It is none.
    """
    return quantity(text, SECONDS, "a time such as 90s, 30m, 2h or 1d")


def num_bytes(text: str) -> float:
    """Read a size such as 512m or 8g.

    Raises:
        ArgumentTypeError: It is none.
    """
    return quantity(text, BYTES, "a size such as 512m or 8g")


def quantity(text: str, units: Mapping[str, float], what: str) -> float:
    """Read a number with a unit.

    Args:
        text: As typed.
        units: Letter to factor.
        what: What is asked for, in words.

    Raises:
        ArgumentTypeError: It is none, or not above 0.
    """
    match = re.fullmatch(rf"(\d+(?:\.\d+)?)([{''.join(units)}])b?", text.lower())
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"takes {what}, not {text!r}")
    return float(match[1]) * units[match[2]]
