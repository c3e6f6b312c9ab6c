"""What limits on length take from texts, held against the plain tokenizer's own counts."""

import copy
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.config.schema import Data
from tunesmith.data.conversations import encode_answers, frame, write
from tunesmith.data.encoding import encode
from tunesmith.data.fitting import fit
from tunesmith.data.rows import Rows
from tunesmith.data.tokenization import IGNORED
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

LONG = "a slow film with a dull plot and one bright scene"
TEXTS = ["short", LONG, f"{LONG} and {LONG}", "two words", "naïve café 😀"]
CLASSIFICATION = task_named("classification")


class Counted:
    """A tokenizer that counts its calls."""

    def __init__(self, tokenizer):
        object.__setattr__(self, "tokenizer", tokenizer)
        object.__setattr__(self, "calls", 0)

    def __call__(self, *args, **kwargs):
        object.__setattr__(self, "calls", self.calls + 1)
        return self.tokenizer(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)

    def __setattr__(self, name, value):
        setattr(self.tokenizer, name, value)


@pytest.fixture
def plain(tokenizer):
    """A tokenizer with an end token, as a decoder's has."""
    made = copy.deepcopy(tokenizer)
    made.eos_token = "[SEP]"
    return made


def data(cache_dir, **fields):
    return Data(**{"path": "x.csv", "format": "csv", "cache_dir": str(cache_dir), **fields})


def rows_of(texts, labels=None, **more):
    names = [f"r{number}" for number in range(len(texts))]
    return Rows(names, list(texts), labels or ["good", "bad", "good", "bad", "good"][: len(texts)], **more)


def length(tokenizer, *texts, **options):
    return len(tokenizer(*texts, **options)["input_ids"])


def limits_of(rows, tokenizer, settings_, task=CLASSIFICATION, family="encoder"):
    labels = sorted(set(rows.labels)) if task.traits.option == "classification" else []
    return encode(rows, labels, tokenizer, settings_, task, family).limits


@pytest.mark.slow
@settings(max_examples=15)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=5))
@pytest.mark.parametrize("on_long", ["cut", "cut_left"])
def test_what_is_cut_is_what_the_tokenizer_counts(tokenizer, tmp_path_factory, on_long, texts):
    made, most = copy.deepcopy(tokenizer), 9
    rows = rows_of([*TEXTS, *texts], ["x"] * (len(TEXTS) + len(texts)))
    (limit,) = limits_of(rows, made, data(tmp_path_factory.mktemp("cache"), max_length=most, on_long=on_long))
    whole = [length(tokenizer, text) for text in rows.texts]
    assert limit.whole.tolist() == whole
    assert limit.kept.tolist() == [min(tokens, most) for tokens in whole]
    facts = limit.facts()
    assert facts["num_rows_cut"] == sum(tokens > most for tokens in whole)
    assert facts["num_tokens_cut"] == sum(max(tokens - most, 0) for tokens in whole)
    assert (facts["num_tokens"], facts["longest"]) == (sum(whole), max(whole))


def test_cut_left_keeps_the_end_between_the_special_tokens(tokenizer, tmp_path):
    made = copy.deepcopy(tokenizer)
    rows = rows_of(TEXTS, pairs=TEXTS[::-1])
    for given_rows in (rows_of(TEXTS), rows):
        tokens = encode(
            given_rows, ["bad", "good"], made, data(tmp_path, max_length=9, on_long="cut_left"), CLASSIFICATION
        )
        for number, text in enumerate(TEXTS):
            whole = tokenizer(text, add_special_tokens=False)["input_ids"]
            ids = tokens.tokens[number].tolist()
            assert ids[0] == tokenizer.cls_token_id
            assert ids[-1] == tokenizer.sep_token_id
            if given_rows is not rows:
                assert ids[1:-1] == whole[-7:]
            else:
                middle = ids.index(tokenizer.sep_token_id)
                pair = tokenizer(rows.pairs[number], add_special_tokens=False)["input_ids"]
                kept, kept_pair = ids[1:middle], ids[middle + 1 : -1]
                assert kept == whole[len(whole) - len(kept) :]
                assert kept_pair == pair[len(pair) - len(kept_pair) :]


