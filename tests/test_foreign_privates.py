"""What our code uses of other libraries that begins with an underscore: a list that an upgrade is held against.

Such a name may go without notice. Where several files need a library's, one file has them all, with the reason for
each: `config/composing/hydra_inside.py`, `config/omegaconf_inside.py`, `sweeping/optuna_inside.py` and
`models/transformers_inside.py`.
"""

import ast
import dataclasses
import dis
import functools
import inspect
import sys
from importlib import import_module
from pathlib import Path
from types import CodeType

import pytest

SOURCE = Path(__file__).parents[1] / "src"
OURS = {"tunesmith", "hydra_plugins"}

HYDRA = "hydra._internal"
MODULES = {
    "tunesmith/config/composing/hydra_inside.py": {
        f"{HYDRA}.config_loader_impl.ConfigLoaderImpl",
        f"{HYDRA}.config_repository.ConfigRepository",
        f"{HYDRA}.config_repository.IConfigRepository",
        f"{HYDRA}.config_search_path_impl.ConfigSearchPathImpl",
        f"{HYDRA}.core_plugins",
        f"{HYDRA}.core_plugins.basic_launcher",
        f"{HYDRA}.core_plugins.basic_sweeper.BasicSweeper",
        f"{HYDRA}.core_plugins.file_config_source.FileConfigSource",
        f"{HYDRA}.core_plugins.structured_config_source.StructuredConfigSource",
        f"{HYDRA}.hydra.Hydra",
        f"{HYDRA}.sources_registry.SourcesRegistry",
    },
}
"""File to what it takes from private modules, by import or, for a class named in a config, as text."""

ATTRIBUTES = {
    "tunesmith/config/composing/hydra_inside.py": {
        "_apply_overrides_to_config": f"{HYDRA}.config_loader_impl.ConfigLoaderImpl",
        "_find_object_source": f"{HYDRA}.config_repository.ConfigRepository",
        "_load_single_config": f"{HYDRA}.config_loader_impl.ConfigLoaderImpl",
        "_value": "hydra.core.override_parser.types.Override",
    },
    "tunesmith/config/omegaconf_inside.py": {
        "_evaluate_custom_resolver": "omegaconf.Container",
        "_get_node": "omegaconf.DictConfig",
        "_resolve_node_interpolation": "omegaconf.Container",
        "_value": "omegaconf.Node",
    },
    "tunesmith/models/transformers_inside.py": {
        "_attn_implementation": "transformers.PretrainedConfig",
        "_is_hf_initialized": "transformers.PreTrainedModel",
        "_model_mapping": "transformers.AutoModelForSequenceClassification",
    },
    "tunesmith/sweeping/optuna_inside.py": {
        "_contains": "optuna.distributions.BaseDistribution",
        "_storage": "optuna.Study",
        "_study_id": "optuna.Study",
        "_trial_id": "optuna.trial.FrozenTrial",
    },
    "tunesmith/tracking/wandb/uploads.py": {
        "_interface": "wandb.Run",
    },
    "tunesmith/training/callbacks/checkpoints.py": {
        "_average_model": "pytorch_lightning.callbacks.WeightAveraging",
    },
}
"""File to the private attributes that it reads or sets of others' objects, each with the class that has it."""

OVERRIDDEN = {
    "tunesmith/config/composing/hydra_inside.py": {"_find_object_source", "_load_single_config"},
    "tunesmith/sweeping/optuna_inside.py": {"_get_trials"},
}
"""File to the private names of others' classes that a class of ours defines anew."""

