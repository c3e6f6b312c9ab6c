"""What is learned of a conversation, for templates of many kinds, against the template's own text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tunesmith.data.conversations import before_answer, prompt
from tunesmith.data.malformed import MalformedError
from tunesmith.data.rows import Rows
from tunesmith.data.templates import PLAIN, ends_of_answers, render_conversation, template_of, write
from tunesmith.data.written import check_written, doubts
from tunesmith.errors import DataError

ASK = "{% if add_generation_prompt %}"
KINDS = {
    "chatml": (
        "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}<e>\n{% endfor %}" + ASK + "<s>assistant\n{% endif %}",
        "<e>",
    ),
    "default_system": (
        "{% if messages[0].role != 'system' %}<s>system\nbe good<e>\n{% endif %}"
        "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}<e>\n{% endfor %}" + ASK + "<s>assistant\n{% endif %}",
        "<e>",
    ),
    "trims": (
        "<b>{% for m in messages %}<s>{{ m.role }}<x>\n\n{{ m.content | trim }}<e>{% endfor %}"
        + ASK
        + "<s>assistant<x>\n\n{% endif %}",
        "<e>",
    ),
    "instructs": (
        "<b>{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content }}{{ eos_token }}"
        "{% else %}[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}",
        "<eos>",
    ),
    "line_before_the_end": (
        "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}\n{% if m.role == 'assistant' %}{{ eos_token }}"
        "\n\n{% endif %}{% endfor %}" + ASK + "<s>assistant\n{% endif %}",
        "<eos>",
    ),
    "ends_the_whole": (
        "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}<e>{% endfor %}"
        + ASK
        + "<s>assistant\n{% else %}{{ eos_token }}{% endif %}",
        "<e>",
    ),
    "ours": (None, "<eos>"),
}
"""Template, and the token that ends an answer in it."""


def byte_level(template):
    """A tokenizer of bytes: every letter and line break is a token, so that what is learned can be read off."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    marks = ["<s>", "<e>", "<b>", "<x>"]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<eos>", additional_special_tokens=marks)
    tokenizer.chat_template = template
    return tokenizer


TOKENIZERS = {kind: byte_level(template) for kind, (template, _) in KINDS.items()}
texts = st.text("ab1 \nß雪", min_size=1, max_size=8).filter(str.strip)
turns = st.lists(st.tuples(texts, texts, st.booleans()), min_size=1, max_size=4)


def conversation(drawn, *, opens):
    made = []
    for question, answer, learned in drawn:
        made.append({"role": "user", "content": question})
        made.append({"role": "assistant", "content": answer, **({} if learned else {"train": False})})
    return made[1:] if opens else made


@given(turns, st.sampled_from(sorted(KINDS)), st.booleans())
def test_the_learned_tokens_are_the_templates_text_of_the_learned_turns_through_its_end(drawn, kind, opens):
    tokenizer, end = TOKENIZERS[kind], KINDS[kind][1]
    talk = conversation(drawn, opens=opens)
    check_written(talk, tokenizer, {})
    ids, asked = write(talk, tokenizer)
    plain = [{"role": turn["role"], "content": turn["content"]} for turn in talk]
    whole = tokenizer.apply_chat_template(plain, return_dict=True, chat_template=template_of(tokenizer))
    assert ids == whole["input_ids"]
    learned = tokenizer.decode([token for token, ask in zip(ids, asked, strict=True) if ask])
    expected = ""
    for turn in talk:
        if turn["role"] == "assistant" and turn.get("train", True):
            content = turn["content"].strip() if kind == "trims" else turn["content"]
            opening = turn is talk[0]  # nothing asks for it, so that it begins with its content
            content = f" {content}" if kind == "instructs" and not opening else content
            expected += content + ("\n" if kind == "line_before_the_end" else "") + end
    assert learned == expected


@given(turns, st.sampled_from(sorted(KINDS)), st.booleans())
def test_an_answer_follows_on_the_ids_of_its_question(drawn, kind, opens):
    tokenizer = TOKENIZERS[kind]
    talk = conversation(drawn, opens=opens)
    ids, _ = write(talk, tokenizer)
    before = prompt(before_answer(talk), tokenizer)
    assert ids[: len(before)] == before
    open_talk = [*talk, {"role": "user", "content": "and"}]
    assert before_answer(open_talk) == open_talk


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_an_answer(kind):
    tokenizer = TOKENIZERS[kind]
    assert tokenizer.convert_ids_to_tokens(ends_of_answers(tokenizer)) == [KINDS[kind][1]]


def test_the_line_break_behind_the_end_is_a_token_and_not_learned():
    tokenizer = TOKENIZERS["chatml"]
    ids, asked = write([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], tokenizer)
    assert tokenizer.decode(ids).endswith("b<e>\n")
    assert asked[-2:] == [True, False]


@pytest.mark.parametrize("tail", ["", "\n", " over"])
def test_where_no_token_ends_an_answer_there_is_a_reason(tail):
    tokenizer = byte_level("{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}" + tail + "{% endfor %}")
    with pytest.raises(DataError, match=r"no end token after an answer .*Put \{\{ eos_token \}\}"):
        ends_of_answers(tokenizer)


def test_a_template_that_asks_otherwise_than_it_writes_is_refused_with_both():
    template = "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}<e>{% endfor %}"
    tokenizer = byte_level(template + ASK + "<s>assistant\nthink{% endif %}")
    with pytest.raises(
        DataError, match=r"prompts for an answer \(.*think'\) differently from how it writes one \(.*answer<e>'\)"
    ):
        ends_of_answers(tokenizer)


def test_without_template_and_end_token_there_is_a_reason():
    tokenizer = byte_level(None)
    tokenizer.eos_token = None
    with pytest.raises(DataError, match="neither a chat template nor an end token"):
        ends_of_answers(tokenizer)


def test_our_template_begins_as_the_tokenizer_does(tokenizer):
    assert template_of(tokenizer) == "[CLS]" + PLAIN
    assert render_conversation([{"role": "user", "content": "a"}], tokenizer) == "[CLS]a\n"


def test_of_several_templates_that_with_tools_is_taken_for_tools():
    with_tools = "{% for t in tools %}{{ t.name }}{% endfor %}" + KINDS["chatml"][0]
    tokenizer = byte_level({"default": KINDS["chatml"][0], "tool_use": with_tools})
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert render_conversation(talk, tokenizer, {"tools": [{"name": "search"}]}).startswith("search<s>user")
    check_written(talk, tokenizer, {"tools": [{"name": "search"}]})
    with pytest.raises(MalformedError, match="'documents': has no effect"):
        check_written(talk, tokenizer, {"documents": [{"text": "a"}]})


def test_a_call_of_tools_may_end_otherwise():
    end = "{% if m.tool_calls %}{{ m.tool_calls[0].function.name }}<x>{% else %}<e>{% endif %}"
    tokenizer = byte_level("{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}" + end + "{% endfor %}")
    assert tokenizer.convert_ids_to_tokens(ends_of_answers(tokenizer)) == ["<e>", "<x>"]


def test_a_template_that_writes_the_date_is_told_of():
    tokenizer = byte_level("{{ strftime_now('%Y') }}" + KINDS["chatml"][0])
    talk = ({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})
    rows = Rows(["0"], ["a"], ["b"], messages=[talk])
    assert [sentence[:45] for sentence in doubts([rows], tokenizer)] == [
        "the chat template writes the current date, so"
    ]
