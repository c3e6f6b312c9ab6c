"""Which tokens of a conversation are learned: the assistant's, token by token."""

import copy

import pytest

from tunesmith.config.schema import Data
from tunesmith.data.conversations import before_answer, encode_answers, prompt, prompts_of, write
from tunesmith.data.encoding import encode
from tunesmith.data.rows import Rows
from tunesmith.data.tokenization import IGNORED
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

TEMPLATE = (
    "{% for m in messages %}[unused1]{{ m['role'] }}: {{ m['content'] }}[unused2]\n{% endfor %}"
    "{% if add_generation_prompt %}[unused1]assistant: {% endif %}"
)
TALK = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "who wrote this film?"},
    {"role": "assistant", "content": "a dull actor"},
    {"role": "user", "content": "and the plot?"},
    {"role": "assistant", "content": "nobody"},
]


@pytest.fixture
def chatty(tokenizer):
    """A tokenizer with a chat template, whose marks are single tokens."""
    made = copy.deepcopy(tokenizer)
    made.add_special_tokens({"additional_special_tokens": ["[unused1]", "[unused2]"]})
    made.chat_template = TEMPLATE
    return made


@pytest.fixture
def plain(tokenizer):
    """A tokenizer without a template, with an end token."""
    made = copy.deepcopy(tokenizer)
    made.eos_token = "[SEP]"
    return made


def learned(conversation, tokenizer):
    ids, asked = write(conversation, tokenizer)
    return ids, [token for token, ask in zip(ids, asked, strict=True) if ask]


def test_with_a_template_its_own_ids_and_of_them_the_answers_with_their_end(chatty):
    ids, asked = learned(TALK, chatty)
    assert ids == chatty.apply_chat_template(TALK, tokenize=True, return_dict=True)["input_ids"]
    answers = ["a dull actor[unused2]", "nobody[unused2]"]
    assert asked == [token for answer in answers for token in chatty(answer, add_special_tokens=False)["input_ids"]]


def test_an_answer_follows_exactly_on_the_prompt(chatty, plain):
    for tokenizer in (chatty, plain):
        ids, asked = write(TALK, tokenizer)
        before = prompt(before_answer(TALK), tokenizer)
        assert ids[: len(before)] == before
        assert asked[len(before)], "the first token after the prompt is the answer's"
        assert not asked[len(before) - 1]


def test_without_a_template_turns_are_lines_and_answers_have_an_end(plain):
    ids, asked = learned(TALK, plain)
    end = plain.eos_token_id
    assert ids[0] == plain.cls_token_id
    assert plain.decode(ids[1:]) == "be brief who wrote this film? a dull actor [SEP] and the plot? nobody [SEP]"
    assert plain.decode(asked) == "a dull actor [SEP] nobody [SEP]"
    assert asked.count(end) == 2


def rows_of(questions, answers, messages=None):
    return Rows([str(i) for i in range(len(questions))], questions, answers, messages=messages)


def data(cache_dir, **fields):
    return Data(path="x.jsonl", format="jsonl", cache_dir=str(cache_dir), target_column="target", **fields)


def test_labels_ask_for_the_answer_and_nothing_else(chatty, cache_dir):
    rows = rows_of(["what film?"], ["a warm story"])
    tokens, labels, _ = encode_answers(rows, chatty, data(cache_dir), None)
    asked = [token for token in labels[0].tolist() if token != IGNORED]
    assert asked == chatty("a warm story[unused2]", add_special_tokens=False)["input_ids"]
    place = labels[0].tolist().index(asked[0])
    assert tokens[0][place : place + len(asked)].tolist() == asked


def test_a_long_question_is_cut_and_the_answer_kept(chatty, plain, cache_dir):
    rows = rows_of(["why " * 100, "short"], ["because", "so"])
    for tokenizer in (chatty, plain):
        settings = data(cache_dir, max_length=24, max_target_length=8)
        prompts, *_ = prompts_of(rows, tokenizer, settings, 16)
        tokens, labels, _ = encode_answers(rows, tokenizer, settings, 16)
        assert prompts.lengths.max() == 16
        assert tokens.lengths.max() <= 24
        assert tokens[0][:16].tolist() == prompts[0].tolist()
        assert "because" in tokenizer.decode([token for token in labels[0].tolist() if token != IGNORED])


def test_an_answer_beyond_the_length_is_refused_with_the_row(plain, cache_dir):
    talk = ({"role": "user", "content": "why " * 100}, {"role": "assistant", "content": "because"})
    rows = rows_of(["why"], ["because"], [talk])
    needed = len(write(talk, plain)[0])
    with pytest.raises(DataError) as caught:
        encode(rows, (), plain, data(cache_dir, max_length=16), task_named("language_modeling"), "causal")
    rule = f"1 row has no part of the response within data.max_length=16 (first: id '0', of {needed} tokens)"
    assert str(caught.value).startswith(rule)
    for way in (f"data.max_length={needed}", "data.on_long=drop"):
        assert way in str(caught.value)


def test_a_template_that_rewrites_what_was_said_is_refused_with_the_row(chatty, cache_dir):
    chatty.chat_template = "{% for m in messages %}{{ loop.length }}{{ m['content'] }}{% endfor %}"
    with pytest.raises(DataError, match="'0': turn 3: the tokenizer's chat template writes earlier turns differently"):
        encode_answers(rows_of(["so"], ["nobody"], [TALK]), chatty, data(cache_dir), None)


def test_the_cache_is_keyed_by_the_template(chatty, tmp_path):
    rows = rows_of(["what film?"], ["a warm story"])
    first, *_ = encode_answers(rows, chatty, data(tmp_path), None)
    chatty.chat_template = TEMPLATE.replace(": ", "> ")
    second, *_ = encode_answers(rows, chatty, data(tmp_path), None)
    assert first[0].tolist() != second[0].tolist()
