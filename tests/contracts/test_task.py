"""The suite of tasks over every one of ours: a new one gets a class here."""

import typing

from tunesmith.config.folders import group_options
from tunesmith.config.schema import Data
from tunesmith.config.schema import Task as TaskConfig
from tunesmith.config.tasks import TASKS, traits_of
from tunesmith.tasks.registry import task_named
from tunesmith.testing.tasks import TaskContract

WORDS = ("plum", "oak", "hen", "pike")


class Named(TaskContract):
    """A task that has a name in the group `task`."""

    option = ""
    model = "tiny_encoder"

    def overrides(self):
        columns = [f"data.{key}={key.removesuffix('_column')}" for key in TASKS[self.option].required]
        return [f"task={self.option}", f"model={self.model}", *columns]

    def test_its_names_agree(self):
        task, traits = task_named(self.option), TASKS[self.option]
        assert task.traits.option == traits.option == self.option
        assert type(task).__module__ == f"tunesmith.tasks.{self.option}"
        assert traits_of(task.config) is traits
        assert traits_of(task.config.model_dump()) is traits
        assert set(traits.columns) <= set(Data.model_fields)
        assert set(traits.required) <= set(traits.columns)


class TestClassification(Named):
    option = "classification"

    def record(self, number):
        return {"text": f"a {WORDS[number % 4]} here", "label": ("no", "yes")[number % 2]}


class TestMultiLabel(Named):
    option = "multi_label"

    def record(self, number):
        return {"text": f"a {WORDS[number % 4]} here", "label": [["a"], ["a", "b"], [], ["b"]][number % 4]}


class TestRegression(Named):
    option = "regression"

    def record(self, number):
        return {"text": f"a {WORDS[number % 4]} here", "label": number % 4 + 0.5}


class TestTokenClassification(Named):
    option = "token_classification"

    def record(self, number):
        return {"text": ["a", WORDS[number % 4], "here"], "label": ["O", "B", "O" if number % 3 else "B"]}


class TestLanguageModeling(Named):
    option = "language_modeling"
    model = "tiny_causal"

    def record(self, number):
        return {"text": f"once there was a {WORDS[number % 4]} and that was number {number}"}


class TestTextToText(Named):
    option = "text_to_text"
    model = "tiny_seq2seq"

    def record(self, number):
        return {"text": f"name a thing, number {number}", "target": WORDS[number % 4]}


def test_every_task_of_ours_is_asked():
    names = {traits.name for traits in TASKS.values()}
    assert set(typing.get_args(TaskConfig.model_fields["name"].annotation)) == names
    assert set(TASKS) == {suite.option for suite in Named.__subclasses__()}
    assert set(TASKS) <= set(group_options()["task"])
    assert set(TASKS) <= set(group_options()["evaluation"])