def test_pairs_and_sentences_of_words(tokenizer, tmp_path):
    made = copy.deepcopy(tokenizer)
    (limit,) = limits_of(rows_of(TEXTS, pairs=TEXTS[::-1]), made, data(tmp_path, max_length=16))
    assert limit.whole.tolist() == [length(tokenizer, *both) for both in zip(TEXTS, TEXTS[::-1], strict=True)]
    assert limit.kept.max() == 16
    words = [tuple(text.split()) for text in TEXTS]
    rows = rows_of(TEXTS, [tuple("O" for _ in sentence) for sentence in words], words=words)
    samples = encode(rows, ["O"], made, data(tmp_path, max_length=6), task_named("token_classification"))
    (limit,) = samples.limits
    assert limit.whole.tolist() == [length(tokenizer, text) for text in TEXTS]
    facts = limit.facts()
    asked = sum(int((samples.labels[number] != IGNORED).sum()) for number in range(len(rows)))
    assert facts["num_words"] - facts["num_words_cut"] == asked
    assert facts["num_words"] == sum(map(len, words))
    assert facts["num_words_cut"] > 0


def test_sources_and_targets_of_an_encoder_decoder(tokenizer, tmp_path):
    made = copy.deepcopy(tokenizer)
    settings_ = data(tmp_path, max_length=9, max_target_length=5, target_column="t")
    rows = rows_of(TEXTS, TEXTS[::-1])
    for end in (None, "[SEP]", "[unused3]"):  # none; one that the tokenizer writes; one that is added
        made.eos_token = end
        sources, targets = limits_of(rows, made, settings_, task_named("text_to_text"), "seq2seq")
        assert sources.whole.tolist() == [length(tokenizer, text) for text in TEXTS]
        added = 1 if end == "[unused3]" else 0
        assert targets.whole.tolist() == [length(tokenizer, text) + added for text in TEXTS[::-1]]
        assert targets.kept.tolist() == [min(tokens, 5) for tokens in targets.whole]


@pytest.mark.parametrize("on_long", ["cut", "cut_left"])
def test_sources_of_a_decoder(plain, tmp_path, on_long):
    settings_ = data(tmp_path, max_length=16, max_target_length=6, target_column="t", on_long=on_long)
    rows = rows_of(TEXTS, ["so", "so", "so", "so", "so"])
    sources, answers = limits_of(rows, plain, settings_, task_named("text_to_text"), "causal")
    assert sources.whole.tolist() == [length(plain, text, add_special_tokens=False) for text in TEXTS]
    room = 16 - 6 - frame(plain)
    assert (sources.most, sources.most + sources.beside) == (room, 16)
    assert sources.kept.tolist() == [min(tokens, room) for tokens in sources.whole]
    assert not answers.cut.any()
    assert answers.answers.lost.sum() == 0
    samples = encode(rows, (), plain, settings_, task_named("text_to_text"), "causal")
    written = plain.decode(samples.prompts[2])
    assert ("slow film" in written) == (on_long == "cut")
    assert ("bright scene" in written) == (on_long == "cut_left")


@pytest.mark.parametrize("on_long", ["cut", "cut_left"])
def test_an_answer_beyond_its_room_keeps_its_beginning(plain, tmp_path, on_long):
    settings_ = data(tmp_path, max_length=16, max_target_length=6, target_column="t", on_long=on_long)
    rows = rows_of(["why"], ["because it is a very long story about a film with no end in sight"])
    samples = encode(rows, (), plain, settings_, task_named("text_to_text"), "causal")
    assert samples.limits[1].answers.shortened.tolist() == [1]
    learned = [token for token in samples.labels[0].tolist() if token != IGNORED]
    assert plain(rows.labels[0], add_special_tokens=False)["input_ids"][: len(learned)] == learned
    prompt = samples.prompts[0].tolist()
    assert samples.tokens[0].tolist()[: len(prompt)] == prompt


