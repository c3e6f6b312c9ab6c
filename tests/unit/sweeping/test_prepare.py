"""A sweep read and judged whole before its first trial; refusals as a user reads them."""

import functools

import pytest
import yaml

from tunesmith.config.composing.composer import Composer
from tunesmith.errors import ConfigError
from tunesmith.sweeping.prepare import prepare
from tunesmith.sweeping.search.study import Study
from tunesmith.sweeping.settings import read_settings

LR = {"optimizer.lr": "choice(1e-4, 1e-3)"}


@functools.cache
def composer():
    return Composer()


def sweep_of(*texts, **settings):
    return prepare(["data=rotten_tomatoes", *texts], read_settings(settings), composer())


def refusal(*texts, **settings):
    with pytest.raises(ConfigError) as caught:
        sweep_of(*texts, **settings)
    return caught.value.problems


def test_nulls_are_decided_by_what_is_listed():
    grid = sweep_of(params=LR)
    assert (grid.sampler, grid.pruner, grid.n_trials, grid.rungs) == ("grid", ("none", {}), 2, ())
    assert (grid.objectives, grid.directions) == (("val/accuracy",), ("maximize",))
    drawn = sweep_of(params=LR | {"model.dropout": "interval(0.0, 0.1)"}, n_trials=7)
    assert (drawn.sampler, drawn.pruner[0], drawn.n_trials, drawn.rungs) == ("tpe", "asha", 7, (0.25, 0.5))
    part = sweep_of(params=LR | {"data.batch_size": "choice(8, 16)"}, n_trials=3)
    assert part.sampler == "tpe", "a part of a list is drawn"


def test_what_was_decided_stays_when_a_sweep_becomes_longer_or_shorter():
    for settings in ({"params": LR | {"data.batch_size": "choice(8, 16)"}, "n_trials": 3}, {"params": LR}):
        first = sweep_of(**settings)
        for count in (1, 2, 4):
            then = prepare(
                ["data=rotten_tomatoes"],
                read_settings(first.decided.model_dump() | {"n_trials": count}),
                composer(),
                check=False,
            )
            assert (then.sampler, then.pruner, then.rungs) == (first.sampler, first.pruner, first.rungs)
            assert then.n_trials == min(count, len(first.space.points()))


def test_initial_points_are_judged_before_the_start_and_kept():
    sweep = sweep_of(params=LR, initial=[{"optimizer.lr": 1e-3}])
    assert sweep.initial == ({"optimizer.lr": 1e-3},)
    assert sweep.decided.initial == [{"optimizer.lr": 1e-3}]
    for point, wanted in (
        ({"optimizer.lr": 5.0}, "cannot be 5.0"),
        ({"x": 1}, "x is not part of the search"),
        ({}, "no value"),
    ):
        (problem,) = refusal(params=LR, initial=[point])
        assert problem.where == "hydra.sweeper.initial[0]"
        assert wanted in problem.rule
    (problem,) = refusal(params=LR, initial="nowhere")
    assert problem.rule == "is not a sweep with a completed trial"


def test_a_plain_value_of_the_command_line_beats_the_file():
    sweep = sweep_of("optimizer.lr=5e-4", params=LR | {"data.batch_size": "choice(8, 16)"})
    assert [*sweep.space.parameters] == ["data.batch_size"]
    assert sweep.run.config.optimizer.lr == 5e-4


def test_every_point_of_a_grid_is_validated_and_each_fault_named_once():
    problems = refusal(params=LR | {"model.dropout": "choice(0.1, 1.5)", "data.batch_size": "choice(8, 0)"})
    assert sorted(problem.where for problem in problems) == ["data.batch_size", "model.dropout"]
    assert any("model.dropout=1.5" in str(problem) for problem in problems)


@pytest.mark.slow
def test_every_combination_of_groups_is_validated():
    params = {
        "method": "choice(full, lora)",
        "scheduler": "choice(linear, cosine)",
        "optimizer.lr": "interval(1e-5, 2.0e+9)",
    }
    with pytest.raises(ConfigError):
        sweep_of(params=params | {"method": "choice(full, no_such_method)"}, n_trials=3)


