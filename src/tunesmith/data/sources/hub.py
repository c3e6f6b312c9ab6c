"""Data sets of the Hugging Face Hub: found in the cache of its library, downloaded by it, and read as Arrow files."""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from tunesmith.config.composing.compose import Composed
from tunesmith.config.data_files import HUB, SPLITS
from tunesmith.config.schema import Data, Format, SplitFiles
from tunesmith.data.sources.class_names import HIDDEN, features_of
from tunesmith.data.sources.hub_cache import COMMIT, HubData, cache_root, commit_of, in_cache, in_folder
from tunesmith.errors import DataError
from tunesmith.hub_access import hub_answers

OURS = {"validation": "val", "valid": "val", "dev": "val", "train_sft": "train", "test_sft": "test"}
"""Other names of splits, those of UltraChat among them; `train`, `val` and `test` are called so."""
ARROW = {"_target_": "tunesmith.data.sources.arrow.Arrow", "class_names": True}
log = logging.getLogger("tunesmith")


def pinned(composed: Composed) -> Composed:
    """The config with the commit and the configuration that its data set of the Hub is read at; others as they are.

    Raises:
        DataError: The data set is neither in the cache nor to be had.
    """
    data = composed.config.data
    if data.format != HUB:
        return composed
    changes = {key: value for key, value in pins(data).items() if getattr(data, key) != value}
    if not changes:
        return composed
    return composed.with_saved(composed.saved | {"data": composed.saved["data"] | changes})


def pins_by_request(runs: Iterable[Composed]) -> dict[str, dict[str, str]]:
    """The commits and configurations that several runs read, for `pinned_as`; empty without data sets of the Hub.

    Raises:
        DataError: A data set is neither in the cache nor to be had.
    """
    asked = [run.config.data for run in runs if run.config.data.format == HUB]
    return {request: pins(data) for request, data in {_request(data): data for data in asked}.items()}


def pinned_as(composed: Composed, taken: Mapping[str, dict[str, str]]) -> Composed:
    """The config with what was taken for its data set of the Hub before; others as they are.

    Args:
        composed: The config.
        taken: From `pins_by_request`.
    """
    data = composed.config.data
    if data.format != HUB or (pinned_before := taken.get(_request(data))) is None:
        return composed
    return composed.with_saved(composed.saved | {"data": composed.saved["data"] | pinned_before})


def _request(data: Data) -> str:
    """What is asked of the Hub, as a key of JSON."""
    return json.dumps([data.path, data.name, data.revision])


def pins(data: Data) -> dict[str, str]:
    """The keys that say which data set of the Hub it is, once and for all.

    Raises:
        DataError: The data set is neither in the cache nor to be had.
    """
    there = hub_data(str(data.path), data.name, data.revision)
    return {"name": there.name, "revision": there.commit}


def with_files(data: Data) -> Data:
    """The data config with the files of a data set of the Hub in place of its id; another as it is.

    Raises:
        DataError: The data set is neither in the cache nor to be had, or has no split to train on.
    """
    if data.format != HUB:
        return data
    there = hub_data(str(data.path), data.name, data.revision)
    taken = _splits_taken(there, data)
    files = {ours: [str(file) for file in there.files[split]] for split, ours in taken.items()}
    rows = ", ".join(f"{split} ({there.num_rows[split]:,} rows)" for split in taken)
    message = "%s: configuration %s at commit %s, splits %s"
    log.info(message, there.path, there.name, there.commit[:12], rows, extra={"once": True})
    if set(files) == {"train"}:
        path: SplitFiles | list[str] = files["train"]
    else:
        path = SplitFiles.model_validate(files)
        _refuse_another_division(data, rows)
    return data.model_copy(update={"path": path, "format": Format.model_validate(ARROW)})


def _splits_taken(there: HubData, data: Data) -> dict[str, str]:
    """The Hub's splits that are read, each with our name of it; what is left out is said.

    Raises:
        DataError: None is to be trained on.
    """
    taken: dict[str, str] = {}
    left: list[str] = []
    for split in there.files:
        ours = OURS.get(split, split)
        if ours not in SPLITS or ours in taken.values():
            left.append(f"{split}, which is none of train, validation and test")
        elif ours != "train" and _is_hidden(there, split, data.label_column):
            left.append(f"{split}, of which no row has a {data.label_column} (they are kept secret)")
        else:
            taken[split] = ours
    if left:
        log.warning("%s: splits not read: %s", there.path, "; ".join(left), extra={"once": True})
    if "train" not in taken.values():
        named = ", ".join(there.files) or "none"
        first = next(iter(there.files), "SPLIT")
        raise DataError(f"{there.path}: no split to train on; its splits are {named}. {_saving(there.path, first)}")
    return taken


