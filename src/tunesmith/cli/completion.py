"""`tunesmith completion bash`: completion of verbs, flags, groups, options and keys.

Hydra's own script mistakes the verb for an override and fails; this one calls `completion query`.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tunesmith.cli.help import VERBS
from tunesmith.config.folders import expand, group_options
from tunesmith.config.outline import outline

CONFIG_VERBS = ("train", "check", "audit", "lr-test", "learning-curve")
FLAGS = ("--config-dir", "--from", "--help", "--trust")
TRAIN_FLAGS = ("--cfg", "--info", "--multirun", "--package", "--resolve")

BASH = """\
# eval "$(tunesmith completion bash)"
_tunesmith() {
    local line="${COMP_LINE:0:COMP_POINT}" word="${COMP_WORDS[COMP_CWORD]}" cut=""
    local typed="${line##* }"
    # bash splits words at "=" and ":"; the text before the last part must not be inserted again
    [[ "$word" == "=" ]] && word=""
    cut="${typed%"$word"}"
    COMPREPLY=()
    local candidate
    while IFS= read -r candidate; do
        COMPREPLY+=("${candidate#"$cut"}")
    done < <(tunesmith completion query "$line" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *= ]]; then compopt -o nospace; fi
}
complete -o default -F _tunesmith tunesmith
"""


def main(argv: list[str]) -> int:
    """Print the script, or the candidates for a line."""
    if argv == ["bash"]:
        print(BASH, end="")
        return 0
    if len(argv) == 2 and argv[0] == "query":
        print("\n".join(candidates(argv[1])))
        return 0
    print('Usage: tunesmith completion bash\nPut this into ~/.bashrc: eval "$(tunesmith completion bash)"')
    return 0 if argv in (["-h"], ["--help"]) else 2


def candidates(line: str) -> list[str]:
    """List the possible continuations of a command line.

    Args:
        line: The line up to the cursor, e.g. `tunesmith train opti`.
    """
    words = _words(line)
    word = words.pop() if words and not line[-1:].isspace() else ""
    if len(words) <= 1:
        return [verb for verb in VERBS if verb.startswith(word)]
    verb = words[1]
    if verb == "completion":
        return [shell for shell in ("bash",) if shell.startswith(word)]
    if verb not in CONFIG_VERBS:
        return []
    if word.startswith("-"):
        return [flag for flag in sorted({*FLAGS, *(TRAIN_FLAGS if verb == "train" else ())}) if flag.startswith(word)]
    return _overrides(word, _config_dirs(words))


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quote is still open
        return line.split()


def _config_dirs(words: Sequence[str]) -> list[Path]:
    apart = [value for flag, value in pairwise(words) if flag == "--config-dir"]
    joined = [word.partition("=")[2] for word in words if word.startswith("--config-dir=")]
    return [expand(value) for value in (*apart, *joined)]


def _overrides(word: str, config_dirs: Sequence[Path]) -> list[str]:
    """Options after `group=` (the last of several separated by commas), choices after `key=`, else groups and keys."""
    groups = group_options(config_dirs)
    key, equals, value = word.partition("=")
    if equals and key in groups:
        before, comma, last = value.rpartition(",")
        return [f"{key}={before}{comma}{option}" for option in groups[key] if option.startswith(last)]
    if equals:
        from tunesmith.config.keys import choices

        return [f"{key}={choice}" for choice in choices(key) if choice.startswith(value)]
    keys = [path for path, entry in outline().items() if not entry.is_node and "_target_" not in path]
    return sorted({f"{name}=" for name in [*groups, *keys] if name.startswith(word)})
