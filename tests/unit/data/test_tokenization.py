import copy
import logging
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.data.tokenization import cached, tokenize

TEXTS = ["A quiet masterpiece.", "", "dull " * 50, "naïve café 😀 中文", "one\ntwo\tthree", "[CLS] [SEP] [PAD]"]


class Counted:
    """A tokenizer that counts its calls."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.calls = 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.tokenizer(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)


@pytest.fixture
def counted(tokenizer):
    return Counted(copy.deepcopy(tokenizer))


def entries(folder):
    return sorted(path.name for path in folder.glob("*"))


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("ids", "offsets", "whole"))


@settings(max_examples=10)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=5))
@pytest.mark.parametrize("max_length", [2, 7, 64])
def test_ids_are_those_of_the_plain_tokenizer_row_by_row(tokenizer, tmp_path_factory, max_length, texts):
    tokens = tokenize([*TEXTS, *texts], tokenizer, max_length, tmp_path_factory.mktemp("cache"))
    expected = [tokenizer(text, truncation=True, max_length=max_length)["input_ids"] for text in [*TEXTS, *texts]]
    assert [tokens[i].tolist() for i in range(len(tokens))] == expected
    assert tokens.lengths.tolist() == list(map(len, expected))
    assert tokens.lengths.max() <= max_length
    whole = [len(tokenizer(text)["input_ids"]) for text in [*TEXTS, *texts]]
    assert tokens.whole.tolist() == whole


def test_no_texts_are_no_tokens(tokenizer, tmp_path):
    tokens = tokenize([], tokenizer, 8, tmp_path)
    assert (len(tokens), tokens.ids.tolist()) == (0, [])


def test_a_second_time_nothing_is_tokenised(counted, tmp_path):
    first = tokenize(TEXTS, counted, 16, tmp_path)
    calls = counted.calls
    second = tokenize(TEXTS, counted, 16, tmp_path)
    assert counted.calls == calls
    assert same(first, second)
    assert len(entries(tmp_path)) == 1


def test_several_at_once_tokenise_once_and_say_that_they_wait(tokenizer, tmp_path, caplog):
    caplog.set_level(logging.INFO, "tunesmith")
    made = []

    def make():
        made.append(None)
        time.sleep(0.3)
        yield {"ids": np.arange(3, dtype=np.int32)}

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: cached(("a",), ["b"], tokenizer, tmp_path, make)["ids"].tolist(), range(4)))
    assert len(made) == 1
    assert results == [[0, 1, 2]] * 4
    assert "another process makes the tokens of the same texts: waiting for it" in caplog.text
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]


def test_what_the_tokenizer_did_before_does_not_hide_an_entry(counted, tokenizer, tmp_path):
    """A call leaves its truncation and padding in the tokenizer; neither belongs to the tokenizer's identity."""
    tokenize(TEXTS, counted, 16, tmp_path)
    fresh = copy.deepcopy(tokenizer)
    fresh(["some", "other texts"], padding=True, truncation=True, max_length=5)
    again = Counted(fresh)
    tokenize(TEXTS, again, 16, tmp_path)
    assert (again.calls, len(entries(tmp_path))) == (0, 1)


def test_a_change_in_texts_length_or_tokenizer_is_another_entry(tokenizer, tmp_path):
    added = copy.deepcopy(tokenizer)
    added.add_tokens(["masterpiece"])
    left = copy.deepcopy(tokenizer)
    left.truncation_side = "left"
    variants = [
        (TEXTS, tokenizer, 16),
        (TEXTS[::-1], tokenizer, 16),
        (["A quiet masterpiece!", *TEXTS[1:]], tokenizer, 16),
        (["".join(TEXTS[:2]), *TEXTS[2:]], tokenizer, 16),
        (TEXTS, tokenizer, 17),
        (TEXTS, added, 16),
        (TEXTS, left, 16),
    ]
    for number, (texts, which, max_length) in enumerate(variants, 1):
        tokens = tokenize(texts, which, max_length, tmp_path)
        assert len(entries(tmp_path)) == number
        assert tokens[0].tolist() == which(texts[0], truncation=True, max_length=max_length)["input_ids"]
    assert (
        tokenize(TEXTS, left, 16, tmp_path)[2].tolist() == left(TEXTS[2], truncation=True, max_length=16)["input_ids"]
    )


@pytest.mark.parametrize("kept", [0, 1, 100, -1, -30])
def test_an_entry_that_was_cut_short_is_made_again(counted, tmp_path, kept):
    first = tokenize(TEXTS, counted, 16, tmp_path)
    (entry,) = tmp_path.iterdir()
    whole = entry.read_bytes()
    entry.unlink()  # what is mapped stays as it is
    entry.write_bytes(whole[:kept])
    calls = counted.calls
    assert same(tokenize(TEXTS, counted, 16, tmp_path), first)
    assert counted.calls == 2 * calls
    assert same(tokenize(TEXTS, counted, 16, tmp_path), first)
    assert counted.calls == 2 * calls, "the entry is whole again"


def test_an_entry_with_flipped_bytes_is_made_again(counted, tmp_path):
    first = tokenize(TEXTS, counted, 16, tmp_path)
    (entry,) = tmp_path.iterdir()
    damaged = bytearray(entry.read_bytes())
    middle = damaged.find(b"ids.npy") + 200
    damaged[middle] ^= 0xFF
    entry.unlink()
    entry.write_bytes(damaged)
    calls = counted.calls
    assert same(tokenize(TEXTS, counted, 16, tmp_path), first)
    assert counted.calls == 2 * calls


def test_a_folder_that_cannot_be_written_only_costs_the_caching(counted, tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    first = tokenize(TEXTS, counted, 16, file / "cache")
    calls = counted.calls
    assert same(tokenize(TEXTS, counted, 16, file / "cache"), first)
    assert counted.calls == 2 * calls
    assert entries(tmp_path) == ["file"]


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("part", [1, 2, 4, 6, 100])
def test_the_size_of_the_parts_changes_nothing(tokenizer, tmp_path, monkeypatch, part, writable):
    whole = tokenize(TEXTS, tokenizer, 16, tmp_path / "whole")
    monkeypatch.setattr("tunesmith.data.tokenization.TEXTS_TOGETHER", part)
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "parts" if writable else tmp_path / "file" / "cache"
    assert same(tokenize(TEXTS, tokenizer, 16, folder), whole)
    assert same(tokenize(TEXTS, tokenizer, 16, folder), whole), "and read again"


def test_a_cached_entry_is_mapped_and_what_is_written_to_it_stays_out_of_the_file(counted, tmp_path):
    first = tokenize(TEXTS, counted, 16, tmp_path)
    (entry,) = tmp_path.iterdir()
    before = entry.read_bytes()
    array = first.ids
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    assert isinstance(array, np.memmap)
    first.ids[:] = 0
    assert entry.read_bytes() == before
    assert tokenize(TEXTS, counted, 16, tmp_path)[0].any()
