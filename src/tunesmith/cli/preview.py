"""`tunesmith preview`: rows as they are read, and as the model is shown them."""

from __future__ import annotations

from tunesmith.cli.options import check_folders, parser
from tunesmith.cli.train import composed_from, refuse_bad_data
from tunesmith.config.trust import trusting
from tunesmith.errors import ConfigError, Problem
from tunesmith.terminal import printable


def main(argv: list[str]) -> int:
    """Print the first rows of a split, what is read of each, and the tokens that come of it.

    Returns:
        0; a fault raises.

    Raises:
        ConfigError: Fewer than one row is asked for.
    """
    verb = parser(
        "preview",
        "Print rows as they are read and as the model is shown them: what is given, what is learned, special tokens.",
    )
    verb.add_argument("--config-name", "-cn", default="train", help="the primary config (default: train)")
    verb.add_argument("-n", type=int, default=3, metavar="ROWS", help="how many (default: 3)")
    verb.add_argument("--split", choices=("train", "val"), default="train", help="default: train")
    arguments = verb.parse_intermixed_args(argv)
    if arguments.n < 1:
        raise ConfigError([Problem("-n", "must be a whole number of at least 1", str(arguments.n))])
    check_folders(arguments.config_dir)
    composed = composed_from(arguments)
    refuse_bad_data(composed)

    from rich.console import Console

    from tunesmith.reporting.preview import preview_lines, styled
    from tunesmith.training.auto_values import decide
    from tunesmith.training.build import build_data
    from tunesmith.training.logs import log_to

    with log_to(), trusting(arguments.trust):
        data = build_data(decide(composed).config)
        console, specials = Console(highlight=False), data.tokenizer.all_special_tokens
        for line in preview_lines(data, arguments.split, arguments.n):
            console.print(styled(printable(line), specials), soft_wrap=True)
    return 0
