"""A leak of near copies raises what is measured on test, and not behind the gate."""

import random

import pytest

from tunesmith import compose, train

WORDS = [f"{first}{second}" for first in "bdfglm" for second in ("aran", "esel", "itor", "ovex")]
NUM_TRAIN, NUM_VAL, NUM_TEST = 60, 40, 100


def lines_of_a_leak(seed=0):
    """Rows whose label follows from nothing in them; 9 of 10 of val and test are in train with a word changed."""
    draw = random.Random(seed)

    def text():
        return " ".join(draw.choices(WORDS, k=24))

    def changed(row):
        words = row.split()
        words[draw.randrange(len(words))] = draw.choice(WORDS)
        return " ".join(words)

    rows = [(text(), "xy"[number % 2], "train") for number in range(NUM_TRAIN)]
    measured = [
        (text(), "xy"[number % 2], name)
        for name, count in (("val", NUM_VAL), ("test", NUM_TEST))
        for number in range(count)
    ]
    copies = [(changed(row), label, "train") for number, (row, label, _) in enumerate(measured) if number % 10]
    return ["text,label,split", *map(",".join, [*rows, *measured, *copies])]


@pytest.mark.slow
def test_near_copies_in_train_raise_test_accuracy_and_the_gate_takes_them_out(tmp_path, cache_dir, inside):
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines_of_a_leak()) + "\n", encoding="utf-8")
    data = ["data=csv", f"data.path={path}", "data.split.method=column", "data.split.column=split"]
    quick = ["model=tiny_encoder", "optimizer.lr=3e-3", "data.batch_size=8", "data.max_length=64", "callbacks=none"]
    still = ["trainer=cpu", "trainer.threads=1", "trainer.max_epochs=15", "logger=none"]
    places = [f"data.cache_dir={cache_dir}", f"run.root={tmp_path / 'runs'}"]
    line = [*data, *quick, *still, *places]
    without = train(compose(line))
    gated = train(compose([*line, "data.on_leak=remove", "data.near=0.7"]))
    assert gated.results["cleaned"]["on_leak"] == {"removed": {"train": 126}}
    assert gated.results["num_rows"] == {"train": NUM_TRAIN, "val": NUM_VAL, "test": NUM_TEST}
    assert without.metrics["test/accuracy"] > 0.75
    assert gated.metrics["test/accuracy"] < 0.65, "labels follow from nothing: 0.5 within 3 standard deviations"

    near = inside("evaluate", without.path, "data.near=0.7")
    assert near.returncode == 0, near.stderr
    told = "90 of the 100 rows evaluated here have a text that the run was trained on, or one at least 70% alike"
    assert told in " ".join(near.stdout.split())
    path.write_text("\n".join(lines_of_a_leak()[:40]) + "\n", encoding="utf-8")
    other = tmp_path / "other.csv"
    other.write_text("\n".join([*lines_of_a_leak()[:3], "quite new,x,test", "another,y,test"]), encoding="utf-8")
    gone = inside("evaluate", without.path, f"data.path={other}")
    assert gone.returncode == 0, gone.stderr
    told = "by its split.json, 2 of the 4 rows evaluated here have a text that it was trained on"
    assert told in " ".join(gone.stdout.split())
