"""What a class or function accepts, read from its source: nothing is imported and nothing is executed.

Importing the libraries whose classes a config names takes seconds; reading the dozen files concerned takes a tenth
of a second. A test checks that the names equal those from `inspect.signature`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.machinery import PathFinder
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
MAX_HOPS = 20
"""Maximum number of re-exports to follow; a cycle of imports would never end."""
MAX_STARS = 100
"""Maximum number of modules to search for a name through `import *`; transformers imports all its models that way."""
DOTTED = re.compile(r"(?=.{1,250}\Z)[^\W\d]\w*(\.[^\W\d]\w*)*")
"""A dotted name that is short enough for a file system."""


@dataclass(frozen=True)
class Argument:
    """A keyword argument of a callable."""

    name: str
    required: bool
    annotation: str | None
    """The annotation as written in the source."""
    default: str | None = None
    """The default as written in the source."""


@dataclass(frozen=True)
class Signature:
    """A class or function as its source declares it."""

    name: str
    """Dotted name under which it is defined, whatever it was imported as."""
    is_class: bool
    parameters: tuple[Argument, ...]
    """Keywords that may be given, without `self` and `*args`."""
    takes_any: bool
    """Whether it also accepts keywords that its source does not name."""
    ancestors: tuple[str, ...]
    """Dotted names of all base classes found, nearest first."""

    @cached_property
    def by_name(self) -> dict[str, Argument]:
        """The parameters by name."""
        return {parameter.name: parameter for parameter in self.parameters}


@dataclass(frozen=True)
class Definition:
    """A class or function definition and its module."""

    module: str
    node: ast.ClassDef | Function

    @property
    def name(self) -> str:
        """Its dotted name."""
        return f"{self.module}.{self.node.name}"


@dataclass
class Module:
    """The names that a module defines or imports at its top level."""

    definitions: dict[str, ast.ClassDef | Function] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    """Local name to dotted path."""
    stars: list[str] = field(default_factory=list)
    """Modules imported with `*`."""


@cache
def read_signature(target: str) -> Signature | None:
    """The signature of a dotted target; None if there is no such class or function.

    Args:
        target: E.g. `torch.optim.AdamW`; re-exports are followed. Only `sys.path` is searched.
    """
    definition = resolve_target(target)
    if definition is None:
        return None
    if not isinstance(definition.node, ast.ClassDef):
        return Signature(definition.name, False, *_of_function(definition.node, skip_first=False), ancestors=())
    lineage = list(ancestors(definition))
    names = tuple(ancestor.name for ancestor in lineage[1:])
    return Signature(definition.name, True, *_of_class(lineage), ancestors=names)


def forget_signatures() -> None:
    """Clear the caches, after a change to `sys.path`."""
    read_signature.cache_clear()
    module_file.cache_clear()
    read_module.cache_clear()


@cache
def module_file(module: str) -> Path | None:
    """The source file of a dotted module, found without importing its parents."""
    if not DOTTED.fullmatch(module):
        return None
    top, *rest = module.split(".")
    spec = PathFinder.find_spec(top, sys.path)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        base = Path(folder).joinpath(*rest)
        for candidate in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if candidate.is_file():
                return candidate
    return None


@cache
def read_module(module: str) -> Module:
    """Index a module's top level, including the branches of `if` and `try` (`TYPE_CHECKING` blocks too)."""
    file = module_file(module)
    index = Module()
    if file is None:
        return index
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for statement in _statements(ast.parse(file.read_bytes()).body):
        _index(statement, index, package)
    return index


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _statements(statement.body + statement.orelse)
        elif isinstance(statement, ast.Try):
            handlers = [line for handler in statement.handlers for line in handler.body]
            yield from _statements(statement.body + handlers + statement.orelse)
        else:
            yield statement


