"""Records in other tools' formats become the conversations that are written out by hand here."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data.test_templates import byte_level
from tunesmith.cli.predict import read_questions
from tunesmith.config.composing.compose import compose
from tunesmith.config.schema import Data
from tunesmith.data.encoding import encode
from tunesmith.data.reading import read_rows
from tunesmith.data.tokenization import IGNORED
from tunesmith.errors import ConfigError, DataError
from tunesmith.tasks.registry import task_named

LANGUAGE, TEXT_TO_TEXT = task_named("language_modeling"), task_named("text_to_text")
CHATML = (
    "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}<e>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
words = st.text("ab1 \nß雪", min_size=1, max_size=8).filter(str.strip)
maybe = st.none() | words


def system(text):
    return {"role": "system", "content": text}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def written(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def read(path, *records, task=LANGUAGE, **fields):
    return read_rows(Data(path=written(path / "rows.jsonl", *records), format="jsonl", **fields), task)


def conversations(path, *records, **fields):
    return list(map(list, read(path, *records, **fields).messages))


CALL = {"name": "look", "arguments": {"at": "x"}}
CASES = {
    "alpaca": (
        {"convert": "alpaca"},
        {"instruction": "Add.", "input": "1 2", "output": "3"},
        [user("Add.\n1 2"), assistant("3")],
    ),
    "alpaca without input, with system and history": (
        {"convert": "alpaca"},
        {"instruction": "q", "input": "", "output": "a", "system": "s", "history": [["q0", "a0"], ["q1", "a1"]]},
        [system("s"), user("q0"), assistant("a0"), user("q1"), assistant("a1"), user("q"), assistant("a")],
    ),
    "alpaca under other names": (
        {"convert": "alpaca", "columns": {"instruction": "task", "output": "answer"}, "system": "be good"},
        {"task": "q", "answer": "a", "input": None},
        [system("be good"), user("q"), assistant("a")],
    ),
    "sharegpt": (
        {"convert": "sharegpt", "system": "be good"},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        [system("be good"), user("q"), assistant("a")],
    ),
    "sharegpt with an answer that is not learned": (
        {"convert": "sharegpt"},
        {
            "conversations": [
                {"from": "human", "value": "q"},
                {"from": "gpt", "value": "a", "weight": 0},
                {"from": "human", "value": "r"},
                {"from": "gpt", "value": "b", "weight": 1},
            ]
        },
        [user("q"), assistant("a", train=False), user("r"), assistant("b")],
    ),
    "sharegpt with a system column and turns that call tools": (
        {"convert": "sharegpt"},
        {
            "system": "s",
            "conversations": [
                {"from": "human", "value": "q"},
                {"from": "function_call", "value": json.dumps(CALL)},
                {"from": "observation", "value": "seen"},
                {"from": "gpt", "value": "a"},
            ],
        },
        [
            system("s"),
            user("q"),
            {"role": "assistant", "tool_calls": [{"type": "function", "function": CALL}]},
            {"role": "tool", "content": "seen"},
            assistant("a"),
        ],
    ),
    "sharegpt with roles and keys of its own": (
        {
            "convert": "sharegpt",
            "columns": {"conversations": "chat", "from": "who", "value": "what"},
            "roles": {"bing": "assistant"},
            "system": "unused",
        },
        {"chat": [{"who": "system", "what": "s"}, {"who": "human", "what": "q"}, {"who": "bing", "what": "a"}]},
        [system("s"), user("q"), assistant("a")],
    ),
    "sharegpt as the JSON text of a CSV field": (
        {"convert": "sharegpt"},
        {"conversations": json.dumps([{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}])},
        [user("q"), assistant("a")],
    ),
    "prompt and response": (
        {"convert": "prompt_response", "columns": {"response": "completion"}},
        {"prompt": "q", "completion": "a", "system": "s"},
        [system("s"), user("q"), assistant("a")],
    ),
    "prompt and response as messages": (
        {"convert": "prompt_response"},
        {"prompt": [user("q"), assistant("a0"), user("q1")], "response": [assistant("a1")]},
        [user("q"), assistant("a0", train=False), user("q1"), assistant("a1")],
    ),
    "messages": (
        {"convert": "messages", "system": "be good"},
        {"messages": [{"role": "developer", "content": ""}, user("q"), assistant("a")]},
        [system("be good"), user("q"), assistant("a")],
    ),
    "messages of a developer": (
        {"convert": "messages", "columns": {"messages": "chat"}},
        {"chat": [{"role": "developer", "content": "d"}, user("q"), assistant("a")]},
        [system("d"), user("q"), assistant("a")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_record_becomes_the_conversation_that_is_written_by_hand(name, tmp_path):
    fields, record, expected = CASES[name]
    assert conversations(tmp_path, record, **fields) == [expected]


@given(rows=st.lists(st.tuples(words, maybe, words, maybe), min_size=1, max_size=4), default=maybe)
def test_alpaca_has_the_tokens_of_transformers_own_template_and_learns_the_output(rows, default, tmp_path_factory):
    names = ("instruction", "input", "output", "system")
    path = tmp_path_factory.mktemp("alpaca")
    records = [dict(zip(names, row, strict=True)) for row in rows]
    fields = {"convert": "alpaca", "system": default, "cache_dir": str(path), "max_length": 512, "missing": []}
    made = read(path, *records, **fields)
    tokenizer = byte_level(CHATML)
    data = Data(path="-", format="jsonl", **fields)
    samples = encode(made, (), tokenizer, data, LANGUAGE, "causal")
    for number, record in enumerate(records):
        prompt = "\n".join(filter(None, (record["instruction"], record["input"])))
        first = record["system"] or default
        turns = [*([system(first)] if first else []), user(prompt), assistant(record["output"])]
        expected = tokenizer.apply_chat_template(turns, tokenize=True, return_dict=False)
        assert samples.tokens[number].tolist() == expected
        labels = samples.labels[number]
        assert tokenizer.decode(labels[labels != IGNORED]) == record["output"] + "<e>"


@given(talk=st.lists(st.tuples(words, words), min_size=1, max_size=3), opening=maybe)
def test_sharegpt_and_messages_are_one_conversation(talk, opening, tmp_path_factory):
    path = tmp_path_factory.mktemp("talk")
    turns = [*([system(opening)] if opening else [])]
    for question, answer in talk:
        turns += [user(question), assistant(answer)]
    others = {"system": "system", "user": "human", "assistant": "gpt"}
    shared = [{"from": others[turn["role"]], "value": turn["content"]} for turn in turns]
    assert conversations(path, {"conversations": shared}, convert="sharegpt") == [turns]
    assert conversations(path, {"messages": turns}, convert="messages") == [turns]
    assert conversations(path, {"messages": turns}, messages_column="messages") == [turns]


def test_text_to_text_takes_a_question_and_its_answer(tmp_path):
    record = {"instruction": "Add.", "input": "1 2", "output": "3"}
    rows = read(tmp_path, record, task=TEXT_TO_TEXT, convert="alpaca")
    assert (rows.texts, rows.labels, rows.messages) == (["Add.\n1 2"], ["3"], None)
    with pytest.raises(DataError, match=r":1: its turns are system, user, assistant, and text to text takes one"):
        read(tmp_path, record | {"system": "s"}, task=TEXT_TO_TEXT, convert="alpaca")


@pytest.mark.parametrize(
    ("fields", "record", "rule"),
    [
        (
            {"convert": "sharegpt"},
            {"conversations": [{"from": "human", "value": "q"}, {"from": "bing", "value": "a"}]},
            r":1: 'conversations', turn 2: the role is 'bing'; .* data\.roles\.bing=assistant",
        ),
        (
            {"convert": "sharegpt"},
            {"conversations": [{"from": "human", "value": " "}, {"from": "gpt", "value": "a"}]},
            r":1: 'conversations', turn 1 \(human\): is empty",
        ),
        (
            {"convert": "messages"},
            {"messages": [{"role": "user", "text": "q"}]},
            r"turn 1 \(user\): has no 'content'; its keys are 'role', 'text'",
        ),
        (
            {"convert": "sharegpt"},
            {"conversations": [user("q")]},
            r"turn 1: has no 'from'; its keys are 'role', 'content'\. .* data\.columns\.from=KEY",
        ),
        (
            {"convert": "sharegpt"},
            {"conversations": [{"from": "human", "value": "q"}]},
            r"'conversations' has no message of the assistant",
        ),
        (
            {"convert": "sharegpt"},
            {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "go"}]},
            r"turn 2 \(function_call\): must hold the JSON text of a call",
        ),
        (
            {"convert": "sharegpt"},
            {"system": "s", "conversations": [{"from": "system", "value": "s"}, {"from": "gpt", "value": "a"}]},
            r"'system' column|'system' and turn 1 both hold a system prompt",
        ),
        ({"convert": "alpaca"}, {"instruction": "q", "output": ""}, r"1 row has no text \(line 1\)"),
        (
            {"convert": "alpaca"},
            {"instruction": "q", "output": "a", "history": [["q"]]},
            r"'history', pair 1: must be a list of a question and its answer",
        ),
        ({"convert": "alpaca"}, {"instruction": "q"}, r"no column 'output'; the columns are 'instruction'"),
        ({"convert": "alpaca", "columns": {"input": "more"}}, {"instruction": "q", "output": "a"}, r"no column 'more'"),
    ],
)
def test_what_is_no_conversation_is_refused_with_row_and_turn(fields, record, rule, tmp_path):
    with pytest.raises(DataError, match=rule):
        read(tmp_path, record, **fields)


def test_what_had_no_effect_is_said(tmp_path, caplog):
    talk = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
    records = [
        {"conversations": [{"from": "system", "value": "s"}, *talk]},
        {"conversations": [*talk, {"from": "human", "value": "and?"}]},
    ]
    read(tmp_path, *records, convert="sharegpt", system="be good", roles={"bing": "assistant"})
    assert "data.roles names 'bing', and no turn has that role" in caplog.text
    assert "data.system is not used in 1 of 2 conversations" in caplog.text
    assert "1 of 2 conversations end without an answer" in caplog.text


def test_new_records_are_asked_in_the_same_format(tmp_path):
    data = Data(path="-", format="jsonl", convert="alpaca", system="be good")
    file = written(tmp_path / "new.jsonl", {"instruction": "q", "input": "NA"}, {"instruction": "q", "output": "a"})
    first, second = read_questions(file, LANGUAGE, data)
    assert list(first.messages) == [system("be good"), user("q\nNA")]
    assert (second.text, second.reference) == ("q", "a")
    lines = tmp_path / "new.txt"
    lines.write_text("who?\n")
    for convert in ("alpaca", "sharegpt", "prompt_response", "messages"):
        given = data.model_copy(update={"convert": convert})
        assert [list(row.messages) for row in read_questions(str(lines), LANGUAGE, given)] == [
            [system("be good"), user("who?")]
        ]
    question = next(read_questions(file, TEXT_TO_TEXT, data.model_copy(update={"system": None})))
    assert (question.text, question.messages) == ("q\nNA", None)


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        (["task=classification", "data.convert=alpaca"], r"data\.convert: has no effect with task=classification"),
        (["data.convert=alpaca", "data.messages_column=m"], r"data\.messages_column: has no effect with data\.convert"),
        (["data.convert=alpaca", "data.template={{a}}"], r"data\.template: has no effect with data\.convert"),
        (["data.convert=alpaca", "data.text_column=a"], r"data\.text_column: has no effect with data\.convert"),
        (
            ["data.convert=alpaca", "data.columns.respone=a"],
            r"data\.columns\.respone: is no name of data\.convert=alpaca",
        ),
        (["data.convert=alpaca", "data.roles.bing=user"], r"data\.roles: has no effect with data\.convert=alpaca"),
        (["data.convert=sharegpt", "data.roles.bing=bot"], r"data\.roles\.bing: must be one of system, user"),
        (["data.messages_column=m", "data.system=s"], r"data\.system: has no effect without data\.convert"),
        (["task=text_to_text", "data.convert=alpaca", "data.system=s"], r"data\.system: has no effect with task=text"),
        (["data.convert=sharegtp"], r"data\.convert"),
        (["dataset_format=sharegpt"], r"Here it is data\.convert"),
        (["data.system_prompt=x"], r"Here it is data\.system"),
        (["data.format=alpaca"], r"Use data=jsonl data\.convert=alpaca"),
    ],
)
def test_contradictions_and_other_tools_names_are_answered(overrides, rule):
    line = ["data=jsonl", "data.path=none.jsonl", "model=tiny_causal", "task=language_modeling", *overrides]
    with pytest.raises(ConfigError, match=rule):
        compose(line)
