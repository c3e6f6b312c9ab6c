"""What a preview shows is what a run trains on, part by part."""

import json

import pytest

from tunesmith import compose
from tunesmith.data.tokenization import IGNORED
from tunesmith.reporting.preview import WIDTH, preview_lines, styled
from tunesmith.training.build import build_data

SHORT = ["data.max_length=24", "data.batch_size=4"]


def shown(folder, records, *overrides):
    """The data of a file with these records, and the lines of its first row."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    common = ["data=jsonl", f"data.path={path}", f"data.cache_dir={folder}", *SHORT]
    data = build_data(compose([*common, *overrides]).config)
    lines = list(preview_lines(data, "train", 1))
    assert lines[0].startswith("train row ")
    assert lines[-1] == ""
    return data, [(line[2 : 2 + WIDTH].strip(), line[2 + WIDTH :]) for line in lines[1:-1]]


@pytest.mark.slow
def test_a_conversation_is_parted_into_what_is_given_and_what_is_learned(tmp_path):
    turns = [("user", "hi\nthere"), ("assistant", "hello \x1b[31mred"), ("user", "more"), ("assistant", "yes")]
    records = [
        {"messages": [{"role": role, "content": f"{text} {number}"} for role, text in turns]} for number in range(20)
    ]
    chat = ["task=language_modeling", "model=tiny_causal", "data.messages_column=messages"]
    data, lines = shown(tmp_path, records, *chat)
    samples = data.dataset("train").samples
    number = data.splits["train"].ids[0]
    assert json.loads(lines[0][1]) == records[int(number)]
    lines = lines[1:]
    assert lines[:2] == [("user", f"hi\\nthere {number}"), ("assistant", f"hello  [31mred {number}")]
    parts = lines[4:-1]
    assert [name for name, _ in parts] == ["given", "learned", "given", "learned"]
    end = data.tokenizer.eos_token or data.tokenizer.sep_token
    assert all(text.endswith(end) for name, text in parts if name == "learned"), "the token that ends an answer shows"
    learned = int((samples.labels[0] != IGNORED).sum())
    assert lines[-1] == ("", f"{len(samples.tokens[0])} tokens, {learned} of them learned")
    ids = [data.tokenizer(text, add_special_tokens=False)["input_ids"] for name, text in parts if name == "learned"]
    assert sum(map(len, ids)) == learned, "read again, the learned parts are the tokens that are asked for"


def test_an_encoder_decoder_has_an_input_and_a_target(tmp_path):
    records = [{"text": f"a b {number}", "target": f"c d {number}"} for number in range(20)]
    writes = ["task=text_to_text", "model=tiny_seq2seq", "data.target_column=target"]
    data, lines = shown(tmp_path, records, *writes)
    number = data.splits["train"].ids[0]
    assert (lines[0][0], json.loads(lines[0][1])) == ("record", records[int(number)])
    assert lines[1:3] == [("text", f"a b {number}"), ("label", f"c d {number}")]
    assert [name for name, _ in lines[3:]] == ["input", "learned", ""]
    assert f"c d {number}" in lines[4][1]


@pytest.mark.parametrize(
    ("overrides", "record", "label"),
    [
        (["model=tiny_encoder"], {"text": "fine", "label": "good"}, "good"),
        (
            ["task=multi_label", "model=tiny_encoder"],
            {"text": "fine", "label": ["good", "long"]},
            "good, long",
        ),
        (
            ["task=token_classification", "model=tiny_encoder"],
            {"text": ["fine", "film"], "label": ["O", "B-X"]},
            "O, B-X",
        ),
    ],
    ids=["classification", "multi_label", "token_classification"],
)
def test_one_answer_stands_beside_the_tokens(tmp_path, overrides, record, label):
    others = {"good": "bad", "good, long": ["bad"], "O, B-X": ["B-X", "O"]}[label]
    records = []
    for number in range(30):
        text = record["text"]
        own = [*text[:-1], f"film{number}"] if isinstance(text, list) else f"{text} {number}"
        records.append({"text": own, "label": record["label"] if number % 2 == 0 else others})
    data, lines = shown(tmp_path, records, *overrides)
    assert (lines[0][0], json.loads(lines[0][1])) == ("record", records[int(data.splits["train"].ids[0])])
    lines = lines[1:]
    answer = data.splits["train"].labels[0]
    assert lines[1] == ("label", ", ".join(answer) if isinstance(answer, tuple) else answer)
    assert [name for name, _ in lines[2:]] == ["tokens", ""]
    ids = data.dataset("train").samples.tokens[0]
    assert lines[2][1] == data.tokenizer.decode(ids.tolist(), clean_up_tokenization_spaces=False)
    assert lines[3] == ("", f"{len(ids)} tokens")


def test_a_text_is_shown_as_the_template_writes_it_and_as_it_is_cleaned(tmp_path):
    records = [{"a": f"x {n}", "b": "cafe\u0301\u200b", "label": "uv"[n % 2], "id": f"r{n}"} for n in range(20)]
    clean = ["model=tiny_encoder", "data/cleaning=standard", "data.template={{b}}: {{a}}", "data.id_column=id"]
    data, lines = shown(tmp_path, records, *clean)
    number = int(data.splits["train"].ids[0][1:])
    assert json.loads(lines[0][1])["id"] == f"r{number}"
    assert lines[1] == ("text", f"cafe\u0301 : x {number}")
    assert lines[2] == ("cleaned", f"caf\xe9: x {number}")
    assert [name for name, _ in lines[3:]] == ["label", "tokens", ""]


def test_what_is_only_given_is_dim_and_special_tokens_stand_out():
    line = f"  {'given':<{WIDTH}}[CLS] [x] who? [SEP]"
    text = styled(line, ["[CLS]", "[SEP]"])
    assert text.plain == line
    marked = {line[span.start : span.end]: str(span.style) for span in text.spans}
    assert marked == {line[2 + WIDTH :]: "dim", "[CLS]": "bold cyan", "[SEP]": "bold cyan"}
    assert not styled("train row [SEP]", ["[SEP]"]).spans


def test_the_verb_shows_as_many_rows_as_are_asked_for(inside, tiny):
    done = inside("preview", *tiny, "-n", "2", "--split", "val")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("val row ") == 2
    refused = inside("preview", *tiny, "-n", "0")
    assert (refused.returncode, "-n: must be a whole number of at least 1" in refused.stderr) == (2, True)