@pytest.mark.parametrize(
    ("settings", "where", "rule"),
    [
        ({"metric": "test/accuracy"}, "hydra.sweeper.metric", "never looks at the test split"),
        ({"metric": "val/nonsense"}, "hydra.sweeper.metric", "is not a number"),
        ({"params": {"seed": "choice(1, 2)"}}, "seed", "cannot be searched"),
        ({"params": {"data.split.seed": "choice(1, 2)"}}, "data.split.seed", "cannot be searched"),
        (
            {"metric": ["val/accuracy", "duration_s"], "pruner": "asha"},
            "hydra.sweeper.pruner",
            "several objectives have no order",
        ),
        ({"metric": "duration_s", "pruner": "asha"}, "hydra.sweeper.pruner", "does not change during training"),
        ({"params": {"model.dropout": "interval(0.0, 0.1)"}}, "hydra.sweeper.n_trials", "is required"),
        (
            {"params": {"model.dropout": "interval(0.0, 0.1)"}, "sampler": "grid", "n_trials": 3},
            "hydra.sweeper.sampler",
            "listed values",
        ),
        ({"pruner": {"name": "asha", "rungs": [0.5, 0.25]}}, "hydra.sweeper.pruner.rungs", "ascending fractions"),
        ({"pruner": {"name": "asha", "reduction": 1}}, "hydra.sweeper.pruner.reduction", "whole number"),
        ({"pruner": {"name": "asha", "nonsense": 1}}, "hydra.sweeper.pruner", "asha takes"),
        ({"pruner": {"name": "asha", "reduction": True}}, "hydra.sweeper.pruner.reduction", "whole number"),
        ({"pruner": {"name": "asha", "pauses": "maybe"}}, "hydra.sweeper.pruner.pauses", "true or false"),
        ({"pruner": {"name": "none", "foo": 1}}, "hydra.sweeper.pruner", "none takes no options"),
        ({"pruner": {"rungs": [0.5]}}, "hydra.sweeper.pruner", "does not name a pruner"),
        ({"sampler": {"n_startup_trials": 5}}, "hydra.sweeper.sampler", "does not name a sampler"),
        ({"sampler": {"foo": 1}}, "hydra.sweeper.sampler", "does not name a sampler"),
        ({"sampler": {}}, "hydra.sweeper.sampler", "does not name a sampler"),
        ({"sampler": {"name": "grid", "foo": 1}}, "hydra.sweeper.sampler", "grid takes no options"),
        ({"metric": []}, "hydra.sweeper.metric", "names no metric"),
        ({"exclude": [{"optimizer.lr": "interval(0, 1)"}]}, "hydra.sweeper.exclude", "leaves no point"),
        ({"n_trails": 3}, "hydra.sweeper.n_trails", "no such key"),
        ({"n_trials": 0}, "hydra.sweeper.n_trials", "greater than or equal to 1"),
        ({"sampler": {"_target_": "optuna.samplers.CmaEsSampler"}}, "hydra.sweeper.sampler", "unpickles"),
    ],
)
def test_refused_with_the_sentence(settings, where, rule):
    problems = refusal(**{"params": LR} | settings)
    assert any(problem.where == where and rule in problem.rule for problem in problems), problems


@pytest.mark.parametrize(
    "rungs", ["half", 0.5, ["a"], None, [], [True], [0.0, 0.5], [0.5, 1.0], [0.5, 0.5], [float("nan")]]
)
@pytest.mark.parametrize("pruner", [{"name": "asha"}, {"name": "median"}, {"_target_": "optuna.pruners.NopPruner"}])
def test_rungs_are_refused_that_are_no_fractions_in_order(rungs, pruner):
    with pytest.raises(ConfigError) as caught:
        read_settings({"pruner": pruner | {"rungs": rungs}})
    (problem,) = caught.value.problems
    assert problem.where == "hydra.sweeper.pruner.rungs"
    assert "[0.25, 0.5]" in problem.hint


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"n_jobs": 0}, "must be a whole number >= 1, or auto (received 0)"),
        ({"n_jobs": "all"}, 'or auto (received "all")'),
        ({"initial": [3]}, "each a mapping of keys to values, or the directory of another sweep (received [3])"),
        ({"metric": 3}, "must be a metric's name, or a list of names (received 3)"),
        ({"metric": [3, 4]}, "or a list of names (received [3, 4])"),
        ({"sampler": [3]}, "must be a name, or a mapping with name and options (received [3])"),
        ({"pruner": 0.5}, "must be a name, or a mapping with name and options (received 0.5)"),
    ],
)
def test_a_value_of_neither_of_two_types_is_one_problem(settings, sentence):
    with pytest.raises(ConfigError) as caught:
        read_settings(settings)
    (problem,) = caught.value.problems
    assert problem.where == f"hydra.sweeper.{next(iter(settings))}"
    assert sentence in str(problem)


def test_faults_of_several_settings_are_named_together():
    with pytest.raises(ConfigError) as caught:
        read_settings({"sampler": {"foo": 1}, "pruner": {"name": "asha", "pauses": "maybe", "rung": 1}, "metric": []})
    said = [str(problem) for problem in caught.value.problems]
    assert len(said) == 4
    assert "Give its name beside its options: {name: tpe, ...}" in said[0]
    assert "Did you mean rungs?" in said[1]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["hydra.sweeper.metric=test/accuracy"], "a search never looks at the test split"),
        (["seed=1,2"], "hydra.sweeper.repeats=3"),
        (["hydra.sweeper.pruner={name: asha, rungs: half}"], "must be ascending fractions between 0 and 1"),
        (["hydra.sweeper.sampler={n_startup_trials: 5}"], "does not name a sampler"),
        (
            ["hydra.sweeper.metric=[val/accuracy,duration_s]", "hydra.sweeper.pruner=asha"],
            "several objectives have no order",
        ),
    ],
)
def test_exit_code_2_and_nothing_is_left(line, sentence, inside, tiny, tmp_path):
    done = inside("train", "-m", *tiny, "optimizer.lr=1e-3,1e-2", *line)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_nothing_is_left_of_a_sweep_whose_storage_cannot_be_opened(inside, tiny, tmp_path):
    for storage, code in (("foo", 2), (f"sqlite:///{tmp_path}/nowhere/x.db", 5)):
        done = inside("train", "-m", *tiny, "optimizer.lr=1e-3,1e-2", f"hydra.sweeper.storage={storage}")
        assert done.returncode == code
        assert "hydra.sweeper.storage" in done.stderr
        assert "bug in Tunesmith" not in done.stderr
        assert not (tmp_path / "runs").exists()


