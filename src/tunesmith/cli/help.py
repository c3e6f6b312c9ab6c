"""Help texts, generated from the config folders so that they stay up to date."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from tunesmith.config.folders import group_options

EXAMPLES = """\
  tunesmith train experiment=quickstart
  tunesmith train data=rotten_tomatoes model=minilm method=lora optimizer.lr=5e-4
  tunesmith train -m model=minilm,bert_base optimizer.lr=1e-5,1e-4
  tunesmith train data=csv data.path=reviews.csv data.text_column=review data.label_column=stars
  tunesmith check data.batch_size=64 data.micro_batch_size=16
  tunesmith train --from RUN optimizer.lr=1e-4"""

EXIT_CODES = (
    "Exit codes: 0 ok · 1 internal error · 2 usage or config · 3 data · 4 training failure · 5 files · 130, 143 signals"
)

VERBS = {
    "train": "train a model, or several with -m",
    "sweep": "search over many runs, as described by a file in sweeps/",
    "check": "validate a config and print the plan, without training",
    "advise": "rank the models at hand for a data set, and write the sweep to run next",
    "preview": "print rows as they are read and as the model sees them",
    "audit": "find problems in the data before training on it",
    "lr-test": "train briefly with a rising learning rate, and suggest one",
    "learning-curve": "measure what more training rows would bring",
    "resume": "resume an interrupted run or sweep, with the same result",
    "stop": "end a running sweep or run after its next checkpoint",
    "evaluate": "evaluate a finished run on its test split, or on other data",
    "predict": "label new texts with a finished run",
    "export": "write a finished run's model with a card, an adapter merged if asked",
    "show": "print what a run did and its results",
    "diagnose": "say what went wrong in a run or sweep, and what to try next",
    "report": "write the page of a run or a sweep, or print it as Markdown",
    "compare": "compare runs row by row, with intervals and paired tests",
    "reproduce": "run a finished run again and compare every number",
    "cache": "show what is kept between runs, and its size, or clear it",
    "doctor": "print versions, devices, threads and the state of the tracker",
    "completion": "print a script that completes verbs, groups and keys in bash",
}
"""Maps each verb to its description; each is a module of this package with `main(argv) -> int`."""


def overview() -> str:
    """The text of `tunesmith --help`."""
    verbs = "\n".join(f"  {verb:<15} {what}" for verb, what in VERBS.items())
    return "\n\n".join(
        [
            "Usage: tunesmith VERB [GROUP=OPTION] [KEY=VALUE] [flags]",
            f"Verbs (see tunesmith VERB --help):\n{verbs}",
            f"Config groups and their options:\n{groups()}",
            f"Examples:\n{EXAMPLES}",
            EXIT_CODES,
        ]
    )


def groups(config_dirs: Sequence[Path] = ()) -> str:
    """Every config group with its options, one per line."""
    options_of = group_options(config_dirs)
    width = max(map(len, options_of)) + 2
    lines = [f"  {group:<{width}}{', '.join(options)}" for group, options in sorted(options_of.items())]
    return "\n".join(textwrap.fill(line, 100, subsequent_indent=" " * (width + 2)) for line in lines)
