"""Reads `data.template`: the columns that it names, and what is refused. It is a program, in a sandbox without files.

What is left of Jinja is a pure function of the row: no random filter, no global but the row, no calls but of a few
methods of texts and objects, and nothing that makes a long text of a short one by a number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROW: Final = "row"
"""The variable with all columns, for names with spaces: `{{ row['Support subject'] }}`."""
METHODS: Final = frozenset(
    (
        *("strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "split", "splitlines", "replace"),
        *("startswith", "endswith", "removeprefix", "removesuffix", "get", "items", "keys", "values"),
    )
)
"""Methods of texts and objects that may be called."""
WITHOUT: Final = ("random", "center", "format", "indent", "pprint", "urlize", "xmlattr", "filesizeformat")
"""Filters that are no function of the row alone, that widen a text by a number, or that write HTML."""
MOST_S: Final = 2.0
"""Seconds of CPU time for the text of a row, which usually takes some microseconds."""
IN_TIME: Final = " in time"
"""A filter around whatever is looped over, and the variable with the time to end at: no template can name either."""
OTHER_FILES: Final = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class MisreadTemplateError(Exception):
    """A template that cannot be used; its message says the rule and the next step."""


@dataclass(frozen=True)
class TextTemplate:
    """A template that has been read."""

    columns: tuple[str, ...]
    """Every column that it names, in the order of its first use."""
    compiled: Template

    def chunks(self, values: Mapping[str, Any]) -> Any:
        """The text for a row in pieces.

        Args:
            values: The columns.
        """
        return self.compiled.generate({**values, ROW: values, IN_TIME: time.thread_time() + MOST_S})


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("*", "**", "%"))

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether a template may call something: a few methods of texts, lists and objects."""
        return isinstance(getattr(obj, "__self__", None), str | dict) and obj.__name__ in METHODS

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply small numbers alone: a text times a number may fill the memory."""
        small = all(isinstance(value, int | float) and abs(value) < 1e9 for value in (left, right))
        if not small or operator == "**":
            raise SecurityError(f"{operator!r} is for numbers below 1e9, and not for texts; '**' is not offered")
        return super().call_binop(context, operator, left, right)


@pass_context
def _in_time(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    """What is looped over, until the row's time is over; loops are all that a template can take long with."""
    for value in values:
        if time.thread_time() > context[IN_TIME]:
            raise SecurityError(f"it takes more than {MOST_S:g} s. Loop over less")
        yield value


@lru_cache(maxsize=8)
def read_template(source: str, finalize: Callable[[Any], str] | None = None) -> TextTemplate:
    """Compile a template and list the columns that it names.

    Args:
        source: As it stands in the config.
        finalize: Makes the text of a value that is written.

    Raises:
        MisreadTemplateError: It does not compile, names no column, or uses what is not offered.
    """
    environment = _Sandbox(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False, optimized=False, finalize=finalize
    )
    environment.globals.clear()
    for name in WITHOUT:
        environment.filters.pop(name, None)
    environment.filters[IN_TIME] = _in_time
    try:
        tree = environment.parse(source)
        columns = _columns(tree)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, IN_TIME, [], [], None, None, lineno=loop.lineno)
        return TextTemplate(columns, environment.from_string(tree))
    except TemplateSyntaxError as error:  # an unknown filter or test among them
        raise MisreadTemplateError(f"line {error.lineno}: {str(error.message).rstrip('.')}") from None


def _columns(tree: nodes.Template) -> tuple[str, ...]:
    for node in tree.find_all(OTHER_FILES):
        raise MisreadTemplateError(f"line {node.lineno}: a template reads no other file. Write it all in one text")
    free = meta.find_undeclared_variables(tree)
    ordered = [name.name for name in tree.find_all(nodes.Name) if name.name in free and name.name != ROW]
    items = list(tree.find_all(nodes.Getitem)) if ROW in free else []
    of_row = [item for item in items if isinstance(item.node, nodes.Name) and item.node.name == ROW]
    named = [item.arg.value for item in of_row if isinstance(item.arg, nodes.Const) and isinstance(item.arg.value, str)]
    uses = sum(name.name == ROW for name in tree.find_all(nodes.Name)) if ROW in free else 0
    if uses != len(named):
        raise MisreadTemplateError("row stands for all columns and is asked for one by its name: {{ row['NAME'] }}")
    columns = tuple(dict.fromkeys([*ordered, *named]))
    if not columns:
        raise MisreadTemplateError("names no column, so that every text would be the same. Write {{NAME}} for one")
    return columns
