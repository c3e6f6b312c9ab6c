"""The schema's keys, types and defaults, read from its source.

Building the schema's classes takes longer than composing a config. Code that only needs the names of the keys
(composition, `--cfg`, completion) uses this file; a test compares it with the classes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILES = {"RunConfig": Path(__file__).with_name("schema.py"), "Sweeper": Path(__file__).with_name("sweeper.py")}
"""Root class to the file that defines it."""
IN_BRACKETS = ("list[str]", "SplitFiles")
"""Types that can be alternatives to text, from which their brackets distinguish them."""
SOURCE = re.compile(r"^data\.sources\.[^.]+\.")
"""What a key of one of several sources begins with."""
REQUIRED = object()
"""Marks a key without a default."""


@dataclass(frozen=True)
class Key:
    """One key of the schema."""

    annotation: str
    """Its type as written."""
    default: Any
    """Its default, or `REQUIRED`; for a node, a dict of its keys' defaults."""
    is_node: bool


@cache
def outline() -> dict[str, Key]:
    """Every key of a run's config by its dotted path, in the schema's order."""
    return dict(_read("RunConfig"))


@cache
def _read(root: str) -> dict[str, Key]:
    body = ast.parse(FILES[root].read_bytes()).body
    classes = {line.name: line for line in body if isinstance(line, ast.ClassDef)}
    constants = {
        line.target.id: ast.literal_eval(line.value)
        for line in body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None
    }
    return dict(_keys(root, "", classes, constants))


def leaves() -> Iterator[str]:
    """Dotted paths of every key that the schema names, nodes included."""
    return iter(outline())


def as_in_data(path: str) -> str:
    """The key of `data` that a key of one of several sources stands for; another key as it is."""
    return SOURCE.sub("data.", path)


def is_text(path: str) -> bool:
    """Whether a key holds free text (a path, a name), so that any value on the command line is text."""
    key = outline().get(as_in_data(path))
    if key is None:
        return False
    kinds = set(_alternatives(ast.parse(key.annotation, mode="eval").body)) - {"None", *IN_BRACKETS}
    return {kind for kind in kinds if not kind.startswith("Literal['")} == {"str"}  # alternative words are text too


def takes_brackets(path: str) -> bool:
    """Whether a key holds free text or, in brackets, several texts."""
    key = outline().get(as_in_data(path))
    kinds = set(_alternatives(ast.parse(key.annotation, mode="eval").body)) if key is not None else set()
    return is_text(path) and bool(kinds & set(IN_BRACKETS))


def is_nullable(path: str) -> bool:
    """Whether a key accepts null."""
    key = outline().get(as_in_data(path))
    return key is not None and "None" in _alternatives(ast.parse(key.annotation, mode="eval").body)


def schema_defaults() -> dict[str, Any]:
    """The schema's defaults as a plain nested dict, without required keys."""
    return {path: key.default for path, key in outline().items() if "." not in path and key.default is not REQUIRED}


def sweeper_defaults() -> dict[str, Any]:
    """The defaults of the sweeper's node."""
    return {path: key.default for path, key in _read("Sweeper").items() if "." not in path}


def _keys(
    name: str, prefix: str, classes: dict[str, ast.ClassDef], constants: dict[str, Any]
) -> Iterator[tuple[str, Key]]:
    for line in _fields(name, classes):
        assert isinstance(line.target, ast.Name)
        options = _field_options(line.value)
        alias = options.get("alias")
        path = f"{prefix}{ast.literal_eval(alias) if alias is not None else line.target.id}"
        annotation = ast.unparse(_bare(line.annotation))
        if annotation in classes:
            inner = dict(_keys(annotation, f"{path}.", classes, constants))
            own = {key.removeprefix(f"{path}."): item.default for key, item in inner.items()}
            default = {key: item for key, item in own.items() if "." not in key and item is not REQUIRED}
            yield path, Key(annotation, default, is_node=True)
            yield from inner.items()
        else:
            value = options.get("default") if options else line.value
            yield path, Key(annotation, _literal(value, constants), is_node=False)
            for kind in _alternatives(_bare(line.annotation)):
                if kind in classes:  # a node in place of a word
                    yield from _keys(kind, f"{path}.", classes, constants)


def _fields(name: str, classes: dict[str, ast.ClassDef]) -> Iterator[ast.AnnAssign]:
    """The annotated fields of a class, those of its bases first, except class variables."""
    for base in classes[name].bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from _fields(base.id, classes)
    for line in classes[name].body:
        if isinstance(line, ast.AnnAssign) and not ast.unparse(line.annotation).startswith("ClassVar"):
            yield line


def _field_options(value: ast.expr | None) -> dict[str | None, ast.expr]:
    """The keywords of `Field(...)`; empty for a plain default."""
    if not isinstance(value, ast.Call) or ast.unparse(value.func) != "Field":
        return {}
    return {word.arg: word.value for word in value.keywords}


def _literal(value: ast.expr | None, constants: dict[str, Any]) -> Any:
    if value is None:
        return REQUIRED
    return constants[value.id] if isinstance(value, ast.Name) else ast.literal_eval(value)


def _alternatives(node: ast.expr) -> Iterator[str]:
    """The members of a union; `Annotated[str, ...]` counts as `str`."""
    if isinstance(node, ast.BinOp):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    elif (bare := _bare(node)) is not node:
        yield from _alternatives(bare)
    else:
        yield ast.unparse(node)


def _bare(node: ast.expr) -> ast.expr:
    """The type under `Annotated`."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Annotated":
        assert isinstance(node.slice, ast.Tuple)
        return node.slice.elts[0]
    return node
