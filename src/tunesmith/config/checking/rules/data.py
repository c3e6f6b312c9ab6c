"""Rules for rows, splits and batches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.data_files import HUB, names_by_split, names_in
from tunesmith.config.folders import expand
from tunesmith.config.methods import is_prompt
from tunesmith.config.tasks import TASKS
from tunesmith.errors import Problem

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
HUB_PAGE = re.compile(r"(?:https://huggingface\.co/datasets/|hf://datasets/)([\w.-]+/[\w.-]+)")
SOURCE = re.compile(r"[\w-]+")
URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@rule("data.path", "data.format", "data.sources")
def _local(path: Any, file_format: Any, sources: Mapping[str, Any]) -> Problem | None:
    paths = {"data.path": path} | {f"data.sources.{name}.path": source["path"] for name, source in sources.items()}
    urls = ((key, name) for key, of_key in paths.items() for name in names_in(of_key) if URL.match(str(name)))
    key, url = next(urls, (None, None))
    if key is None or file_format == HUB:
        return None
    return Problem(key, "is a URL, but data is read from files", url, "Download it first, and give the file")


@rule("data.path", "data.format")
def _id_on_the_hub(path: Any, file_format: Any) -> Problem | None:
    """An id, and not what is here: the Hub's library would read a folder of that name."""
    if file_format != HUB:
        return None
    received = str(path)
    if not isinstance(path, str) or not HUB_ID.fullmatch(path) or path.startswith("."):
        page = HUB_PAGE.match(received)
        hint = f"data.path={page[1]}" if page else "For files of your own: data=csv, data=jsonl, data=parquet, ..."
        return Problem("data.path", "must be the id of a data set on the Hub, as ORG/NAME", received, hint)
    if expand(path).is_file() or (expand(path) / "state.json").is_file():
        kind = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}.get(expand(path).suffix, "arrow")
        return Problem("data.path", "is a file or folder here, not on the Hub", path, f"Read it with data={kind}")
    return None


@rule("data.path", "data.sources", "data.format")
def _one_or_several(path: Any, sources: Mapping[str, Any], file_format: Any) -> Problem | None:
    if path is None and not sources:
        hint = "Give the file: data.path=FILE, or several sources: data.sources.NAME.path=FILE"
        return Problem("data.path", "must name what to read", None, hint)
    if path is not None and sources:
        hint = "Make it one of the sources, and leave it out: data.path=null"
        return Problem("data.path", "has no effect with data.sources", None, hint)
    if sources and file_format == HUB:
        hint = "Save it first (datasets.load_dataset(...).save_to_disk), and read it with data=arrow"
        return Problem("data.format", "a data set of the Hub cannot be one of several sources", HUB, hint)
    return None


@rule("data.sources")
def _names_of_sources(sources: Mapping[str, Any]) -> Problem | None:
    name = next((name for name in sources if not SOURCE.fullmatch(name)), None)
    if name is None:
        return None
    return Problem("data.sources", "takes names of letters, digits, - and _", name, "Rename it: data.sources.NAME.path")


@rule("data.sources")
def _sources_of_their_own(sources: Mapping[str, Any]) -> Problem | None:
    known: dict[str, str] = {}
    for name, source in sources.items():
        first = known.setdefault(repr({**source, "weight": None}), name)
        if first != name:
            hint = f"To take its rows twice: data.sources.{first}.weight=2"
            return Problem(f"data.sources.{name}", f"is the same as data.sources.{first}", source["path"], hint)
    return None


@rule("data.path", "data.split.method")
def _divided_once(path: Any, method: str) -> Problem | None:
    if method not in ("column", "time") or None in names_by_split(path):
        return None
    hint = "Leave out data.split, or give the files as a list: data.path=[FILE,FILE]"
    return Problem("data.split.method", "has no effect if data.path has files for each split", method, hint)


@rule("data.path", "data.split.from_run")
def _divided_by_files(path: Any, from_run: str | None) -> Problem | None:
    if from_run is None or None in names_by_split(path):
        return None
    hint = "Leave it out, or name the files in a list: data.path=[FILE,FILE]"
    return Problem("data.split.from_run", "has no effect with files for each split in data.path", from_run, hint)


@rule("data.label_names")
def _names_that_can_be_read(names: dict[str, str]) -> Problem | None:
    blank = next((label for label, name in names.items() if isinstance(name, str) and not name.strip()), None)
    if blank is None:
        return None
    hint = "Give it a name, or leave such rows out with data.where"
    return Problem(f"data.label_names.{blank}", "gives a label an empty name", repr(names[blank]), hint)


@rule("data.batch_size", "data.micro_batch_size")
def _whole_micro_batches(batch: int, micro: int | str) -> Problem | None:
    if isinstance(micro, str) or batch % micro == 0:
        return None
    fits = max(size for size in range(1, min(batch, micro) + 1) if batch % size == 0)
    hint = f"Use data.micro_batch_size={fits}, which divides it"
    return Problem("data.batch_size", f"must be a multiple of data.micro_batch_size={micro}", str(batch), hint)


