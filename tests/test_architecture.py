"""The house keeps its shape: who may import whom, what stays light, names, sizes, types and documentation."""

import ast
import graphlib
import statistics
from pathlib import Path

import pytest

from tunesmith.config.tasks import TASKS

SOURCE = Path(__file__).parents[1] / "src" / "tunesmith"
FILES = sorted(SOURCE.rglob("*.py"))

FLOORS = (
    {"errors", "hub_access", "machine", "redaction", "seeding", "suggest", "terminal"},
    {"storage", "report_error"},
    {"config"},
    {"data", "models", "optim", "evaluation", "tracking", "runs"},
    {"tasks", "provenance", "reporting"},
    {"training"},
    {"inference"},
    {"sweeping"},
    {"cli", "testing"},
)
"""From the ground up; a room imports from lower floors and from itself, never from a neighbour on its own."""
DOORS = {"__init__", "__main__"}
"""They open rooms on demand."""
HEAVY = {"torch", "numpy", "transformers", "pytorch_lightning", "wandb", "sklearn", "peft", "torchmetrics", "rich"}
LIGHT_ROOMS = {"cli", "config", "runs"}
VAGUE = {"utils", "util", "helpers", "common", "misc", "core", "manager", "base", "lib"}


def name_of(file):
    return file.relative_to(SOURCE).as_posix()


def room_of(file):
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree, *, at_import_time):
    """Modules that are imported: all of them, or only those that importing the file imports (not for typing only)."""
    found = []

    def visit(node, now):
        if isinstance(node, ast.Import):
            found.extend((alias.name, now) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.append((node.module, now))
            found.extend((f"{node.module}.{alias.name}", now) for alias in node.names)
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.iter_child_nodes(node):
            visit(child, now and not later and not typing_only)

    visit(tree, True)
    return {name for name, now in found if now or not at_import_time}


def rooms(names):
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == "tunesmith" and len(part) > 1}


@pytest.fixture(scope="module")
def trees():
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in FILES}


def test_every_room_has_a_floor():
    known = set().union(*FLOORS)
    assert {room_of(file) for file in FILES} - DOORS <= known
    assert len(FILES) > 60, "the sources are read at all"


def test_imports_run_one_way(trees):
    level = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    wrong = []
    for file, tree in trees.items():
        room = room_of(file)
        if room in DOORS:
            continue
        for other in rooms(imports(tree, at_import_time=False)) & level.keys():
            if other != room and level[other] >= level[room]:
                wrong.append(f"{name_of(file)} imports {other}")
    assert not wrong


def modules_of(trees):
    """Dotted name to tree of every file; a room's `__init__` goes by the room's name."""
    names = {"tunesmith." + name_of(file).removesuffix(".py").replace("/", "."): tree for file, tree in trees.items()}
    return {name.removesuffix(".__init__"): tree for name, tree in names.items()}


def test_no_circle_of_files(trees):
    """Imports inside functions count too."""
    modules = modules_of(trees)
    graph = {name: imports(tree, at_import_time=False) & modules.keys() - {name} for name, tree in modules.items()}
    rooms_alone = {name for name, tree in modules.items() if not imports(tree, at_import_time=False)}
    graph = {name: others - rooms_alone for name, others in graph.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(modules)


@pytest.mark.parametrize("room", sorted(LIGHT_ROOMS))
def test_light_rooms_import_nothing_heavy(trees, room):
    """Not by themselves, and not through a module of ours that they import."""
    modules = modules_of(trees)
    start = [name for name in modules if name.split(".")[1:2] == [room]]
    assert start
    seen, waiting, wrong = set(), start, []
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for imported in imports(modules[name], at_import_time=True):
            if imported.split(".")[0] in HEAVY:
                wrong.append(f"{name} imports {imported}")
            if imported in modules:
                waiting.append(imported)
    assert not wrong


def test_no_room_and_no_file_has_a_vague_name():
    names = {part.removesuffix(".py") for file in FILES for part in file.relative_to(SOURCE).parts}
    assert not names & VAGUE


def test_no_file_but_those_of_tasks_asks_which_task_it_is(trees):
    """Comparing a task's name, or its flag, would be one more place to find when a task is added."""
    options = {*TASKS, *(traits.name for traits in TASKS.values())}
    wrong, count = [], 0
    for file, tree in trees.items():
        if room_of(file) == "tasks" or name_of(file) == "config/tasks.py":
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Compare):
                continue
            count += 1
            asked = {ast.unparse(side).rpartition(".")[2] for side in (node.left, *node.comparators)} & {"multi_label"}
            words = {item.value for item in ast.walk(node) if isinstance(item, ast.Constant)} & options
            if asked or words:
                wrong.append(f"{name_of(file)}:{node.lineno} {ast.unparse(node)}")
    assert not wrong
    assert count > 500


SHARED = {
    "main": "a verb's entry, and that of a trial's own process",
    "Task": "the node of the schema, and the task that it asks for",
}
"""Public names that stand in more than one file, with why."""


def test_no_public_name_has_two_meanings(trees):
    homes = {}
    for file, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name_of(file))
    several = {name: files for name, files in homes.items() if len(files) > 1}
    assert {name: files for name, files in several.items() if name not in SHARED} == {}
    assert several.keys() == SHARED.keys()


def public_functions(tree):
    """Functions and methods whose name and class are public."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and not item.name.startswith("_"):
                    yield f"{node.name}.{item.name}", item


def untyped(function):
    arguments = function.args
    everything = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    names = [item.arg for item in everything if item is not None and item.annotation is None]
    missing = [name for name in names if name not in ("self", "cls")]
    return missing + ([] if function.returns is not None else ["its result"])


def test_every_public_function_is_typed_and_documented(trees):
    wrong, count = [], 0
    for file, tree in trees.items():
        for name, function in public_functions(tree):
            count += 1
            if untyped(function):
                wrong.append(f"{name_of(file)}: {name} has no type for {', '.join(untyped(function))}")
            if ast.get_docstring(function) is None:
                wrong.append(f"{name_of(file)}: {name} has no docstring")
    assert not wrong
    assert count > 150


def test_every_file_and_public_class_is_documented(trees):
    wrong = [name_of(file) for file, tree in trees.items() if ast.get_docstring(tree) is None]
    for file, tree in trees.items():
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        wrong += [f"{name_of(file)}: {node.name}" for node in classes if ast.get_docstring(node) is None]
    assert not wrong


def test_sizes_are_reported(trees, capsys):
    """Not a law: printed, so that growth is seen."""
    files = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    functions = {
        f"{name_of(file)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    with capsys.disabled():
        for kind, sizes in (("files", files), ("functions", functions)):
            ordered = sorted(sizes.values())
            middle, high = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
            largest = max(sizes, key=sizes.__getitem__)
            print(
                f"\n{len(ordered)} {kind}: median {middle:.0f} lines, p95 {high}, most {sizes[largest]} ({largest})",
                end="",
            )
        print()
    assert len(functions) > 300


def test_no_two_test_files_have_one_name():
    """pytest imports them by their name alone."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
