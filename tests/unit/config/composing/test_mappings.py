import shlex

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.config.composing.compose import compose, open_hydra
from tunesmith.config.composing.mappings import flow, mappings
from tunesmith.config.composing.overrides import parse, read_sweep
from tunesmith.config.composing.saved import resolve
from tunesmith.errors import ConfigError, Problem

BASE = ("data=csv", "data.path=/nowhere.csv", "model=tiny_encoder", "logger=none")
PARSER = OverridesParser.create()
anything = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def names_of(*overrides, **keys):
    return compose([*BASE, *overrides], **keys).config.data.label_names


def test_the_mappings_of_names_are_known_from_the_schema():
    texts = ("data.columns", "data.label_names", "data.roles", "model.head.words", "evaluation.sets")
    assert mappings() == {**dict.fromkeys(texts, True), "data.where": False}


@given(st.dictionaries(anything, anything, min_size=1, max_size=4))
def test_every_mapping_is_read_as_it_is_written_in_one_line_and_as_hydra_hands_it_on(entries):
    parsed = parse(f"data.label_names={flow(entries)}", PARSER)
    assert parsed.value() == entries
    assert PARSER.parse_overrides([parsed.input_line])[0].value() == flow(entries), "Hydra itself takes it, as one text"
    assert parse(parsed.input_line, PARSER, sweep=True).value() == entries


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("data.label_names={0: neg, 1: pos}", {"0": "neg", "1": "pos"}),
        ("data.label_names={0:neg,1:pos}", {"0": "neg", "1": "pos"}),
        ('data.label_names={"0": neg, "1": pos}', {"0": "neg", "1": "pos"}),
        ('data.label_names=\'{"0": neg, "1": pos}\'', {"0": "neg", "1": "pos"}),
        (
            "data.label_names={01: a, 1.0: b, 1e5: c, true: d, None: e}",
            dict(zip(("01", "1.0", "1e5", "true", "None"), "abcde", strict=True)),
        ),
        ("data.label_names={very good / très bon: good}", {"very good / très bon": "good"}),
        ('data.label_names={"technical ": 1}', {"technical ": "1"}),
        ("data.label_names.not.good: 50%=bad", {"not.good: 50%": "bad"}),
        ("data.label_names.0=true", {"0": "true"}),
        ("+data.label_names.très=very", {"très": "very"}),
        ('data.label_names={"a\\u200bb": "x, {y}"}', {"a\u200bb": "x, {y}"}),
    ],
)
def test_labels_have_any_name_however_they_are_typed(typed, names):
    assert names_of(typed) == names


def test_what_is_typed_last_adds_and_wins():
    assert names_of("data.label_names={0: a, 1: b}", "data.label_names.1=c", "data.label_names={2: d}") == {
        "0": "a",
        "1": "c",
        "2": "d",
    }


def test_the_values_of_a_filter_keep_their_types():
    where = compose([*BASE, 'data.where={"zip code": 1e5, ok: True, "n": 1, kind: "1", où: x y}', "data.where.a b=2"])
    assert where.config.data.where == {"zip code": 1e5, "ok": True, "n": 1, "kind": "1", "où": "x y", "a b": 2}


def test_a_key_that_stands_twice_and_what_no_grammar_reads_are_refused_with_a_form_that_works():
    assert "has the same key twice" in parse('data.label_names={"a": x, "a": y}', PARSER).rule
    problem = parse('data.label_names={"a: x', PARSER)
    assert isinstance(problem, Problem)
    (works,) = shlex.split(problem.hint.partition(" works")[0])
    assert parse(works, PARSER).value() == {"name": "value"}


@pytest.mark.parametrize("value", ["{0: neg, 1: pos}", '{"très bon": good}'])
def test_a_sweep_hands_the_mapping_on(value):
    texts = read_sweep([f"data.label_names={value}", "optimizer.lr=1e-3,1e-4"], open_hydra()[1].notes)
    OverridesParser.create().parse_overrides(texts)
    assert names_of(texts[0].removeprefix("++")) == names_of(f"data.label_names={value}")


def written(folder, names):
    (folder / "experiment").mkdir()
    (folder / "experiment" / "mine.yaml").write_text(f"# @package _global_\ndata:\n  label_names:\n{names}")
    return {"config_dirs": [folder]}


def test_numbers_are_names_in_yaml_too_and_the_command_line_wins(tmp_path):
    folder = written(tmp_path, "    0: negative\n    1: positive\n    2.5: half\n")
    names = {"0": "negative", "1": "positive", "2.5": "half"}
    assert names_of("experiment=mine", **folder) == names
    composed = compose([*BASE, "experiment=mine", "data.label_names.0=bad"], **folder)
    assert composed.config.data.label_names == composed.saved["data"]["label_names"] == names | {"0": "bad"}


def test_yes_and_no_as_names_have_to_be_quoted(tmp_path):
    with pytest.raises(ConfigError, match=r"data.label_names: has a true as a key: YAML reads yes, no") as refusal:
        names_of("experiment=mine", **written(tmp_path, "    yes: good\n    maybe: bad\n"))
    assert "Put it in quotes" in str(refusal.value)


TEXTS = ["run.name", "data.id_column", "data.text_pair_column", "logger.entity", "model.tokenizer", "data.split.column"]


@pytest.mark.parametrize("key", TEXTS)
def test_python_s_none_is_refused_and_null_and_the_quoted_word_are_taken(key):
    problem = parse(f"{key}=None", PARSER)
    assert (problem.where, problem.received) == (key, "None")
    null, word = problem.hint.removeprefix("Write ").removesuffix(" for the text").split(", or ")
    assert parse(null, PARSER).value() is None
    assert parse(*shlex.split(word), PARSER).value() == "None"


def test_python_s_none_is_refused_in_yaml_with_its_line(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nrun:\n  name: None\n")
    with pytest.raises(ConfigError, match=r"mine.yaml:3 run.name: None is null in Python, .* Write null"):
        compose([*BASE, "experiment=mine"], config_dirs=[tmp_path])


def test_a_text_that_looks_like_a_reference_is_kept_escaped():
    composed = compose([*BASE, 'data.text_column="\\${usd}"'])
    assert composed.config.data.text_column == "${usd}"
    again = resolve(yaml.safe_load(yaml.safe_dump(composed.saved)))
    assert again.data.text_column == "${usd}"
    with pytest.raises(ConfigError) as refusal:
        compose([*BASE, "data.text_column=${usd}"])
    (works,) = shlex.split(str(refusal.value).partition("To write this text: ")[2])
    assert compose([*BASE, works]).config.data.text_column == "${usd}"