CALLED = {
    f"{HYDRA}.config_loader_impl.ConfigLoaderImpl": {"__init__": ["config_search_path"]},
    f"{HYDRA}.config_repository.ConfigRepository": {
        "config_exists": ["config_path"],
        "get_group_options": ["group_name", "results_filter"],
        "group_exists": ["config_path"],
        "initialize_sources": ["config_search_path"],
        "load_config": ["config_path"],
    },
    f"{HYDRA}.config_search_path_impl.ConfigSearchPathImpl": {"append": ["provider", "path"]},
    f"{HYDRA}.core_plugins.basic_sweeper.BasicSweeper": {"split_arguments": ["overrides", "max_batch_size"]},
    f"{HYDRA}.hydra.Hydra": {
        "__init__": ["task_name", "config_loader"],
        "compose_config": ["config_name", "overrides", "run_mode", "with_log_configuration"],
        "multirun": ["config_name", "task_function", "overrides", "with_log_configuration"],
        "show_cfg": ["config_name", "overrides", "cfg_type", "package", "resolve"],
        "show_info": ["info", "config_name", "overrides"],
    },
    f"{HYDRA}.sources_registry.SourcesRegistry": {"instance": [], "register": ["type_"]},
}
"""Class of a private module to the methods that we call or replace, with their first parameters."""

DOCUMENTED = {"_exit"}
"""Public in spite of the underscore: `os._exit`."""
ACCESSORS = {"getattr", "setattr", "hasattr", "delattr"}


def is_private(name):
    """Not `__init__`, nor a word of the config's grammar such as `_target_`."""
    return name.startswith("_") and not name.endswith("_") and name not in DOCUMENTED


def is_in_private(path):
    """Whether a dotted path leads through a private name of another library."""
    first, *rest = path.split(".")
    return first not in OURS and any(map(is_private, rest))


@dataclasses.dataclass(frozen=True)
class Use:
    """One place where a private name stands."""

    file: str
    line: int
    name: str
    """A dotted path for what is imported, else the attribute alone."""


def name_of(file):
    return file.relative_to(SOURCE).as_posix()


@functools.cache
def trees():
    return {name_of(file): ast.parse(file.read_text(encoding="utf-8")) for file in sorted(SOURCE.rglob("*.py"))}


def imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


@functools.cache
def libraries():
    names = {path.split(".")[0] for tree in trees().values() for node in ast.walk(tree) for path in imported(node)}
    return names - OURS - set(sys.stdlib_module_names)


def modules_used(file, tree):
    """Imports from private modules, and texts that name one."""
    for node in ast.walk(tree):
        paths = imported(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            path = node.value.rstrip(".")
            if path.split(".")[0] in libraries() and all(part.isidentifier() for part in path.split(".")):
                paths = [path]
        yield from (Use(file, node.lineno, path) for path in paths if is_in_private(path))


def own_names(class_):
    """What a class defines: methods, class attributes, and what its methods set on `self`."""
    for node in class_.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        for target in node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]:
            if isinstance(target, ast.Name):
                yield target.id
    for node in ast.walk(class_):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr


@functools.cache
def classes():
    """Our classes by name, each with what it defines and the names of its bases."""
    nodes = [node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {node.name: (set(own_names(node)), [ast.unparse(base) for base in node.bases]) for node in nodes}


def defined(class_name):
    """What a class of ours and its bases that are ours define."""
    own, bases = classes().get(class_name, (set(), []))
    return own.union(*(defined(base) for base in bases))


def attributes_used(file, tree):
    """Private attributes of others' objects, and those of `self` and `super()` that no class of ours defines."""

    def visit(node, class_name):
        if isinstance(node, ast.ClassDef):
            class_name = node.name
        name = None
        if isinstance(node, ast.Attribute):
            holder, name = ast.unparse(node.value), node.attr
            if holder in ("self", "cls") and name in defined(class_name):
                name = None
            if holder == "super()" and any(name in defined(base) for base in classes()[class_name][1]):
                name = None
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ACCESSORS and len(node.args) > 1:
            name = getattr(node.args[1], "value", None)
        elif isinstance(node, ast.keyword):
            name = node.arg  # `dataclasses.replace(override, _value=...)`
        if isinstance(name, str) and is_private(name):
            yield Use(file, node.lineno, name)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, class_name)

    return visit(tree, None)


def compared(uses, listed):
    """What is used and not listed, with its place, and what is listed and not used."""
    new = [f"{use.file}:{use.line} {use.name}" for use in uses if use.name not in listed.get(use.file, ())]
    seen = {(use.file, use.name) for use in uses}
    gone = [f"{file} {name}" for file, names in listed.items() for name in names if (file, name) not in seen]
    return sorted(set(new)), gone


