"""Properties of every task."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tunesmith.config.composing.compose import Composed, compose
from tunesmith.config.schema import RunConfig
from tunesmith.config.trust import trusting
from tunesmith.data.encoding import encode
from tunesmith.data.examples import Example
from tunesmith.data.rows import Rows, rows_of
from tunesmith.evaluation.metrics import compute_metrics
from tunesmith.inference.predict import predict
from tunesmith.models.families import family_of
from tunesmith.models.weights import load_config, load_tokenizer
from tunesmith.runs.record import Record, load_run
from tunesmith.tasks.registry import task_of
from tunesmith.tasks.task import Task
from tunesmith.training.instantiate import build_metrics
from tunesmith.training.networks import load_model
from tunesmith.training.start import train

SHORT = ("trainer.max_epochs=null", "trainer.max_steps=3", "trainer=cpu", "trainer.threads=1", "logger=none")
NUM_EXAMPLES = 12
NUM_ROWS = 40


@dataclass(frozen=True)
class Made:
    """A task with a few rows."""

    task: Task
    config: RunConfig
    examples: list[Example]
    rows: Rows

    def questions(self) -> list[Example]:
        """The inputs of the examples, without their answers."""
        data, asked = self.config.data, []
        for example in self.examples:
            record: dict[str, Any] = {data.text_column: example.text if example.words is None else list(example.words)}
            if data.text_pair_column is not None:
                record[data.text_pair_column] = example.pair
            asked.append(self.task.question(record, data))
        return asked


class TaskContract(ABC):
    """The suite of one task: subclass it with a name that begins with `Test`, and pytest runs it."""

    trust: ClassVar[tuple[str, ...]] = ()
    """The user's own modules that the overrides name."""
    config_dirs: ClassVar[tuple[Path, ...]] = ()
    """Folders with the user's own options."""

    @abstractmethod
    def overrides(self) -> list[str]:
        """Overrides that choose the task, a small model and the columns: `task=...`, `model=tiny_encoder`."""

    @abstractmethod
    def record(self, number: int) -> dict[str, Any]:
        """The record with a number, from 0: all different, with every label among the first twelve."""

    def composed(self, path: Path, *more: str) -> Composed:
        """Compose the task's config for a file of records.

        Args:
            path: The file, as JSON lines.
            more: Overrides in addition to those of the task.
        """
        data = ["data=jsonl", f"data.path={path}", f"data.cache_dir={path.parent / 'cache'}"]
        # A data option may choose a task, so the task comes after it.
        overrides = [*data, *self.overrides(), *more]
        return compose(overrides, config_dirs=self.config_dirs, trust=self.trust)

    def fresh(self, config: RunConfig) -> Task:
        """Create the task of a config."""
        with trusting(self.trust):
            return task_of(config.task)

    @pytest.fixture(scope="class")
    @classmethod
    def made(cls, tmp_path_factory: pytest.TempPathFactory) -> Made:
        """The task, its config, and the rows of a few records."""
        suite = cls()
        config = suite.composed(tmp_path_factory.mktemp("task") / "rows.jsonl").config
        task = suite.fresh(config)
        read = [task.read(suite.record(i), config.data) for i in range(NUM_EXAMPLES)]
        examples = [example for example in read if example is not None]
        assert len(examples) == NUM_EXAMPLES, "a record of the suite was read as empty"
        return Made(task, config, examples, rows_of([str(i) for i in range(NUM_EXAMPLES)], examples))

    @pytest.fixture(scope="class")
    @classmethod
    def ran(cls, tmp_path_factory: pytest.TempPathFactory) -> Record:
        """A run of three steps."""
        suite, folder = cls(), tmp_path_factory.mktemp("run")
        path = folder / "rows.jsonl"
        path.write_text("".join(json.dumps(suite.record(i)) + "\n" for i in range(NUM_ROWS)), encoding="utf-8")
        composed = suite.composed(path, *SHORT, "data.batch_size=8", f"run.root={folder / 'runs'}")
        return train(composed)

    def test_a_record_is_read_the_same_again(self, made: Made) -> None:
        """By another object and in another order: reading depends only on the record."""
        for number in reversed(range(NUM_EXAMPLES)):
            task = self.fresh(made.config)
            assert task.read(self.record(number), made.config.data) == made.examples[number]

    def test_what_was_learned_is_asked_as_it_stands(self, made: Made) -> None:
        """An input that the model was trained on is encoded the same way for prediction."""
        for example, question in zip(made.examples, made.questions(), strict=True):
            assert (question.text, question.words, question.pair) == (example.text, example.words, example.pair)
            assert question.label is None

    def test_a_record_that_lacks_its_text_is_no_example(self, made: Made) -> None:
        """It is empty, and the missing part has a name."""
        assert made.task.read(self.record(0) | {made.config.data.text_column: ""}, made.config.data) is None
        assert made.task.lacks

    def test_every_row_is_encoded_and_asks_for_something(self, made: Made) -> None:
        """Each row makes at least one sample, and each input to predict exactly one."""
        tokenizer, family = load_tokenizer(made.config.model), family_of(load_config(made.config.model))
        labels, data, rows = self.labels_of(made), made.config.data, made.rows
        samples = encode(rows, labels, tokenizer, data, made.task, family)
        assert set(samples.rows.tolist()) == set(range(len(rows)))
        assert len(samples) == len(samples.rows) == len(samples.weights)
        assert (samples.weights > 0).all()
        prompts = made.task.encode_inputs(rows_of(rows.ids, made.questions()), tokenizer, data, family)
        assert prompts.rows.tolist() == list(range(len(rows))), "an input is one sample"

    def test_labels_of_one_row_count_as_themselves(self, made: Made) -> None:
        """Equal labels compare equal; either all rows are sampled by one label each, or none."""
        labels = made.rows.labels
        assert all(made.task.comparable(label) == made.task.comparable(label) for label in labels)
        strata = made.task.strata(labels)
        assert strata is None or len(strata) == len(made.rows)

    def test_its_metrics_take_made_up_answers(self, made: Made) -> None:
        """The check made before a run starts: no metric fails, and at least one has a value."""
        labels = self.labels_of(made)
        answers, truths = made.task.made_up(labels)
        assert len(answers) == len(truths) <= 64
        metrics = build_metrics(made.config.evaluation, num_labels=len(labels))
        measured = compute_metrics(metrics, made.task.metric_inputs(answers, truths, labels))
        assert not measured.failures
        assert any(isinstance(value, float) and math.isfinite(value) for value in measured.values.values())

    def test_a_healthy_loss_is_not_doubted_and_an_absurd_one_is(self, made: Made) -> None:
        """Far above the loss of guessing, the metrics are not a result."""
        rows = made.rows
        truths: Sequence[Any] = rows.labels if made.task.traits.head or made.task.contradiction else [None] * len(rows)
        for loss, doubted in ((0.1, False), (1e6, True)):
            assert any("far above" in doubts for doubts in made.task.doubts("val", truths, truths, loss, 4)) is doubted

    def test_a_run_writes_a_prediction_for_every_row(self, ran: Record) -> None:
        """Once for each row of validation and test; and the saved model answers as the measured one did."""
        record = load_run(ran.path)
        rows = record.predictions()
        assert len(rows) == record.results["num_rows"]["val"] + record.results["num_rows"]["test"]
        assert all({"id", "split", "label", "prediction"} <= row.keys() for row in rows)
        assert len({(row["split"], row["id"]) for row in rows}) == len(rows)
        assert record.results["saved_difference"] < 1e-4

    def test_a_finished_run_answers_what_it_is_asked(self, ran: Record, made: Made) -> None:
        """The same answer each time, in a serialisable form."""
        questions = rows_of([str(number) for number in range(5)], made.questions()[:5])
        answers = predict(load_model(ran, trust=self.trust), questions)
        assert len(answers) == 5
        assert answers == predict(load_model(ran, trust=self.trust), questions)
        assert json.loads(json.dumps(answers)) == answers
        if made.task.traits.output == "labels" and not made.task.traits.takes_words:
            for answer in answers:
                assert set(answer["probabilities"]) == set(load_run(ran.path).labels)

    def labels_of(self, made: Made) -> list[str]:
        """Names of what the model has an output for."""
        return made.task.label_names({"train": made.rows}, made.config.data.label_column)
