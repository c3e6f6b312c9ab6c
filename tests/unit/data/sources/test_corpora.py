"""The data sets that packages ship, against what the packages' files hold, counted by other means."""

import json
import logging
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tunesmith.config.composing.compose import compose
from tunesmith.data.reading import read_rows
from tunesmith.data.sources.aclsum import Aclsum
from tunesmith.data.sources.chatterbot import Chatterbot
from tunesmith.data.sources.chitchat import Chitchat
from tunesmith.data.sources.records import records_of
from tunesmith.data.splits import read_splits
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_of


def shipped(package, path):
    return Path(find_spec(package).origin).parent / path


def splits_of(*overrides):
    config = compose(list(overrides)).config
    return read_splits(config.data, task_of(config.task))


def test_papers_have_their_own_splits_and_a_summary_of_each_kind():
    for kind in ("challenge", "outcome"):
        splits = splits_of("data=aclsum", "model=tiny_seq2seq", f"data.target_column=summary.{kind}")
        for split, rows in splits.items():
            lines = shipped("aclsum", f"dataset/{split}.jsonl").read_text().splitlines()
            papers = [json.loads(line) for line in lines]
            assert rows.ids == [paper["id"] for paper in papers]
            assert rows.labels == [paper["summary"][kind] for paper in papers]
            assert rows.texts[0] == " ".join(papers[0]["sentences"]["abstract"])


def test_conversations_alternate_and_what_is_left_out_is_counted(caplog):
    config = compose(["data=chitchat", "model=tiny_causal"]).config
    rows = read_rows(config.data, task_of(config.task))
    whole = json.loads(shipped("chitchat_dataset", "dataset.json").read_text())
    sent = {
        key: [message for group in each["messages"] for message in group if message["text"].strip()]
        for key, each in whole.items()
    }
    two = {key for key, messages in sent.items() if len({message["sender"] for message in messages}) == 2}
    assert set(rows.ids) == two
    empty = sum(len(group) for each in whole.values() for group in each["messages"]) - sum(map(len, sent.values()))
    assert f"left out: {len(whole) - len(two):,} conversations without an answer, {empty} empty messages" in caplog.text
    for key, turns in zip(rows.ids, rows.messages, strict=True):
        roles = [turn["role"] for turn in turns]
        assert roles == [("user", "assistant")[i % 2] for i in range(len(roles))]
        assert "\n".join(turn["content"] for turn in turns) == "\n".join(message["text"] for message in sent[key])


def test_answers_to_one_question_stay_on_one_side(caplog):
    splits = splits_of("data=chatterbot", "model=tiny_causal")
    files = sorted(shipped("chatterbot_corpus", "data/english").glob("*.yml"))
    entries = [entry for file in files for entry in yaml.safe_load(file.read_text())["conversations"]]
    read = [turns for rows in splits.values() for turns in rows.messages]
    assert Counter(len(turns) for turns in read) == Counter(len(entry) for entry in entries if isinstance(entry, list))
    assert "trivia.yml: entries left out: 1 (a text alone)" in caplog.text
    asked = {name: {turns[0]["content"] for turns in rows.messages} for name, rows in splits.items()}
    assert not asked["train"] & asked["test"]
    assert not asked["train"] & asked["val"]


@pytest.mark.parametrize(
    ("source", "text", "fault"),
    [
        (Aclsum(), '{"id": 1}', ":1: its sections must be lists of sentences"),
        (Aclsum(), '{"sentences": {"abstract": "one"}}', ":1: its sections must be lists"),
        (Chitchat(), "[]", "not a JSON object of conversations"),
        (Chitchat(), "{", "not valid JSON"),
        (Chitchat(), '{"a": {"messages": [{"text": "x"}]}}', "conversation 'a': must hold messages in groups"),
        (Chitchat(), '{"a": {"messages": [[{"text": "x"}]]}}', "each with a text and a sender"),
        (Chatterbot(), "categories: [a]\n", "not a file of conversations"),
        (Chatterbot(), "- a\n", "not a file of conversations"),
        (Chatterbot(), "conversations:\n- - a\n b: [\n", r":\d: not valid YAML"),
    ],
)
def test_another_form_is_refused(tmp_path, source, text, fault):
    path = tmp_path / "rows.yml"
    path.write_text(text)
    with pytest.raises(DataError, match=fault):
        list(records_of(source, path))


def test_a_third_person_is_counted(tmp_path, caplog):
    messages = [[{"sender": sender, "text": "hi"}] for sender in "abc"]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"x": {"messages": messages}, "y": {"messages": messages[:2]}}))
    with caplog.at_level(logging.WARNING, "tunesmith"):
        (record,) = records_of(Chitchat(), path)
    assert record[1]["id"] == "y"
    assert "1 conversations of more than 2 people" in caplog.text


def test_a_folder_without_conversations_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a folder without files that end in \.yml"):
        Chatterbot().files(tmp_path)