def test_a_sweep_file_is_judged_the_same_way(inside, tiny, tmp_path):
    file = tmp_path / "mine.yaml"
    sweeper = {
        "params": {"optimizer.lr": "choice(1e-3, 1e-2)", "data.split.seed": "choice(1, 2)"},
        "exclude": [{"x": 1}],
    }
    file.write_text(yaml.safe_dump({"defaults": ["train", "_self_"], "hydra": {"sweeper": sweeper}}))
    done = inside("sweep", file, *tiny)
    assert done.returncode == 2
    assert "data.split.seed" in done.stderr
    assert "hydra.sweeper.exclude" in done.stderr


def test_a_search_does_not_guess_which_direction_is_better():
    total = ["+evaluation.metrics.total._target_=torchmetrics.SumMetric"]
    (problem,) = refusal(*total, params=LR, metric="val/total")
    assert problem.where == "hydra.sweeper.metric"
    assert "evaluation.mode=max" in problem.hint
    for mode, direction in (("min", "minimize"), ("max", "maximize")):
        said = sweep_of(*total, "evaluation.monitor=val/total", f"evaluation.mode={mode}", params=LR)
        assert said.directions == (direction,)
    hinge = ["+evaluation.metrics.hinge._target_=torchmetrics.HingeLoss", "+evaluation.metrics.hinge.task=multiclass"]
    assert sweep_of(*hinge, "evaluation.monitor=val/hinge", params=LR).directions == ("minimize",)


def test_a_search_is_not_led_by_a_matrix():
    matrix = "+evaluation.metrics.cm._target_=torchmetrics.classification.MulticlassConfusionMatrix"
    (problem,) = refusal(matrix, params=LR, metric="val/cm")
    assert (problem.where, problem.rule) == ("hydra.sweeper.metric", "is not a number that a run reports")


def test_no_more_trials_are_planned_than_there_are_points():
    few = sweep_of(params=LR | {"data.batch_size": "choice(8, 16)"}, n_trials=40, sampler="tpe")
    assert (few.n_trials, few.sampler) == (4, "tpe")
    assert sweep_of(params=LR | {"model.dropout": "interval(0.0, 0.1)"}, n_trials=40).n_trials == 40


SHARED = {"method": "choice(full, lora)", "optimizer.lr": "interval(1e-4, 1e-3)"}


def test_values_share_a_search_equally_with_a_judge_for_each():
    sweep = sweep_of(params=SHARED, equal="method", n_trials=6)
    study = Study(sweep.space, sweep.sampler, sweep.directions, equal="method")
    assert [study.ask()[1]["method"] for _ in range(4)] == ["full", "lora"] * 2
    judge = sweep.judge(study)
    assert [judge.report(number, 0, 0.5 - number) for number in range(4)] == ["pause"] * 2 + ["pause"] * 2
    assert judge.promote([0, 1, 2, 3]) == 0
    assert judge.promote([1, 2, 3]) == 1, "the best of lora, though worse than each of full"
    assert judge.promote([2, 3]) is None
    assert sweep.decided.equal == "method"


def test_what_cannot_be_shared_equally_is_refused_before_the_start():
    (problem,) = refusal(params=SHARED, equal="method", n_trials=7)
    assert (problem.where, problem.received) == ("hydra.sweeper.n_trials", "7")


def test_folds_are_the_replicates_of_a_point_and_of_one_config_alone():
    sweep = sweep_of("evaluation/crossval=stratified", repeats=2)
    assert (sweep.folds, sweep.replicates, sweep.n_trials, sweep.space.points()) == (5, 10, 1, [{}])
    assert sweep_of(params=LR, repeats=2).replicates == 2
    (problem,) = refusal(params={})
    assert problem.rule == "nothing is varied"


@pytest.mark.parametrize(
    ("overrides", "where", "words"),
    [
        (["evaluation/crossval=kfold", "data.split.fold=1"], "data.split.fold", "Leave it out"),
        (["evaluation/crossval=time", "data.split.column=day"], "hydra.sweeper.repeats", "Leave it out"),
        (["evaluation/crossval=time"], "data.split.column", "data.split.column=NAME"),
        (["evaluation/crossval=group"], "data.split.group_column", "data.split.group_column=NAME"),
    ],
)
def test_what_folds_lack_or_contradict_is_refused_before_the_start(overrides, where, words):
    with pytest.raises(ConfigError) as refused:
        sweep_of(*overrides, repeats=2)
    (problem,) = [problem for problem in refused.value.problems if problem.where.endswith(where)]
    assert words in problem.hint