def test_every_import_from_a_private_module_is_listed():
    uses = [use for file, tree in trees().items() for use in modules_used(file, tree)]
    assert compared(uses, MODULES) == ([], [])


def test_every_private_attribute_of_another_library_is_listed():
    uses = [use for file, tree in trees().items() for use in attributes_used(file, tree)]
    assert compared(uses, ATTRIBUTES) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "from torch._dynamo import config",
        "from torch import _dynamo",
        "import torch._dynamo.config",
        "def f():\n    import torch._C",
        "TARGET = 'torch._inductor.config'",
        "import torch\ntorch._dynamo.reset()",
        "import torch\nmodule._parameters.clear()",
        "def f(study):\n    return study.trials[0]._trial_id",
        "def f(config):\n    return getattr(config, '_commit_hash', None)",
        "def f(config):\n    setattr(config, '_commit_hash', None)",
        "import dataclasses\ndef f(x):\n    return dataclasses.replace(x, _value=1)",
        "import torch\nclass New(torch.nn.Module):\n    def f(self):\n        return self._parameters",
        "import torch\nclass New(torch.nn.Module):\n    def f(self):\n        return super()._named_members()",
    ],
)
def test_a_new_one_is_seen(text, monkeypatch):
    trees_with_it = {**trees(), "new.py": ast.parse(text)}
    monkeypatch.setattr(sys.modules[__name__], "trees", lambda: trees_with_it)
    for cached in (libraries, classes):
        cached.cache_clear()
    uses = [*modules_used("new.py", trees()["new.py"]), *attributes_used("new.py", trees()["new.py"])]
    for cached in (libraries, classes):
        cached.cache_clear()
    assert [use.file for use in uses] == ["new.py"]


def load(path):
    """The object at a dotted path; None if there is none."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(lambda holder, name: getattr(holder, name, None), parts[count:], found)
    return None


def functions(class_):
    """The functions that a class defines, decorated ones and accessors included."""
    for member in list(vars(class_).values()):
        for part in (member, *(getattr(member, name, None) for name in ("fget", "fset", "__func__"))):
            part = inspect.unwrap(part) if callable(part) else part
            if inspect.isfunction(part):
                yield part


def set_by(code):
    """Attributes that a function sets, on whatever object."""
    yield from (step.argval for step in dis.get_instructions(code) if step.opname == "STORE_ATTR")
    yield from (name for inner in code.co_consts if isinstance(inner, CodeType) for name in set_by(inner))


@functools.cache
def names_of(class_):
    """Everything that a class has: what it and its bases define, declare, or set in a method."""
    names = set(dir(class_))
    for base in class_.__mro__:
        names |= set(vars(base).get("__annotations__", {}))
        names |= {name for function in functions(base) for name in set_by(function.__code__)}
    return names


def test_every_listed_name_is_still_there():
    """Fails after an upgrade with the list of what is gone; each is then to be replaced in the file that names it."""
    gone = [f"{file}: {path}" for file, paths in MODULES.items() for path in paths if load(path) is None]
    for file, attributes in ATTRIBUTES.items():
        for name, owner in attributes.items():
            if load(owner) is None or name not in names_of(load(owner)):
                gone.append(f"{file}: {owner}.{name}")
    for owner, methods in CALLED.items():
        for name, parameters in methods.items():
            method = getattr(load(owner), name, None)
            known = [key for key in inspect.signature(method).parameters if key != "self"] if method else []
            if method is None or known[: len(parameters)] != parameters:
                gone.append(f"{owner}.{name}({', '.join(parameters)})")
    assert not gone


def test_no_class_of_ours_defines_a_private_name_of_its_base_by_chance():
    """A helper method called like one of Lightning's own would take its place without a word."""
    taken, count = {}, 0
    for file, tree in trees().items():
        for node in [node for node in tree.body if isinstance(node, ast.ClassDef) and node.bases]:
            module = import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
            foreign = [base for base in vars(module)[node.name].__mro__ if base.__module__.split(".")[0] not in OURS]
            names = {name for name in own_names(node) if is_private(name)}
            names &= set().union(*map(names_of, foreign))
            count += 1
            if names:
                taken.setdefault(file, set()).update(names)
    assert taken == OVERRIDDEN
    assert count > 40
