"""Masks secrets in saved configs, command lines and log lines."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

MASK = "<redacted>"

MIN_SECRET_LENGTH = 8
"""Characters; shorter values of secret variables are not masked: masking every `1` would ruin the text."""

_SECRET_WORDS = frozenset(
    {"apikey", "accesskey", "accesstoken", "authtoken", "secret", "secrets", "password", "passwd", "passphrase", "pwd"}
) | {"credential", "credentials", "authorization"}
"""Words that mark a secret anywhere in a name."""
_LAST_WORDS = frozenset({"key", "keys", "token"})
"""Words that mark a secret at a name's end: `api_key`, `HF_TOKEN_2`, but not `num_key_value_heads`."""
_SPECIAL_TOKEN = re.compile(
    r"(?i)(^|[._-])(pad|cls|sep|mask|bos|eos|unk|special|image|decoder_start)_token(_ids?|_index)?$"
)
_FOLDERS = frozenset({"PWD", "OLDPWD"})
"""A shell's working directories: `PWD` looks like a password, but its value is in every path."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_REFERENCE = re.compile(r"^\$\{[^}]*\}$")
_KNOWN_SHAPES = re.compile(
    # Not after a letter or digit, but after an underscore: a run may be named `x_hf_...`.
    r"(?<![A-Za-z0-9])(?:hf_[A-Za-z0-9]{16,}|api_org_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"
    r"|glpat-[\w-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-AgE[\w-]{20,}|sk-[\w-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|wandb_v\d_\w{20,}|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|xox[a-z]-[\w-]{10,}|xapp-[\w-]{20,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_AFTER = re.compile(
    r"((?i:(?:aws_?)?secret_?access_?key)[\"']?\s*[=:]\s*[\"']?|AccountKey="
    r"|[?&](?:sig|X-Amz-Signature|access_token)=)[^\s\"'&;,<]{8,}"
)
"""Secrets without a recognisable shape, after words that only precede secrets."""
_URL_LOGIN = re.compile(
    # A URL treated as a path keeps only one of its two slashes.
    r"(://|\b(?:https?|s?ftps?|ssh|git|s3|gs|hdfs|abfss?|postgres\w*|mysql|redis|mongodb\w*):/)[^/\s'\"]+(?=@)"
)
_NAMED = re.compile(r"""(?P<key>[\w.\-]+)["']?\s*(?P<op>[=:])\s*""")
_VALUE = re.compile(r"""\$\{[^}]*\}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\[[^\]]*\]?|\{[^}]*\}?|[^\s,;&}\]]+""")


def is_secret_name(name: str) -> bool:
    """Whether a key, option or variable with this name holds a secret.

    It is judged by the words of its last dotted part: `api_key` and `HF_TOKEN` are secret, `tokenizer`,
    `num_tokens` and `pad_token` are not.
    """
    if _SPECIAL_TOKEN.search(name):
        return False
    words = [word.lower() for word in _WORD.findall(name.rsplit(".", 1)[-1])]
    if not _SECRET_WORDS.isdisjoint(words):
        return True
    while words and words[-1].isdigit():
        words.pop()
    if words[-2:] == ["key", "id"]:  # AWS_ACCESS_KEY_ID
        words.pop()
    return bool(words) and words[-1] in _LAST_WORDS


def redact(value: T, environ: Mapping[str, str] | None = None) -> T:
    """Return `value` with every recognised secret replaced by a mask; the argument is not changed.

    A secret is the value of a key with a secret name; the value of an environment variable with such a name, anywhere
    in a text; a login in a URL; or an access token of a well-known shape. References such as `${oc.env:NAME}` stay.

    Args:
        value: Text, or mappings and sequences of any depth; other types are returned unchanged.
        environ: Environment whose secret variables are masked by value; None uses the process's own.
    """
    return _redact(value, _environment_secrets(os.environ if environ is None else environ))  # type: ignore[no-any-return]


def redact_values(value: T, environ: Mapping[str, str] | None = None) -> T:
    """Mask secrets by value, not by key: those of environment variables, logins in URLs, access tokens.

    Use it for text in which names say nothing: error messages, data, labels.

    Args:
        value: Text, or mappings and sequences of any depth; other types are returned unchanged.
        environ: Environment whose secret variables are masked by value; None uses the process's own.
    """
    return _redact_values(value, _environment_secrets(os.environ if environ is None else environ))  # type: ignore[no-any-return]


def redact_config(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Redact a run's config for a file: by name in sections with free keys, elsewhere only by value.

    Elsewhere names say nothing: `password` may be a label, and `model.config.pad_token_id` is a number.
    """
    by_name = ("callbacks", "logger", "run", "trainer")
    return {key: redact(value) if key in by_name else redact_values(value) for key, value in saved.items()}


def redact_argv(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> list[str]:
    """Redact a command line, including values in the argument after their option: `--api-key VALUE`."""
    return [
        MASK if _awaits_secret(previous) and argument[:1] != "-" else _redact_argument(argument, environ)
        for previous, argument in zip(["", *argv], argv, strict=False)
    ]


def _awaits_secret(option: str) -> bool:
    return option.startswith("--") and "=" not in option and is_secret_name(option)


def _redact_argument(argument: str, environ: Mapping[str, str] | None) -> str:
    name, assigned, value = argument.partition("=")
    if assigned and is_secret_name(name) and not _REFERENCE.match(value):
        return f"{name}={MASK}"
    return redact(argument, environ)


def _environment_secrets(environ: Mapping[str, str]) -> list[str]:
    named = (value for name, value in environ.items() if name not in _FOLDERS and is_secret_name(name))
    values = {value for value in named if len(value) >= MIN_SECRET_LENGTH}
    # Longest first: a secret that contains another must be masked completely.
    return sorted(values, key=len, reverse=True)


def _redact_values(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        return _mask_values(value, secrets)
    if isinstance(value, Mapping):
        return {_redact_values(key, secrets): _redact_values(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_redact_values(item, secrets) for item in value])
    return value


def _redact(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        return _redact_text(value, secrets)
    if isinstance(value, Mapping):
        return {_redact(key, secrets): _redact_entry(key, item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_redact(item, secrets) for item in value])
    return value


def _redact_entry(key: Any, value: Any, secrets: Sequence[str]) -> Any:
    if not (isinstance(key, str) and is_secret_name(key)) or value is None or isinstance(value, bool) or value == "":
        return _redact(value, secrets)
    if isinstance(value, str) and _REFERENCE.match(value):
        return value
    return _redact(value, secrets) if isinstance(value, Mapping) else MASK


def _redact_text(text: str, secrets: Sequence[str]) -> str:
    return _mask_assignments(_mask_values(text, secrets))


def _mask_values(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    text = _AFTER.sub(rf"\1{MASK}", _KNOWN_SHAPES.sub(MASK, text))
    return _URL_LOGIN.sub(rf"\1{MASK}", text)


def _mask_assignments(text: str) -> str:
    done, position = "", 0
    while named := _NAMED.search(text, position):
        value = _VALUE.match(text, named.end())
        done, position = done + text[position : named.end()], named.end()
        if value and _is_secret_assignment(named) and not _REFERENCE.match(value[0]):
            done, position = done + MASK, value.end()
    return done + text[position:]


def _is_secret_assignment(named: re.Match[str]) -> bool:
    # "unknown key: foo" is prose; `api_key: foo` is not.
    prose = named["op"] == ":" and len(_WORD.findall(named["key"])) < 2
    return not prose and is_secret_name(named["key"])