def _index(statement: ast.stmt, index: Module, package: str) -> None:
    """Record the names that a top-level statement defines; the first definition of a name wins."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        if not any(_dotted(line) in ("overload", "typing.overload") for line in statement.decorator_list):
            index.definitions.setdefault(statement.name, statement)
    elif isinstance(statement, ast.ImportFrom):
        parents = package.split(".")[: len(package.split(".")) - statement.level + 1] if statement.level else []
        source = ".".join([*parents, *([statement.module] if statement.module else [])])
        for alias in statement.names:
            if alias.name == "*":
                index.stars.append(source)
            else:
                index.imports.setdefault(alias.asname or alias.name, f"{source}.{alias.name}")
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            top = alias.name.partition(".")[0]
            index.imports.setdefault(alias.asname or top, alias.name if alias.asname else top)
    elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        value = _dotted(statement.value)
        if value:
            index.imports.setdefault(statement.targets[0].id, f"{package}.{value}" if "." not in value else value)


def _dotted(node: ast.expr) -> str | None:
    """The dotted path of a name or attribute, or of what is called or subscripted; None for anything else."""
    if isinstance(node, ast.Call):
        return _dotted(node.func)
    if isinstance(node, ast.Subscript):
        return _dotted(node.value)
    if isinstance(node, ast.Attribute):
        parent = _dotted(node.value)
        return f"{parent}.{node.attr}" if parent else None
    return node.id if isinstance(node, ast.Name) else None


def resolve_target(target: str, hops: int = 0, starred: set[str] | None = None) -> Definition | None:
    """The definition that a dotted path leads to, through re-exports and star imports.

    Args:
        target: The path.
        hops: Re-exports followed so far.
        starred: Modules reached through a `*` so far.
    """
    if not DOTTED.fullmatch(target):
        return None
    parts = target.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:length])
        if module_file(module) is not None:
            return _in_module(module, parts[length:], hops, set() if starred is None else starred)
    return None


def _in_module(module: str, rest: list[str], hops: int, starred: set[str]) -> Definition | None:
    if hops > MAX_HOPS:
        return None
    index = read_module(module)
    name, *deeper = rest
    if name in index.definitions:
        return None if deeper else Definition(module, index.definitions[name])
    if name in index.imports:
        path = ".".join([index.imports[name], *deeper])
        return None if path == ".".join([module, *rest]) else resolve_target(path, hops + 1, starred)
    for star in index.stars:
        if star in starred or len(starred) >= MAX_STARS:
            continue
        starred.add(star)
        definition = resolve_target(".".join([star, *rest]), hops + 1, starred)
        if definition is not None:
            return definition
    return None


def ancestors(definition: Definition, hops: int = 0) -> Iterator[Definition]:
    """The class itself and all its base classes, depth first, except bases without source (builtins)."""
    yield definition
    if not isinstance(definition.node, ast.ClassDef) or hops > MAX_HOPS:
        return
    seen: set[str] = set()
    for base in definition.node.bases:
        name = _dotted(base)
        parent = _in_module(definition.module, name.split("."), 0, set()) if name else None
        for ancestor in ancestors(parent, hops + 1) if parent else ():
            if ancestor.name not in seen:
                seen.add(ancestor.name)
                yield ancestor


def _of_class(lineage: list[Definition]) -> tuple[tuple[Argument, ...], bool]:
    """A class's call parameters: those of `__new__`, else `__init__`, else its dataclass fields, also if inherited."""
    for name in ("__new__", "__init__"):
        for position, definition in enumerate(lineage):
            node = definition.node
            assert isinstance(node, ast.ClassDef)
            constructor = _method(node, name)
            if constructor is not None:
                own, takes_any = _of_function(constructor, skip_first=True)
                return _with_forwarded(own, takes_any, constructor, lineage[position + 1 :])
            if name == "__init__" and _is_dataclass(node):
                return _fields(lineage[position:]), False
    return (), False


def _method(node: ast.ClassDef, name: str) -> Function | None:
    return next((line for line in node.body if isinstance(line, Function) and line.name == name), None)


def _of_function(function: Function, *, skip_first: bool) -> tuple[tuple[Argument, ...], bool]:
    arguments = function.args
    positional = arguments.posonlyargs + arguments.args
    padding: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    pairs = list(zip(positional, padding + list(arguments.defaults), strict=True))[int(skip_first) :]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    parameters = tuple(
        Argument(arg.arg, default is None, _source(arg.annotation), _source(default)) for arg, default in pairs
    )
    return parameters, arguments.kwarg is not None


def _source(node: ast.expr | None) -> str | None:
    return ast.unparse(node) if node is not None else None


def _with_forwarded(
    own: tuple[Argument, ...], takes_any: bool, constructor: Function, parents: list[Definition]
) -> tuple[tuple[Argument, ...], bool]:
    """Add what `**kwargs` accepts: names popped from it, and parameters of the parent's constructor it is passed to."""
    if not takes_any or constructor.args.kwarg is None:
        return own, takes_any
    kwargs = constructor.args.kwarg.arg
    calls = [node for node in ast.walk(constructor) if isinstance(node, ast.Call)]
    names = {parameter.name for parameter in own}
    popped = [name for call in calls if (name := _popped(call, kwargs)) and name not in names]
    extra = [Argument(name, False, None) for name in popped]
    onward = next((call for call in calls if _passes_to_parent(call, kwargs)), None)
    if onward is None:
        return (*own, *extra), not popped
    inherited, still_any = _of_class(parents)
    given = {keyword.arg for keyword in onward.keywords} | {item.name for item in inherited[: len(onward.args)]}
    extra += [item for item in inherited if item.name not in given | names]
    return (*own, *extra), still_any


def _popped(call: ast.Call, kwargs: str) -> str | None:
    """The key of `kwargs.pop("key", ...)` or `kwargs.get("key", ...)`."""
    if _dotted(call.func) in (f"{kwargs}.pop", f"{kwargs}.get") and call.args:
        key = call.args[0]
        return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
    return None


def _passes_to_parent(call: ast.Call, kwargs: str) -> bool:
    """Whether this is `super().__init__(..., **kwargs)`."""
    spread = any(word.arg is None and _dotted(word.value) == kwargs for word in call.keywords)
    return spread and _dotted(call.func) == "super.__init__"


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any(_dotted(line) in ("dataclass", "dataclasses.dataclass") for line in node.decorator_list)


def _fields(lineage: list[Definition]) -> tuple[Argument, ...]:
    """Fields of a dataclass, those of its bases first, except those that its constructor does not take."""
    arguments: dict[str, Argument] = {}
    for definition in reversed(lineage):
        assert isinstance(definition.node, ast.ClassDef)
        for line in definition.node.body if _is_dataclass(definition.node) else ():
            if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name):
                continue
            options = _field_options(line.value)
            name, annotation = line.target.id, ast.unparse(line.annotation)
            if annotation.startswith(("ClassVar", "typing.ClassVar")) or options.get("init") == "False":
                continue
            required = line.value is None or (bool(options) and not {"default", "default_factory"} & set(options))
            default = options.get("default") or (None if options else _source(line.value))
            arguments[name] = Argument(name, required, annotation, default)
    return tuple(arguments.values())


def _field_options(value: ast.expr | None) -> dict[str, str]:
    """The keywords of `field(...)`; empty for a plain default."""
    if not isinstance(value, ast.Call) or _dotted(value.func) not in ("field", "dataclasses.field"):
        return {}
    return {keyword.arg: ast.unparse(keyword.value) for keyword in value.keywords if keyword.arg}