TALK = [
    {"role": "user", "content": "who wrote this film?"},
    {"role": "assistant", "content": "a dull actor"},
    {"role": "user", "content": LONG},
    {"role": "assistant", "content": "nobody at all"},
]


@pytest.mark.slow
@pytest.mark.parametrize("on_long", ["cut", "cut_left"])
def test_answers_that_a_limit_takes_are_counted_by_hand(plain, tmp_path, on_long):
    """For every limit: the turns as they are written, and what of each answer is within it."""
    whole, asked = write(TALK, plain)
    turns = [[place for place, ask in enumerate(asked) if ask and (place < 12) == first] for first in (True, False)]
    assert [len(turn) for turn in turns] == [4, 4], "three words and the end of each"
    rows = rows_of(["q"], ["a"], messages=[tuple(TALK)])
    plain.truncation_side = "left" if on_long == "cut_left" else "right"
    for most in range(8, len(whole) + 2):
        tokens, labels, answers = encode_answers(rows, plain, data(tmp_path, max_length=most, on_long=on_long), None)
        places = list(range(len(whole)))
        if len(whole) > most:
            places = places[:most] if on_long == "cut" else [0, *places[-(most - 1) :]]
        left = [sum(place in places for place in turn) for turn in turns]
        assert tokens[0].tolist() == [whole[place] for place in places]
        assert int((labels[0] != IGNORED).sum()) == sum(left)
        assert answers.total.tolist() == [2]
        assert answers.lost.tolist() == [left.count(0)]
        assert answers.shortened.tolist() == [sum(0 < count < 4 for count in left)]
        assert tokens.whole.tolist() == [len(whole)]


@pytest.mark.parametrize("on_long", ["cut", "drop", "error"])
def test_answers_beyond_what_is_generated_are_told(plain, tmp_path, caplog, on_long):
    task, answers = task_named("text_to_text"), ["a", LONG, LONG]
    longest = length(plain, LONG, add_special_tokens=False) + 1
    for most, told in (
        (longest - 1, f"2 of 3 answers are longer than data.max_target_length={longest - 1}"),
        (longest, ""),
    ):
        caplog.clear()
        settings_ = data(tmp_path, max_length=40, max_target_length=most, target_column="answer", on_long=on_long)
        fitted = fit({"val": rows_of(["x", "y", "z"], answers)}, plain, settings_, task, "causal")
        assert len(fitted.splits["val"]) == 3
        assert fitted.facts["cut"].get("val", {}) == {}
        assert told in caplog.text
        assert (f"data.max_target_length={longest} lets" in caplog.text) == bool(told)
        assert bool(caplog.records) == bool(told)


def test_inputs_to_be_answered_are_counted_too(plain, tmp_path):
    settings_ = data(tmp_path, max_length=9, max_target_length=4, target_column="t")
    rows = rows_of(TEXTS, [None] * len(TEXTS))
    for task, family in (("classification", "encoder"), ("text_to_text", "seq2seq"), ("text_to_text", "causal")):
        limit = task_named(task).encode_inputs(rows, plain, settings_, family).limits[0]
        bare = family == "causal"
        assert limit.whole.tolist() == [length(plain, text, add_special_tokens=not bare) for text in TEXTS]
        assert limit.cut.tolist() == [
            False,
            True,
            True,
            False,
            length(plain, TEXTS[4], add_special_tokens=not bare) > limit.most,
        ]
    (limit,) = task_named("language_modeling").encode_inputs(rows, plain, data(tmp_path, max_length=9), "causal").limits
    assert limit.whole.tolist() == [length(plain, text) - 1 for text in TEXTS], "without the mark of its end"


def splits():
    return {"train": rows_of(TEXTS), "val": rows_of(TEXTS[1:4]), "test": rows_of(TEXTS[2:])}


def fitted(tokenizer, settings_, **more):
    return fit(splits(), tokenizer, settings_, CLASSIFICATION, "encoder", **more)


