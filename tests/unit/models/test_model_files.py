"""What is told of a model's folder before a library reads it."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from tunesmith.config.schema import Model
from tunesmith.errors import FilesError
from tunesmith.models.model_files import check_folder, check_weights, refuse_adapter
from tunesmith.models.weights import load_config


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file({"a": torch.ones(3, 5), "b": torch.ones(2, dtype=torch.int64)}, file, metadata={"format": "pt"})
    return file


@given(cut=st.integers(min_value=1))
def test_every_cut_and_every_addition_is_told_with_both_sizes(weights, tmp_path_factory, cut):
    whole = weights.read_bytes()
    check_weights(weights)
    file = tmp_path_factory.getbasetemp() / "cut.safetensors"
    for damaged in (whole[: cut % len(whole)], whole + bytes(cut % 100 + 1)):
        file.write_bytes(damaged)
        with pytest.raises(FilesError) as refusal:
            check_weights(file)
        assert f"{file} has {len(damaged):,} bytes" in str(refusal.value)
        if len(damaged) > 200:
            assert f"its header implies {len(whole):,}" in str(refusal.value)


def test_what_is_no_file_of_weights_is_told_as_that(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes((4).to_bytes(8, "little") + b"abcd")
    with pytest.raises(FilesError, match="is not a safetensors file"):
        check_folder(tmp_path)
    file.write_text("version https://git-lfs.github.com/spec/v1\n")  # what is there without `git lfs pull`
    with pytest.raises(FilesError, match="has 43 bytes"):
        check_folder(tmp_path)


def test_parts_that_are_not_there_are_named(tmp_path):
    places = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    save_file({"a": torch.ones(1)}, tmp_path / places["a"])
    with pytest.raises(FilesError, match="names 1 missing files: model-00002"):
        check_folder(tmp_path)


def test_an_adapter_alone_is_told_with_the_way_to_a_network(tmp_path):
    folder = tmp_path / "run" / "model"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/base"}))
    with pytest.raises(FilesError, match=r"only a peft adapter.*\(org/base\)\. Merge them with peft"):
        load_config(Model(path=str(folder)))
    (folder.parent / "provenance.json").write_text("{}")
    with pytest.raises(FilesError, match=rf"Start from its run: model=from_run model\.from_run={folder.parent}"):
        refuse_adapter(folder)
    (folder / "config.json").write_text("{}")
    refuse_adapter(Path(folder))
