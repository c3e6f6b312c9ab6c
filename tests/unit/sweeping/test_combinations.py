"""What single values allow and a model refuses is known of every point before the first trial."""

import functools

import pytest

from tunesmith.config.composing.composer import Composer
from tunesmith.errors import ConfigError, FilesError
from tunesmith.sweeping.combinations import check_combinations
from tunesmith.sweeping.execution.executors.in_process import InProcess
from tunesmith.sweeping.execution.trial_process import ENTRY
from tunesmith.sweeping.prepare import prepare
from tunesmith.sweeping.settings import read_settings


@functools.cache
def composer():
    return Composer()


def check(tiny, params, *overrides, **settings):
    """The number of configs that were judged; the sweep's points are those of `params`."""
    asked = []

    class Counting(InProcess):
        def call(self, entry, *arguments):
            asked.extend(arguments[0])
            return super().call(entry, *arguments)

    base = [text for text in tiny if text.partition("=")[0] not in params]
    sweep = prepare([*base, *overrides], read_settings({"params": params, **settings}), composer())
    check_combinations(sweep, Counting(1, ENTRY))
    return len(asked)


@pytest.mark.slow
def test_every_fault_is_named_with_the_points_that_have_it(tiny):
    params = {"model": "tiny_causal,tiny_encoder", "method": "bitfit,full", "data.max_length": "32,4096"}
    with pytest.raises(ConfigError) as caught:
        check(tiny, params)
    said = {problem.where: problem.rule for problem in caught.value.problems}
    assert said == {
        "method.name": "llama has no biases to train [with model=tiny_causal method=bitfit data.max_length=32]",
        "data.max_length": "the model has 512 positions [with model=tiny_causal method=bitfit data.max_length=4096"
        " and 3 more]",
    }


@pytest.mark.slow
def test_points_that_differ_in_nothing_that_counts_are_judged_once(tiny):
    params = {"optimizer.lr": "1e-4,1e-3", "data.batch_size": "8,16", "method": "full,lora"}
    assert check(tiny, params) == 2


def test_an_objective_of_a_label_has_to_be_one_of_the_data(tiny):
    lr = {"optimizer.lr": "1e-4,1e-3"}
    assert check(tiny, lr, metric="val/f1/good") == 1
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.metric: is not a number .* Did you mean val/f1/good\?"):
        check(tiny, lr, metric="val/f1/godo")


def test_a_metric_that_cannot_take_the_answers_is_told_before_the_first_trial(tiny):
    metric = "+evaluation.metrics.map._target_=torchmetrics.retrieval.RetrievalMAP"
    with pytest.raises(ConfigError, match=r"evaluation\.metrics\.map: cannot take the answers of task=classification"):
        check(tiny, {"optimizer.lr": "1e-4,1e-3"}, metric)


def test_a_model_that_is_not_there_is_a_fault_of_files(tiny):
    with pytest.raises(FilesError, match="does not exist"):
        check(tiny, {"optimizer.lr": "1e-4,1e-3"}, "model=encoder", "model.path=/nowhere/at/all")