def test_by_split_in_numbers_and_in_one_sentence(tokenizer, tmp_path, caplog):
    made = copy.deepcopy(tokenizer)
    whole = {name: [length(tokenizer, text) for text in rows.texts] for name, rows in splits().items()}
    with caplog.at_level(logging.WARNING, logger="tunesmith"):
        result = fitted(made, data(tmp_path, max_length=12))
    assert result.splits == splits()
    total, cut = sum(map(sum, whole.values())), 0
    for name, tokens in whole.items():
        lost = [max(number - 12, 0) for number in tokens]
        cut += sum(lost)
        facts = result.facts["cut"][name]["texts"]
        assert facts["num_rows_cut"] == sum(number > 12 for number in tokens)
        assert (facts["num_tokens_cut"], facts["num_tokens"]) == (sum(lost), sum(tokens))
        part = f"{name}: {facts['num_rows_cut']} of {len(tokens)} texts, {sum(lost)} of {sum(tokens)} tokens"
        assert part in caplog.text
    assert f"longer than data.max_length=12: {cut} of {total} tokens are cut" in caplog.text
    longest = max(max(tokens) for tokens in whole.values())
    assert f"data.max_length={longest} keeps all of them" in caplog.text.replace("Data.", "data.")


def test_the_model_s_room_bounds_the_advice(tokenizer, tmp_path, caplog):
    made = copy.deepcopy(tokenizer)
    for at_most, advice in (
        (16, "accepts at most data.max_length=16"),
        (12, "not accept more than data.max_length=12"),
    ):
        caplog.clear()
        fitted(made, data(tmp_path, max_length=12), at_most=at_most)
        assert advice in caplog.text


def test_nothing_is_said_where_nothing_is_cut(tokenizer, tmp_path, caplog):
    longest = max(length(tokenizer, text) for text in TEXTS)
    result = fitted(copy.deepcopy(tokenizer), data(tmp_path, max_length=longest))
    assert result.facts == {"cut": {}}
    assert not caplog.records


def test_dropped_rows_leave_the_others_as_they_are(tokenizer, tmp_path, caplog):
    result = fitted(copy.deepcopy(tokenizer), data(tmp_path, max_length=12, on_long="drop"), unseen=["test"])
    kept = {
        name: rows.take([i for i, text in enumerate(rows.texts) if length(tokenizer, text) <= 12])
        for name, rows in splits().items()
    }
    assert result.splits == kept
    assert result.facts["num_rows_dropped"] == {
        name: len(splits()[name]) - len(rows) for name, rows in kept.items() if len(rows) < len(splits()[name])
    }
    assert "data.on_long=drop" in caplog.text
    with pytest.raises(
        DataError, match=r"data.on_long=drop leaves no rows in train: all 5 are longer than data.max_length=2"
    ):
        fitted(copy.deepcopy(tokenizer), data(tmp_path, max_length=2, on_long="drop"))


def test_a_refusal_names_ids_and_lengths(tokenizer, tmp_path):
    tokens = length(tokenizer, TEXTS[2])
    with pytest.raises(DataError) as caught:
        fitted(copy.deepcopy(tokenizer), data(tmp_path, max_length=tokens - 1, on_long="error"))
    said = str(caught.value)
    assert "3 of 11 rows" in said
    assert f"id 'r2' in train ({tokens} tokens), id 'r1' in val ({tokens} tokens), id 'r0' in test" in said
    fitted(copy.deepcopy(tokenizer), data(tmp_path, max_length=tokens, on_long="error"))


def test_what_is_counted_is_not_tokenised_again(tokenizer, tmp_path):
    counted = Counted(copy.deepcopy(tokenizer))
    settings_ = data(tmp_path, max_length=12)
    fitted(counted, settings_)
    calls = counted.calls
    assert calls > 0
    for rows in splits().values():
        encode(rows, ["bad", "good"], counted, settings_, CLASSIFICATION)
    assert counted.calls == calls
