"""`tunesmith export RUN`: write the model as a folder to share, with a model card."""

from __future__ import annotations

import argparse
from pathlib import Path

from tunesmith.cli.options import Parser, add_trust
from tunesmith.config.folders import expand
from tunesmith.config.trust import trusting
from tunesmith.runs.sweep_record import load_winner
from tunesmith.terminal import say

EXAMPLES = """\
examples:
  tunesmith export RUN                      a copy of the model (or the adapter alone) with a card, in RUN/export
  tunesmith export RUN --merge --output DIR the adapter merged into its base: plain transformers loads it
"""


def main(argv: list[str]) -> int:
    """Write the folder and print its path."""
    parser = Parser(
        prog="tunesmith export",
        description="Write a finished run's model with tokenizer and model card into a folder of its own.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of a run, or of a sweep: its winner")
    parser.add_argument("--merge", action="store_true", help="merge an adapter into its base")
    parser.add_argument("--output", type=expand, metavar="DIR", help="new or empty folder; default: RUN/export")
    add_trust(parser)
    arguments = parser.parse_args(argv)
    record = load_winner(arguments.run)

    from tunesmith.inference.export import export
    from tunesmith.training.logs import log_to

    with log_to(), trusting(arguments.trust):
        say(export(record, arguments.output or record.path / "export", merge=arguments.merge))
    return 0
