"""Cutting long texts from the tokens of the whole: as the tokenizer cuts them, whatever it puts around a text."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tunesmith.data import tokenization
from tunesmith.data.single_pass import gap_of
from tunesmith.data.tokenization import encode_within

WORDS = ["[PAD]", "[CLS]", "[SEP]", *"abcdefgh"]


class Counted:
    """A tokenizer that counts the texts that it is given."""

    def __init__(self, template, side):
        backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[PAD]"))
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        specials = [(word, WORDS.index(word)) for word in ("[CLS]", "[SEP]")]
        backend.post_processor = processors.TemplateProcessing(single=template, pair="$A $B", special_tokens=specials)
        self.own = PreTrainedTokenizerFast(tokenizer_object=backend, truncation_side=side, pad_token="[PAD]")
        self.texts = 0

    def __call__(self, text=None, **options):
        self.texts += len(text)
        return self.own(text, **options)


def texts(number, seed=0):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS[3:], k=draw.randrange(25))) for _ in range(number)]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("template", ["[CLS] $A [SEP]", "$A [SEP]", "[CLS] [CLS] $A", "$A"])
def test_a_tokenizer_cuts_the_first_alone_and_the_others_are_cut_alike(template, side, monkeypatch):
    monkeypatch.setattr(tokenization, "TRIED", 8)
    counted, rows = Counted(template, side), texts(200)
    columns, whole = encode_within(6, counted, {"text": rows}, return_offsets_mapping=True)
    single = [counted.own(text, truncation=True, max_length=6, return_offsets_mapping=True) for text in rows]
    assert columns["input_ids"] == [row["input_ids"] for row in single]
    assert columns["offset_mapping"] == [row["offset_mapping"] for row in single]
    assert whole.tolist() == [len(counted.own(text)["input_ids"]) for text in rows]
    assert counted.texts == 200 + 8


def test_texts_that_leave_it_open_are_cut_by_the_tokenizer(monkeypatch):
    monkeypatch.setattr(tokenization, "TRIED", 8)
    counted, rows = Counted("$A", "right"), ["a a a a a a a"] * 9 + texts(50)
    columns, whole = encode_within(6, counted, {"text": rows})
    assert columns["input_ids"] == [counted.own(text, truncation=True, max_length=6)["input_ids"] for text in rows]
    assert counted.texts == len(rows) + np.count_nonzero(whole > 6)


@given(st.lists(st.lists(st.integers(0, 2), min_size=7, max_size=9), min_size=1, max_size=4), st.integers(0, 5))
def test_a_gap_is_the_only_one_that_explains_every_cut(rows, gap):
    cut = [[*ids[:gap], *ids[len(ids) - 5 + gap :]] for ids in rows]
    fitting = [g for g in range(6) if all([*i[:g], *i[len(i) - 5 + g :]] == c for i, c in zip(rows, cut, strict=True))]
    assert gap_of(rows, cut, 5) == (gap if fitting == [gap] else None)
    assert gap_of(rows, [[*cut[0][:-1], 9], *cut[1:]], 5) is None
    assert gap_of(rows, [ids[:4] for ids in rows], 5) is None
