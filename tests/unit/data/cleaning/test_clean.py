"""The steps of a config over the splits of a data set: order, counts, and what they never touch."""

import csv

import pytest

from tunesmith import compose
from tunesmith.config.fingerprint import fingerprint
from tunesmith.data.cleaning.clean import Removed, clean_texts, cleaned
from tunesmith.data.cleaning.markup import Markup
from tunesmith.data.prepared import read_prepared
from tunesmith.data.rows import Rows
from tunesmith.data.splits import data_fingerprint, read_splits
from tunesmith.errors import ConfigError, DataError
from tunesmith.tasks.registry import task_of
from tunesmith.testing.cleaning import labelled

TEXTS = {
    "train": ["cafÃ© one", "café  one", "<br />", "two\x07 words", "two words"],
    "val": ["cafÃ© one", "café  one", "<br />"],
    "test": [],
}
LABELS = {"train": "xxyxy", "val": "xyx", "test": ""}


def config_of(*overrides):
    return compose(["data=csv", "data.path=rows.csv", *overrides]).config


def clean(*overrides):
    config = config_of(*overrides)
    splits = {name: labelled(texts, LABELS[name]) for name, texts in TEXTS.items()}
    return cleaned(splits, config.data, task_of(config.task)), splits


def test_texts_are_cleaned_before_rows_are_compared_whatever_the_order():
    for order in ("[duplicates,unicode,whitespace]", "[unicode,whitespace,duplicates]"):
        result, _ = clean(f"data/cleaning={order}")
        assert result.splits["train"].texts == ["café one", "<br />", "two\x07 words", "two words"]
        assert result.counts == {
            "unicode": {"changed": {"train": 1, "val": 1}},
            "whitespace": {"changed": {"train": 1, "val": 1}},
            "duplicates": {"removed": {"train": 1}},
        }
        assert result.removed == [Removed("train", "row 1", 3, "duplicates", "repeats line 2")]


def test_rows_in_whose_text_nothing_is_left_go_from_training_alone():
    result, splits = clean("data/cleaning=[markup]")
    assert result.counts == {"markup": {"changed": {"train": 1, "val": 1}}, "emptied": {"removed": {"train": 1}}}
    assert result.splits["val"].texts == [*splits["val"].texts[:2], " "]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ('one<br clear="all"/>two <a href=x>three</a>', "one two three"),
        ("<p>one</p><input disabled name='a'>two<td nowrap >", " one  two "),
        ("&amp;lt;br&amp;gt; AT&T &eacute;", "  AT&T é"),
        ("<!-- a --><script async>b</script>c", "  c"),
        *((same, same) for same in ("the <unk> I <3", "if a<b and c>d", "x<i, j>y", "<http://a.b/c>", "List<String>")),
    ],
)
def test_what_only_looks_like_a_tag_stays(text, plain):
    assert Markup().clean(text) == plain


def test_row_steps_come_in_the_order_of_the_config():
    first, _ = clean("data/cleaning=[standard,conflicts]")
    assert first.counts["conflicts"] == {"removed": {"train": 2}, "kept": {"val": 2}}
    majority = labelled(["a", "a", "a", "b"], "xxyx")
    for order, kept in (("[conflicts,duplicates]", ["a", "b"]), ("[duplicates,conflicts]", ["b"])):
        config = config_of(f"data/cleaning={order}", "data.cleaning.conflicts.keep=majority")
        result = cleaned({"train": majority}, config.data, task_of(config.task))
        assert result.splits["train"].texts == kept


def test_a_step_may_clean_the_other_splits_too():
    result, _ = clean("data/cleaning=[standard,conflicts]", "data.cleaning.conflicts.only_train=false")
    assert result.splits["val"].texts == ["<br />"]
    assert result.counts["conflicts"] == {"removed": {"train": 2, "val": 2}}


def test_a_step_can_be_left_out_of_an_option():
    for leaving_out in ("~data.cleaning.duplicates", "data.cleaning.duplicates=null"):
        result, _ = clean("data/cleaning=standard", leaving_out)
        assert "duplicates" not in result.counts


def test_without_steps_rows_are_the_same_object_and_the_config_is_that_of_before():
    result, splits = clean()
    assert all(result.splits[name] is splits[name] for name in splits)
    saved = compose([]).saved
    before = saved | {"data": {key: value for key, value in saved["data"].items() if key != "cleaning"}}
    assert fingerprint(saved) == fingerprint(before), "configs that were saved before there were steps"
    assert fingerprint(saved) != fingerprint(compose(["data/cleaning=standard"]).saved)


def test_new_inputs_are_cleaned_and_never_left_out():
    data = config_of("data/cleaning=[markup,length,duplicates]").data
    inputs = Rows(list("0123"), ["<b>a</b>", "a", "a", "<br/>"], [None] * 4)
    assert clean_texts(inputs, data).texts == ["a", "a", "a", " "]


def test_texts_that_are_no_single_text_are_not_changed_in_silence():
    config = config_of("data/cleaning=standard")
    words = Rows(["0"], ["a b"], [("O", "O")], words=[("a", "b")])
    with pytest.raises(DataError, match=r"lists of words.*~data\.cleaning\.unicode"):
        cleaned({"train": words}, config.data, task_of(config.task))


def test_that_nothing_is_left_is_refused_with_what_took_it():
    config = config_of("data/cleaning=length", "data.cleaning.length.least=100")
    with pytest.raises(DataError, match=r"no rows in train: length removed 5 in train"):
        cleaned({"train": labelled(TEXTS["train"])}, config.data, task_of(config.task))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("+data.cleaning.mine._target_=torch.nn.Linear", "must derive from"),
        (
            "+data.cleaning.mine._target_=tunesmith.data.cleaning.markup.Markap",
            "Did you mean tunesmith.data.cleaning.markup.Markup?",
        ),
        ("data.cleaning.duplicates.only_trian=false", "Did you mean data.cleaning.duplicates.only_train?"),
        ("data/cleaning=[standard,none]", "takes one option"),
    ],
)
def test_a_step_that_is_none_is_refused_before_anything_is_read(override, words):
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        compose(["data/cleaning=standard", override])


def test_read_and_cleaned_rows_have_a_fingerprint_of_their_own(tmp_path):
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = [(f"text  {number} of many", "xy"[number % 2]) for number in range(60)]
        csv.writer(file).writerows([("text", "label"), *rows, ("text  1 of many", "y")])
    plain, steps = (config_of(f"data.path={path}", f"data/cleaning={name}") for name in ("none", "standard"))
    raw, prepared = read_splits(plain.data, task_of(plain.task)), read_prepared(steps.data, task_of(steps.task))
    assert read_prepared(plain.data, task_of(plain.task)).splits == raw
    assert data_fingerprint(raw) != data_fingerprint(prepared.splits)
    for name, part in prepared.splits.items():
        assert set(part.ids) <= set(raw[name].ids), "cleaning moves no row to another split"
        assert all("  " not in text for text in part.texts)
    assert prepared.facts["cleaned"]["whitespace"]["changed"] == {name: len(part) for name, part in raw.items()}
