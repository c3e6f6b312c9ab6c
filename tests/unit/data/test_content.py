"""An id by content is that of the input alone, wherever the row stands; copies are counted."""

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import compose
from tunesmith.data.content import content_ids, input_hash, known_content_ids
from tunesmith.data.prepared import read_prepared
from tunesmith.data.rows import Rows
from tunesmith.tasks.registry import task_of

texts = st.lists(st.text(alphabet="ab \t", max_size=3), min_size=1, max_size=30)


def plain(several, **more):
    return Rows([str(number) for number in range(len(several))], several, ["x"] * len(several), **more)


@given(texts, st.randoms())
def test_an_id_follows_from_the_input_and_the_copies_before_it(several, draw):
    ids = content_ids(plain(several))
    assert len(set(ids)) == len(ids)
    for text, content_id in zip(several, ids, strict=True):
        assert input_hash(content_id) == hashlib.blake2b(text.strip().encode(), digest_size=8).hexdigest()
    shuffled = draw.sample(several, len(several))
    assert sorted(content_ids(plain(shuffled))) == sorted(ids), "the same rows in another order have the same ids"
    copies = Counter(text.strip() for text in several)
    numbers = Counter(int(content_id.partition("-")[2] or 1) for content_id in ids)
    assert numbers == Counter(number for count in copies.values() for number in range(1, count + 1))


def test_what_a_model_is_given_differs_in_the_id():
    talk = ({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})
    same = tuple(dict(reversed(turn.items())) for turn in talk)
    different = [
        *content_ids(plain(["a b"])),
        *content_ids(plain(["a", "a"], pairs=["b", "c"])),
        *content_ids(plain(["a b"], words=[("a b",)])),
        *content_ids(plain(["a"], messages=[talk])),
    ]
    assert len(set(different)) == 5
    assert content_ids(plain(["a"], messages=[same])) == content_ids(plain(["a"], messages=[talk]))
    assert content_ids(plain(["a", "a"], pairs=["b ", "b"])) == content_ids(plain([" a", "a"], pairs=["b", "b"]))


def test_rows_keep_their_id_through_cleaning_sampling_and_another_file(tmp_path):
    def rows_of(name, rows, *overrides):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        config = compose(["data=csv", f"data.path={tmp_path / name}", "data.split.method=random", *overrides]).config
        splits = read_prepared(config.data, task_of(config.task)).splits
        return {
            place: text for rows in splits.values() for place, text in zip(rows.content_ids, rows.texts, strict=True)
        }

    rows = [(f"text  {number // 2}", "xy"[number // 2 % 2]) for number in range(60)]
    whole = rows_of("one.csv", rows)
    assert len(whole) == 60
    cleaned = rows_of("one.csv", rows, "data/cleaning=[whitespace,duplicates]")
    assert cleaned.keys() < whole.keys(), "copies leave training"
    assert all(" ".join(whole[place].split()) == text for place, text in cleaned.items())
    few = rows_of("one.csv", rows, "data.num_rows=40")
    assert few.keys() < whole.keys()
    assert whole.items() > few.items()
    more = rows_of("two.csv", [("new", "x"), *[(text, "x") for text, _ in rows[::-1]], ("other", "y")])
    assert whole.items() < more.items()


def test_rows_made_in_python_are_a_data_set_of_their_own():
    assert known_content_ids(plain(["a", "a"])) == content_ids(plain(["a", "a"]))
    assert known_content_ids(plain(["a"], content_ids=["mine"])) == ["mine"]


@pytest.mark.slow
def test_predictions_carry_it_beside_the_id(finished, inside):
    with open(finished.config["data"]["path"], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = content_ids(plain([row["review"] for row in rows]))
    for row in finished.predictions():
        assert row["content_id"] == expected[int(row["id"])]
    ended = inside("evaluate", finished.path, "--split", "val")
    written = Path(ended.stdout.splitlines()[-1], "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    again = {row["id"]: row["content_id"] for row in map(json.loads, written)}
    assert again == {row["id"]: row["content_id"] for row in finished.predictions("val")}
