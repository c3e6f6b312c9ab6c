"""The `tunesmith` command: dispatches to a verb, and turns every error into a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tunesmith.cli.help import VERBS, overview
from tunesmith.terminal import say


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: Arguments without the program's name; None uses those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments or os.environ.get("TUNESMITH_DEBUG", "") not in ("", "0")
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        check_decodable(arguments)
        code = dispatch(arguments)
        sys.stdout.flush()
        return code
    except SystemExit as ending:  # argparse ends this way
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python's final flush cannot fail
        return 1
    except BaseException as error:
        if debug:
            raise
        from tunesmith.report_error import explain

        return explain(error)


def dispatch(arguments: list[str]) -> int:
    """Call the verb's module."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        say(overview())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from importlib.metadata import version

        say(f"tunesmith {version('tunesmith')}")
        return 0
    verb, *rest = arguments
    if verb not in VERBS:
        return unknown(verb)
    from importlib import import_module

    code: int = import_module(f"tunesmith.cli.{verb.replace('-', '_')}").main(rest)
    return code


def check_decodable(arguments: Sequence[str]) -> None:
    """Refuse bytes that are not text in the terminal's encoding: our names, messages and files could not hold them.

    Raises:
        ConfigError: An argument contains such bytes.
    """
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            from tunesmith.errors import ConfigError, Problem

            shown = argument.encode("utf-8", "backslashreplace").decode("utf-8")
            raise ConfigError([Problem(shown, "undecodable bytes in an argument", None, "Write it in UTF-8")])


def unknown(verb: str) -> int:
    """Report an unknown verb, with the nearest known one."""
    from tunesmith.config.checking.other_names import VERBS as OTHER_VERBS
    from tunesmith.redaction import redact_values
    from tunesmith.suggest import nearest

    close = OTHER_VERBS.get(verb) or nearest(verb, VERBS)
    if "=" in verb:
        hint = f"Overrides come after the verb: tunesmith train {redact_values(verb)}"
    else:
        hint = f"Did you mean {close}?" if close else f"Verbs: {', '.join(VERBS)}"
    say(f"tunesmith: no such verb: {redact_values(verb)}. {hint}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
