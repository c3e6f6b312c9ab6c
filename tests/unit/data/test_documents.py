import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.documents import encode_documents, encode_openings, pack
from tunesmith.data.samples import Samples, packed
from tunesmith.data.tokenization import IGNORED, Tokens, end_to_end

TEXTS = ["one", "", "a quiet masterpiece of few words", "dull " * 40, "naïve café 😀"]


@pytest.mark.parametrize("max_length", [2, 3, 7, 64])
def test_every_token_but_the_first_of_a_text_is_predicted_exactly_once(tokenizer, tmp_path, max_length):
    tokens, owners = encode_documents(TEXTS, tokenizer, max_length, tmp_path)
    assert tokens.lengths.max() <= max_length
    for number, text in enumerate(TEXTS):
        whole = tokenizer(text)["input_ids"]
        parts = [tokens[i].tolist() for i in np.flatnonzero(owners == number)]
        assert [token for part in parts for token in part[1:]] == whole[1:]
        assert parts[0][0] == whole[0]
        for one, following in itertools.pairwise(parts):
            assert following[0] == one[-1], "a part knows the token before it"
    again, again_owners = encode_documents(TEXTS, tokenizer, max_length, tmp_path)
    assert np.array_equal(tokens.ids, again.ids)
    assert np.array_equal(owners, again_owners)


def test_a_text_ends_with_the_end_token_once(tokenizer, tmp_path):
    import copy

    other = copy.deepcopy(tokenizer)
    other.eos_token = "[unused5]"
    end = other.eos_token_id
    tokens, _ = encode_documents(TEXTS[:1], other, 64, tmp_path)
    assert tokens[0].tolist() == [*tokenizer("one")["input_ids"], end]
    plain, _ = encode_documents(TEXTS[:1], tokenizer, 64, tmp_path)
    assert plain[0].tolist() == tokenizer("one")["input_ids"], "and the cache tells the two tokenizers apart"


def test_what_is_to_be_written_on_has_no_end(tokenizer):
    openings = encode_openings(["one two three"], tokenizer, 64)
    assert openings[0].tolist() == tokenizer("one two three")["input_ids"][:-1]
    assert encode_openings(["one two three"], tokenizer, 2)[0].tolist() == openings[0][-2:].tolist()


lengths = st.lists(st.integers(1, 20), min_size=1, max_size=80)


@given(lengths, st.integers(20, 40))
def test_packs_hold_every_text_once_within_their_capacity(lengths, capacity):
    packs = pack(lengths, capacity)
    assert sorted(i for members in packs for i in members) == list(range(len(lengths)))
    fill = [sum(lengths[i] for i in members) for members in packs]
    assert max(fill) <= capacity
    lowest = sorted(fill)[:2]
    assert len(packs) == 1 or sum(lowest) > capacity, "no two of them fit into one"


@given(st.lists(st.integers(2, 9), min_size=1, max_size=20), st.integers(10, 24))
def test_a_packed_sample_holds_its_texts_with_positions_of_their_own(lengths, capacity):
    random = np.random.default_rng(0)
    tokens = end_to_end([random.integers(1, 99, size=length) for length in lengths])
    labels = Tokens(np.where(random.random(len(tokens.ids)) < 0.3, IGNORED, tokens.ids), tokens.offsets)
    counts = np.asarray([(labels[i] != IGNORED).sum() for i in range(len(lengths))])
    together = packed(Samples(tokens, np.arange(len(lengths)), labels, counts), capacity)
    found = []
    for i in range(len(together)):
        starts = np.flatnonzero(together.positions[i] == 0)
        for start, end in zip(starts, [*starts[1:], len(together.tokens[i])], strict=True):
            assert together.positions[i][start:end].tolist() == list(range(end - start))
            found.append((together.tokens[i][start:end].tolist(), together.labels[i][start:end].tolist()))
        assert together.weights[i] == (together.labels[i] != IGNORED).sum()
    plain = [(tokens[i].tolist(), labels[i].tolist()) for i in range(len(lengths))]
    assert sorted(found) == sorted(plain)
