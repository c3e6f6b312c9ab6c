"""Whether a value fits an annotation of simple types; all other annotations are left to the library."""

from __future__ import annotations

import ast
import re
from typing import Any

from tunesmith.config.checking.signatures import Argument

SIMPLE: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (int, float), "str": (str,), "None": ()}
WORDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text", "None": "null"}


def expected(parameter: Argument) -> list[str] | None:
    """The simple types and quoted literals of an annotation; None if it contains anything else."""
    if parameter.annotation is None:
        return None
    try:
        kinds = _alternatives(ast.parse(parameter.annotation, mode="eval").body)
    except SyntaxError:
        return None
    if kinds is not None and parameter.default == "None" and "None" not in kinds:
        kinds.append("None")
    return kinds


def misfit(parameter: Argument, value: Any) -> str | None:
    """What the parameter accepts, in words, if the value does not fit; None if it does, or if that is unknown."""
    kinds = expected(parameter)
    if kinds is None or any(_fits(kind, value) for kind in kinds):
        return None
    words = list(dict.fromkeys(WORDS.get(kind) or _literal(kind) for kind in kinds))
    return ", or ".join(words)


def _literal(kind: str) -> str:
    value = ast.literal_eval(kind)
    return str(value)


def _fits(kind: str, value: Any) -> bool:
    if kind not in SIMPLE:
        return ast.literal_eval(kind) == value or _fills(ast.literal_eval(kind), value)
    if value is None:
        return kind == "None"
    return isinstance(value, SIMPLE[kind]) and (kind == "bool" or not isinstance(value, bool))


def _fills(literal: Any, value: Any) -> bool:
    """Whether a text is a literal of the form `pissa_niter_[number of iters]` with a number filled in."""
    if not isinstance(literal, str) or not isinstance(value, str) or "[number of " not in literal:
        return False
    before, _, rest = literal.partition("[")
    return re.fullmatch(rf"{re.escape(before)}\d+{re.escape(rest.partition(']')[2])}", value) is not None


def _alternatives(node: ast.expr) -> list[str] | None:
    """Flatten `A | B`, `Optional[A]`, `Union[A, B]` and `Literal["a", "b"]`; None if a part is not simple."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _merge([node.left, node.right])
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return _alternatives(ast.parse(node.value, mode="eval").body)
        return ["None"] if node.value is None else None
    if isinstance(node, ast.Subscript):
        name = ast.unparse(node.value).rpartition(".")[2]
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Literal":
            return [ast.unparse(item) for item in inner]
        members = _merge(inner) if name in ("Optional", "Union") else None
        return [*members, "None"] if members is not None and name == "Optional" else members
    name = ast.unparse(node)
    return [name] if name in SIMPLE else None


def _merge(nodes: list[ast.expr]) -> list[str] | None:
    parts = [_alternatives(node) for node in nodes]
    return None if any(part is None for part in parts) else [kind for part in parts if part for kind in part]