def _is_hidden(there: HubData, split: str, column: str) -> bool:
    """Whether no row of a split says its class, as where a benchmark keeps the answers to itself."""
    import pyarrow
    from pyarrow import compute, ipc

    for file in there.files[split]:
        with pyarrow.memory_map(str(file)) as mapped:
            stream = ipc.open_stream(mapped)
            feature = features_of(stream.schema).get(column)
            if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
                return False
            if any(compute.any(compute.not_equal(batch.column(column), HIDDEN)).as_py() for batch in stream):
                return False
    return True


def _refuse_another_division(data: Data, rows: str) -> None:
    split = data.split
    asked = f"data.split.from_run={split.from_run}" if split.from_run else f"data.split.method={split.method}"
    if split.from_run or split.method in ("column", "time"):
        rule = f"{asked} has no effect, since the data set has splits of its own"
        raise DataError(f"{data.path}: {rule}: {rows}. Leave out data.split")


@functools.cache
def hub_data(path: str, name: str | None, revision: str | None) -> HubData:
    """The Arrow files of a data set of the Hub, from the cache or, where they are not there, downloaded into it.

    Args:
        path: Its id.
        name: The Hub's name of a configuration; None takes the only one, or the one that the Hub takes.
        revision: Commit, tag or branch; None is `main`.

    Raises:
        DataError: It is not in the cache, and cannot be had.
    """
    exact = revision is not None and COMMIT.fullmatch(revision) is not None
    there = in_cache(path, name, revision) if exact and name is not None else []
    if not there and hub_answers():
        return _downloaded(path, name, revision)
    return there[0] if there else _from_cache(path, name, revision)


def _from_cache(path: str, name: str | None, revision: str | None) -> HubData:
    """What the cache has, without asking the Hub."""
    exact = revision is not None and COMMIT.fullmatch(revision) is not None
    commit = revision if exact else commit_of(path, revision or "main")
    there = in_cache(path, name, commit) if commit is not None else []
    if not there and revision is None and (there := in_cache(path, name)):
        message = "%s: the Hub does not say what is new: the commit %s is in the cache, and taken"
        log.warning(message, path, there[0].commit)
    names = sorted({data.name for data in there})
    if len(names) > 1:
        known = ", ".join(names)
        raise DataError(f"{path}: several configurations are in the cache: {known}. Name one: data.name={names[0]}")
    if there:
        return there[0]
    asked = f"{path}{f', configuration {name}' if name else ''}{f', revision {revision}' if revision else ''}"
    others = sorted({f"data.name={data.name} data.revision={data.commit}" for data in in_cache(path, None)})
    beside = f" What is there: {'; '.join(others)}." if others else ""
    raise DataError(
        f"{asked}: not in the cache ({cache_root()}), and the Hub does not answer.{beside} Two ways out. Where there "
        f"is a network, download it once: {_python(f'load_dataset({_arguments(path, name, revision)})')}. Or "
        f"{_saving(path, 'train', name, revision)}"
    )


def _downloaded(path: str, name: str | None, revision: str | None) -> HubData:
    """What the Hub has, through its library, which writes it into its cache unless it is there."""
    if importlib.util.find_spec("datasets") is None:
        raise DataError(f"{path}: data sets of the Hub need a package: pip install 'tunesmith[hub]'")
    import datasets

    verbosity = datasets.logging.get_verbosity()
    datasets.logging.set_verbosity_error()
    try:
        builder = datasets.load_dataset_builder(f"hf://datasets/{path}", name, revision=revision)
        builder.download_and_prepare()
    except Exception as error:  # of the library, of its transport, and of what reads the files
        lines = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
        raise DataError(f"{path}: the Hub's library cannot read it: {lines or type(error).__name__}") from error
    finally:
        datasets.logging.set_verbosity(verbosity)
    there = in_folder(path, Path(builder.cache_dir))
    if there is None:
        raise DataError(f"{path}: {builder.cache_dir} is not whole. Remove this folder, and start again")
    return there


def _arguments(path: str, name: str | None, revision: str | None, split: str | None = None) -> str:
    given = {"revision": revision, "split": split}
    words = [repr(path), *([repr(name)] if name else [])]
    return ", ".join([*words, *(f"{key}={value!r}" for key, value in given.items() if value is not None)])


def _saving(path: str, split: str, name: str | None = None, revision: str | None = None) -> str:
    """How a split is saved as a folder, and read from there."""
    folder = path.rpartition("/")[2]
    call = f"load_dataset({_arguments(path, name, revision, split)}).save_to_disk({folder!r})"
    return f"save a split as a folder: {_python(call)}, and read that: data=arrow data.path={shlex.quote(folder)}"


def _python(call: str) -> str:
    code = f"from datasets import load_dataset; {call}"
    return f"python -c {shlex.quote(code)}" if set('"$`\\') & set(code) else f'python -c "{code}"'
