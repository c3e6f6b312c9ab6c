"""`tunesmith check`: report everything that can be known before training, without training."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tunesmith.cli.options import check_folders, parser
from tunesmith.cli.train import composed_from, refuse_bad_data
from tunesmith.config.tasks import traits_of
from tunesmith.config.trust import trusting
from tunesmith.errors import TunesmithError
from tunesmith.terminal import say

if TYPE_CHECKING:
    from tunesmith.config.composing.compose import Composed
    from tunesmith.training.logs import Warnings
    from tunesmith.training.plan import Plan

MARGIN = 24
"""Width of the names in a section, unless one is longer."""
MOST_LABELS = 20
"""Number of labels listed."""


def main(argv: list[str]) -> int:
    """Validate a config and print what a run of it would do.

    Returns:
        0; an error raises.
    """
    verb = parser("check", "Validate a config, read its data, and print the plan of the run, without training.")
    verb.add_argument("--config-name", "-cn", default="train", help="the primary config (default: train)")
    verb.add_argument("--model", action="store_true", help="also load the model and count its parameters")
    arguments = verb.parse_intermixed_args(argv)
    check_folders(arguments.config_dir)
    composed = composed_from(arguments)
    refuse_bad_data(composed)

    from tunesmith.reporting.audit import cleaning_lines
    from tunesmith.reporting.run.tables import warned
    from tunesmith.training.logs import Warnings, log_to
    from tunesmith.training.plan import plan

    warnings = Warnings()
    with print_warnings_on_error(warnings), log_to(warnings=warnings, told_later=True), trusting(arguments.trust):
        planned = plan(composed)
    sections: dict[str, Iterable[tuple[str, str]]]
    sections = {"chosen": chosen(composed), "overridden": overridden(composed), "plan": steps(composed, planned)}
    if planned.cleaned:
        sections["cleaning"] = cleaning_lines(planned.cleaned)
    if planned.label_counts:
        sections["tags" if traits_of(composed.config.task).takes_words else "labels"] = label_lines(planned)
    if arguments.model:
        sections["model"] = list(parameters(composed, planned, warnings))
    for title, lines in sections.items():
        rows = list(lines)
        width = max([MARGIN, *(len(name) + 2 for name, _ in rows)])
        text = [f"  {name:<{width}}{value}" for name, value in rows]
        say("\n".join([title, *(text or ["  nothing"])]))
    if warnings.sentences:
        say(warned(warnings.sentences))
    say("valid: a run can start" if arguments.model else "valid, as far as can be checked without the model (--model)")
    return 0


@contextmanager
def print_warnings_on_error(warnings: Warnings) -> Iterator[None]:
    """Print earlier warnings if the plan ends in an error: they may explain it."""
    from tunesmith.reporting.run.tables import warned

    try:
        yield
    except TunesmithError:
        if warnings.sentences:
            say(warned(warnings.sentences), file=sys.stderr)
        raise


def chosen(composed: Composed) -> Iterator[tuple[str, str]]:
    """The chosen option of every group."""
    for group, option in sorted((composed.choices or {}).items()):
        if not group.startswith("hydra/"):
            yield group, option or "-"


def overridden(composed: Composed) -> Iterator[tuple[str, str]]:
    """The overrides of the command line."""
    for override in composed.overrides:
        key, _, value = override.partition("=")
        yield key, value


def steps(composed: Composed, planned: Plan) -> Iterator[tuple[str, str]]:
    """Rows, batches and optimizer steps."""
    data = composed.config.data
    micro = data.batch_size if isinstance(data.micro_batch_size, str) else data.micro_batch_size
    yield "rows", ", ".join(f"{name} {count:,}" for name, count in planned.rows.items())
    if planned.labels:
        names = ", ".join([*planned.labels[:8], *(["..."] if len(planned.labels) > 8 else [])])
        yield "labels", f"{len(planned.labels)} ({names})"
    yield "samples per step", f"{data.batch_size:,}"
    yield "micro-batches per step", f"{data.batch_size // micro:,} of {micro:,} samples"
    yield "steps per epoch", f"{planned.steps_per_epoch:,}"
    yield "steps", f"{planned.steps:,} (fewer if stopped early)"
    yield "monitor", composed.config.evaluation.monitor


def label_lines(planned: Plan) -> Iterator[tuple[str, str]]:
    """Rows of each split by label, or words by tag."""
    for label, counts in list(planned.label_counts.items())[:MOST_LABELS]:
        yield label, "  ".join(f"{split} {count:,}" for split, count in counts.items())
    if len(planned.label_counts) > MOST_LABELS:
        yield "...", f"and {len(planned.label_counts) - MOST_LABELS:,} more"


def parameters(composed: Composed, planned: Plan, warnings: Warnings) -> Iterator[tuple[str, str]]:
    """The size of the network, including adapters, once all compatibility checks have passed."""
    from tunesmith.models.methods import count_parameters
    from tunesmith.training.auto_values import decide
    from tunesmith.training.build import build_network
    from tunesmith.training.logs import log_to
    from tunesmith.training.preflight import check_model
    from tunesmith.training.rehearsal import rehearse
    from tunesmith.training.trial_rows import check_metrics

    with log_to(warnings=warnings, told_later=True), trusting(composed.trust):
        config = decide(composed).config
        skeleton, ground = check_model(config)
        check_metrics(config, planned.labels)
        rehearse(config, skeleton, planned.labels, planned.steps)
        total, trainable = count_parameters(build_network(config, planned.labels, ground))
    yield "parameters", f"{total:,}"
    yield "trainable", f"{trainable:,} ({trainable / total:.2%})"
