"""What holds of every task: a new one is added to `RECORDS`, and all of this is asked of it."""

import json
import math
import typing

import pytest

from tunesmith import compose, load_model, load_run, train
from tunesmith.config.folders import group_options
from tunesmith.config.schema import Data
from tunesmith.config.schema import Task as TaskConfig
from tunesmith.config.tasks import TASKS, traits_of
from tunesmith.data.encoding import encode
from tunesmith.data.rows import rows_of
from tunesmith.evaluation.metrics import compute_metrics
from tunesmith.inference.predict import predict
from tunesmith.models.families import family_of
from tunesmith.models.weights import load_config, load_tokenizer
from tunesmith.tasks.registry import task_named, task_of
from tunesmith.training.instantiate import build_metrics

WORDS = ("plum", "oak", "hen", "pike")
RECORDS = {
    "classification": lambda i: {"text": f"a {WORDS[i % 4]} here", "label": ("no", "yes")[i % 2]},
    "multi_label": lambda i: {"text": f"a {WORDS[i % 4]} here", "label": [["a"], ["a", "b"], [], ["b"]][i % 4]},
    "regression": lambda i: {"text": f"a {WORDS[i % 4]} here", "label": i % 4 + 0.5},
    "token_classification": lambda i: {"text": ["a", WORDS[i % 4], "here"], "label": ["O", "B", "O" if i % 3 else "B"]},
    "language_modeling": lambda i: {"text": f"once there was a {WORDS[i % 4]} and that was number {i}"},
    "text_to_text": lambda i: {"text": f"name a thing, number {i}", "target": WORDS[i % 4]},
}
"""The i-th record of each task."""
MODELS = {"language_modeling": "tiny_causal", "text_to_text": "tiny_seq2seq"}


def setting(option, path="x.jsonl"):
    columns = [f"data.{key}={key.removesuffix('_column')}" for key in TASKS[option].required]
    model = MODELS.get(option, "tiny_encoder")
    return [f"task={option}", "data=jsonl", f"data.path={path}", f"model={model}", *columns]


@pytest.fixture(scope="module", params=list(TASKS))
def option(request):
    return request.param


@pytest.fixture(scope="module")
def made(option, tmp_path_factory):
    """The task, its config, and the rows of twelve records."""
    config = compose([*setting(option), f"data.cache_dir={tmp_path_factory.mktemp('cache')}"]).config
    task = task_of(config.task)
    examples = [task.read(RECORDS[option](i), config.data) for i in range(12)]
    assert None not in examples
    return task, config, rows_of([str(i) for i in range(12)], examples)


@pytest.fixture(scope="module")
def ran(option, tmp_path_factory):
    """A run of three steps."""
    folder = tmp_path_factory.mktemp(option)
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(RECORDS[option](i)) + "\n" for i in range(40)), encoding="utf-8")
    short = ["trainer.max_epochs=null", "trainer.max_steps=3", "trainer=cpu", "trainer.threads=1", "logger=none"]
    return train(compose([*setting(option, path), *short, "data.batch_size=8", f"run.root={folder / 'runs'}"]))


def test_the_config_knows_it():
    assert set(typing.get_args(TaskConfig.model_fields["name"].annotation)) == {
        traits.name for traits in TASKS.values()
    }
    assert set(TASKS) == set(group_options()["task"]) == set(RECORDS)
    assert set(TASKS) <= set(group_options()["evaluation"])


def test_its_names_agree(option):
    task, traits = task_named(option), TASKS[option]
    assert task.option == traits.option == option
    assert type(task).__module__ == f"tunesmith.tasks.{option}"
    assert traits_of(task.config) is traits
    assert traits_of(task.config.model_dump()) is traits
    assert set(traits.columns) <= set(Data.model_fields)
    assert set(traits.required) <= set(traits.columns)


def test_what_is_asked_is_the_input_of_what_is_learned(made):
    task, config, rows = made
    for i, text in enumerate(rows.texts):
        record = RECORDS[task.option](i)
        asked = {key: value for key, value in record.items() if key == config.data.text_column}
        question = task.question(asked, config.data)
        assert (question.text, question.label) == (text, None)


def test_a_record_that_lacks_its_text_is_no_example(made):
    task, config, _ = made
    assert task.read(RECORDS[task.option](0) | {"text": ""}, config.data) is None
    assert task.lacks


def test_every_row_is_encoded_and_asks_for_something(made):
    task, config, rows = made
    tokenizer, family = load_tokenizer(config.model), family_of(load_config(config.model))
    labels = task.label_names({"train": rows}, config.data.label_column)
    samples = encode(rows, labels, tokenizer, config.data, task, family)
    assert set(samples.rows.tolist()) == set(range(len(rows)))
    assert len(samples) == len(samples.rows) == len(samples.weights)
    assert (samples.weights > 0).all()
    unanswered = rows_of(rows.ids, [task.question(RECORDS[task.option](i), config.data) for i in range(len(rows))])
    prompts = task.encode_inputs(unanswered, tokenizer, config.data, family)
    assert prompts.rows.tolist() == list(range(len(rows))), "an input is one sample"


def test_labels_of_one_row_count_as_themselves(made):
    task, _, rows = made
    assert all(task.comparable(label) == task.comparable(label) for label in rows.labels)
    strata = task.strata(rows.labels)
    assert strata is None or len(strata) == len(rows)


def test_its_metrics_take_made_up_answers(made):
    task, config, rows = made
    labels = task.label_names({"train": rows}, config.data.label_column)
    answers, truths = task.made_up(labels)
    assert len(answers) == len(truths) <= 64
    measured = compute_metrics(
        build_metrics(config.evaluation, num_labels=len(labels)), task.metric_inputs(answers, truths, labels)
    )
    assert not measured.failures
    assert any(isinstance(value, float) and math.isfinite(value) for value in measured.values.values())


def test_a_healthy_loss_is_not_doubted_and_an_absurd_one_is(made):
    task, _, rows = made
    truths = rows.labels if task.traits.head or task.contradiction else [None] * len(rows)
    for loss, doubted in ((0.1, False), (1e6, True)):
        assert any("far above" in told for told in task.doubts("val", truths, truths, loss, 4)) is doubted


def test_a_run_writes_a_prediction_for_every_row(ran):
    record = load_run(ran.path)
    rows = record.predictions()
    assert len(rows) == record.results["num_rows"]["val"] + record.results["num_rows"]["test"]
    assert all({"id", "split", "label", "prediction"} <= row.keys() for row in rows)
    assert len({(row["split"], row["id"]) for row in rows}) == len(rows)
    assert record.results["saved_difference"] < 1e-4


def test_a_finished_run_answers_what_it_is_asked(ran, option):
    texts = [RECORDS[option](i)["text"] for i in range(5)]
    answers = predict(load_model(ran), texts)
    assert len(answers) == 5
    assert answers == predict(load_model(ran), texts)
    assert json.loads(json.dumps(answers)) == answers
    if TASKS[option].output == "labels" and not TASKS[option].takes_words:
        for answer in answers:
            assert set(answer["probabilities"]) == set(load_run(ran.path).labels)