@rule("data.split.method", "data.split.val_fraction", "data.split.test_fraction", "data.split.folds")
def _rows_left_to_train(method: str, val: float, test: float, folds: int | None) -> Problem | None:
    if method == "column" or val + test < 1 or folds is not None:
        return None
    received = f"{val} + {test}"
    return Problem("data.split", "val_fraction + test_fraction must leave rows to train on: less than 1", received)


@rule("data.split.method", "data.split.column")
def _split_column(method: str, column: str | None) -> Problem | None:
    if method in ("column", "time") and column is None:
        rule_text = f"is required with data.split.method={method}"
        return Problem("data.split.column", rule_text, "null", "Set it: data.split.column=NAME")
    if method not in ("column", "time") and column is not None:
        return Problem(
            "data.split.column",
            f"has no effect with data.split.method={method}",
            column,
            "Add data.split.method=column, or data.split.method=time",
        )
    return None


@rule("data.split.method", "data.split.group_column")
def _split_groups(method: str, column: str | None) -> Problem | None:
    if column is not None and not column.strip():
        hint = "Set it: data.split.group_column=NAME"
        return Problem("data.split.group_column", "names no column", repr(column), hint)
    if column is None or method != "time":
        return None
    rule_text = f"has no effect with data.split.method={method}, which gives the split of each row"
    return Problem("data.split.group_column", rule_text, column, "Leave it out, or use data.split.method=random")


@rule("data.split.folds", "data.split.fold", "data.split.method", "data.path", "data.split.from_run")
def _folds(folds: int | None, fold: int, method: str, path: Any, from_run: str | None) -> Problem | None:
    if folds is None:
        hint = "Set their number: data.split.folds=5"
        return Problem("data.split.fold", "has no effect without folds", str(fold), hint) if fold else None
    if method == "column" or from_run is not None:
        other = "data.split.method=column" if from_run is None else "data.split.from_run"
        hint = "Divide the rows anew: data.split.method=random data.split.column=null data.split.from_run=null"
        return Problem("data.split.folds", f"has no effect with {other}, which gives the split of each row", None, hint)
    if "val" in names_by_split(path):
        hint = "Leave out data.path.val, or add its files to data.path.train"
        return Problem("data.split.folds", "has no effect with a file for val in data.path", str(folds), hint)
    if method == "time" and fold >= folds:
        hint = f"Time divides rows in one way, and the last fold is {folds - 1}"
        return Problem("data.split.fold", f"must be less than data.split.folds={folds}", str(fold), hint)
    return None


@rule(
    "data.split.method",
    "data.split.val_fraction",
    "evaluation.monitor",
    "data.path",
    "data.split.from_run",
    "data.split.folds",
)
def _validation_rows(
    method: str, val: float, monitor: str, path: Any, from_run: str | None, folds: int | None
) -> Problem | None:
    if method == "column" or val > 0 or "val" in names_by_split(path) or from_run is not None or folds is not None:
        return None
    return Problem(
        "data.split.val_fraction",
        f"must be greater than 0: evaluation.monitor={monitor} needs validation rows",
        str(val),
        "To keep most rows for training: data.split.val_fraction=0.05 data.split.method=random",
    )


@rule("method._target_", "data.packing")
def _packing(target: str | None, packing: bool) -> Problem | None:
    if not packing or not is_prompt(target):
        return None
    hint = "Use method=lora, or set data.packing=false"
    return Problem(
        "data.packing", "needs positions that restart for each text, which method=prompt shifts", "true", hint
    )


@rule("task.name", "data.messages_column", "data.target_column", "data.convert", "data.on_long")
def _long_texts(
    task: str, messages: str | None, target: str | None, convert: str | None, on_long: str
) -> Problem | None:
    if on_long == "cut_left" and TASKS[task].takes_words:
        hint = "Raise data.max_length, or leave long sentences out: data.on_long=drop"
        return Problem("data.on_long", "would cut the first words of a sentence but not their tags", on_long, hint)
    if on_long != "cut" and TASKS[task].divides and messages is None and target is None and convert is None:
        hint = "Leave it out: plain texts are divided into samples, and nothing is lost"
        return Problem("data.on_long", f"has no effect with task={task} on plain texts", on_long, hint)
    return None


@rule("task.name", "data")
def _columns_of_their_own(task: str, data: Mapping[str, Any]) -> Problem | None:
    """An answer that is part of the input would be copied, not learned."""
    if data.get("messages_column") is not None or data.get("convert") is not None:
        return None
    taken: dict[str, str] = {}
    for key in TASKS[task].columns:
        column = data.get(key)
        if column is None or (key == "text_column" and data.get("template") is not None):
            continue
        if column in taken:
            what = f"is also the column of the {taken[column]}"
            return Problem(f"data.{key}", what, str(column), f"Name another column: data.{key}=NAME")
        taken[column] = key.removesuffix("_column").replace("_", " ")
    return None
