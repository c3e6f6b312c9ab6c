"""A run on texts of several columns, from training to the model card: the same as a run on the texts written out."""

import json

import pytest

from tests.conftest import reviews


def written(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.slow
def test_a_templated_run_is_the_run_on_the_texts_and_is_asked_with_the_columns(tiny, inside, tmp_path):
    rows = [(*text.partition(" ")[::2], label) for text, label in reviews(75)]
    columns = written(tmp_path / "columns.jsonl", [{"a": a, "b": b, "verdict": label} for a, b, label in rows])
    texts = written(tmp_path / "texts.jsonl", [{"text": f"{a}: {b}", "verdict": label} for a, b, label in rows])
    common = [word for word in tiny if not word.startswith(("data=", "data.path=", "data.text_column="))]
    template = ["data=jsonl", f"data.path={columns}", "data.template={{a}}: {{b}}"]
    done = inside("train", *common, *template, f"run.dir={tmp_path / 'one'}")
    assert done.returncode == 0, done.stderr
    assert inside("train", *common, "data=jsonl", f"data.path={texts}", f"run.dir={tmp_path / 'two'}").returncode == 0
    one, two = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("one", "two"))
    assert one["metrics"] == two["metrics"]
    assert one["data_fingerprint"] == two["data_fingerprint"]

    new = written(tmp_path / "new.jsonl", [{"a": "warm", "b": "and lovely"}, {"a": "dull", "b": ""}])
    plain = written(tmp_path / "plain.jsonl", [{"text": "warm: and lovely"}, {"text": "dull: "}])
    asked = [inside("predict", tmp_path / run, file) for run, file in (("one", new), ("two", plain))]
    assert asked[0].returncode == asked[1].returncode == 0
    assert asked[0].stdout == asked[1].stdout
    assert json.loads(asked[0].stdout.splitlines()[0])["text"] == "warm: and lovely"

    measured = inside("evaluate", tmp_path / "one", f"data.path={columns}", "--split", "all")
    assert measured.returncode == 0, measured.stderr
    exported = inside("export", tmp_path / "one", "--output", tmp_path / "folder")
    assert exported.returncode == 0, exported.stderr
    assert "```\n{{a}}: {{b}}\n```" in (tmp_path / "folder" / "README.md").read_text()

    refused = inside("predict", tmp_path / "one", plain)
    assert refused.returncode == 3
    assert "no column 'a', which data.template reads; the columns are 'text'" in refused.stderr

    from tunesmith import load_run
    from tunesmith.inference.predict import predict
    from tunesmith.training.networks import load_model

    trained = load_model(load_run(tmp_path / "one"))
    answers = predict(trained, [{"a": "warm", "b": "and lovely"}])
    assert answers[0]["prediction"] == json.loads(asked[0].stdout.splitlines()[0])["prediction"]
