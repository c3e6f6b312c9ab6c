"""What a record's conversation says, is told by, and is known by."""

import pytest

from tunesmith.config.schema import Data
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import is_learned, read_messages, read_options
from tunesmith.data.reading import read_rows
from tunesmith.data.templates import PROBE
from tunesmith.data.written import doubts
from tunesmith.tasks.registry import task_named

USER, ASSISTANT = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
CALL = {"function": {"name": "search", "arguments": {"q": "a"}}}


def test_absent_values_are_no_keys():
    turns = [USER, {**ASSISTANT, "name": None, "tool_calls": [], "extra": {}, "score": float("nan")}]
    assert read_messages(turns, "m") == (USER, ASSISTANT)


def test_turns_that_are_not_learned_say_so_and_others_are_as_they_were():
    turns = [
        {**USER, "weight": 0},
        {**ASSISTANT, "weight": 0.0},
        {**ASSISTANT, "weight": 1},
        {**ASSISTANT, "train": False},
    ]
    assert [is_learned(turn) for turn in read_messages(turns, "m")] == [False, False, True, False]
    assert read_messages(turns, "m") == (USER, {**ASSISTANT, "train": False}, ASSISTANT, {**ASSISTANT, "train": False})


@pytest.mark.parametrize(
    "calls", ["search", [], ["search"], [{"function": "search"}], [{"name": "", "arguments": {}}], [{"name": "f"}]]
)
def test_calls_of_no_form_are_refused(calls):
    with pytest.raises(MalformedError, match=r"'m', turn 2"):
        read_messages([USER, {"role": "assistant", "content": None, "tool_calls": calls}], "m")


def test_options_are_read_from_lists_and_from_their_text():
    tools = [{"type": "function", "function": {"name": "search"}}]
    given = {"tools": tools, "documents": '[{"text": "a"}]', "chat_template_kwargs": "{}"}
    assert read_options(given) == {"tools": tools, "documents": [{"text": "a"}]}


def identity(tmp_path, record):
    import json

    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    data = Data(path=str(path), format="jsonl", messages_column="messages", cache_dir=str(tmp_path))
    return read_rows(data, task_named("language_modeling")).sha256()


def test_all_that_is_handed_on_is_part_of_the_rows_identity(tmp_path):
    """What is as before is known by the same hash."""
    plain = {"messages": [USER, ASSISTANT]}
    others = [
        {"messages": [USER, {**ASSISTANT, "tool_calls": [CALL]}]},
        {"messages": [USER, ASSISTANT, USER, {**ASSISTANT, "weight": 0}]},
        {**plain, "tools": [{"name": "search"}]},
        {**plain, "tools": [{"name": "find"}]},
        {**plain, "chat_template_kwargs": {"loud": True}},
        {"messages": [{**USER, "name": "ada"}, ASSISTANT]},
    ]
    hashes = [identity(tmp_path, record) for record in (plain, *others)]
    assert len(set(hashes)) == len(hashes)
    assert identity(tmp_path, {**plain, "tools": []}) == identity(tmp_path, plain)


@pytest.mark.parametrize(
    ("turns", "text", "reference"),
    [
        ([USER], "a", None),
        ([USER, ASSISTANT], "a", "b"),
        ([USER, ASSISTANT, {**USER, "content": "c"}], "c", None),
        ([ASSISTANT], "", "b"),
        (
            [USER, {"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "tool", "content": "t"}],
            "t",
            None,
        ),
    ],
)
def test_what_a_conversation_asks(turns, text, reference):
    data = Data(path="x.jsonl", format="jsonl", messages_column="messages")
    example = task_named("language_modeling").question({"messages": turns}, data)
    assert (example.text, example.reference, example.label) == (text, reference, None)


def test_texts_that_hold_the_end_of_a_turn_are_told_of(tokenizer):
    import copy

    from tunesmith.data.rows import Rows

    made = copy.deepcopy(tokenizer)
    made.eos_token = "[SEP]"
    talks = [PROBE, (PROBE[0], {"role": "assistant", "content": "b [SEP] user: c"})]
    rows = Rows(["0", "1"], ["", ""], ["", ""], messages=talks, lines=[1, 7])
    (sentence,) = doubts([rows], made)
    assert sentence.startswith("1 conversations contain [SEP] in a text (first: line 7)")


def test_pieces_with_a_label_each_are_told_as_turns():
    pieces = [{"label": True, "text": "hi"}]
    with pytest.raises(
        MalformedError, match=r'turns here: \{"role": "assistant", "content": TEXT\} where label is true'
    ):
        read_messages(pieces, "segments")
