"""Names of other tools are answered with what does the same here."""

import re

import pytest

from tunesmith import compose
from tunesmith.cli.help import VERBS as OURS
from tunesmith.config.checking.other_names import ABSENT, HYDRA, INSTEAD, KEYS, OPTIONS, SWEEPER, VALUES, VERBS
from tunesmith.config.folders import group_options
from tunesmith.config.outline import leaves
from tunesmith.errors import ConfigError

KEY = re.compile(r"\b(?:data|model|method|trainer|optimizer|scheduler|evaluation|run|logger)\.[a-z_.]+[a-z]")
OF_TARGETS = {"method.r", "method.target_modules", "method.modules_to_save"}
"""Fields of peft's LoraConfig."""


def told(*overrides):
    with pytest.raises(ConfigError) as caught:
        compose(["data=csv", "data.path=x.csv", *overrides])
    return str(caught.value)


def test_every_named_key_exists():
    known = {*leaves(), *OF_TARGETS, "model.config.attn_implementation"}
    assert {key for keys in KEYS.values() for key in keys} <= known
    sentences = [*INSTEAD.values(), *HYDRA.values(), *VALUES.values()]
    named = {key for sentence in sentences for key in KEY.findall(sentence)}
    assert "data.messages_column" in named, "the sentences are read at all"
    named = {key for key in named if not key.endswith("._target")}  # of a class, which takes any name
    named = {key for key in named if not key.startswith("evaluation.metrics.")}  # a metric has any name
    assert named <= known


def test_a_name_has_one_answer_and_is_not_ours():
    tables = [set(KEYS), set(INSTEAD), set(ABSENT)]
    assert sum(map(len, tables)) == len(set.union(*tables))
    ours = {leaf.rpartition(".")[2] for leaf in leaves()}
    assert not set.union(*tables) & ours


@pytest.mark.parametrize(
    "name",
    [
        *(
            "gradient_accumulation_steps",
            "learning_rate",
            "output_dir",
            "task_name",
            "ckpt_path",
            "lora_rank",
        ),
        *("completion_only_loss", "eval_dataset", "chat_template", "report_to"),
    ],
)
@pytest.mark.parametrize("node", ["", "data.", "trainer."])
def test_an_unknown_key_is_answered_with_ours(name, node):
    message = told(f"+{node}{name}=1")
    assert all(word in message for word in ([INSTEAD[name]] if name in INSTEAD else KEYS[name]))
    assert "Did you mean" not in message


@pytest.mark.parametrize("key", ["loss_type", "task.loss", "model.neftune_noise_alpha"])
def test_what_there_is_not_is_not_answered_with_a_key_that_sounds_alike(key):
    message = told(f"+{key}=x")
    assert "has no equivalent" in message
    assert "Did you mean" not in message


@pytest.mark.slow
def test_a_value_of_another_tool_is_answered():
    for (key, value), sentence in VALUES.items():
        assert sentence in told(f"{key}={'null' if value is None else value}")


@pytest.mark.slow
def test_an_option_of_another_tool_is_answered_on_the_command_line_and_in_a_file(tmp_path):
    options = group_options()
    for group, others in OPTIONS.items():
        assert not set(others) & set(options.get(group, ()))
        for option, sentence in others.items():
            assert sentence in told(f"{group}={option}")
            named = re.findall(rf"\b{group}=(\w+)", sentence)
            assert set(named) <= set(options.get(group, ()))
    (tmp_path / "experiment").mkdir()
    file = tmp_path / "experiment" / "mine.yaml"
    file.write_text("# @package _global_\ndefaults:\n  - override /logger: comet\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        compose(["experiment=mine"], config_dirs=[tmp_path])
    assert OPTIONS["logger"]["comet"] in str(caught.value)


def test_of_several_options_one_that_there_is_not_is_never_advised():
    assert "Choose one" not in told("logger=[csv,tensorboard]")
    assert "Choose one: logger=wandb" in told("logger=[wandb,none]")


def test_a_folder_of_hydras_is_answered_with_ours():
    assert "run.root" in told("hydra.run.dir=FOLDER")


def test_a_verb_of_another_tool_is_answered_with_ours(inside):
    assert {verb.split()[0] for verb in VERBS.values()} <= set(OURS)
    assert not set(VERBS) & set(OURS)
    for verb, ours in VERBS.items():
        answer = inside(verb, "RUN")
        assert (answer.returncode, f"Did you mean {ours}?" in answer.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("name", INSTEAD)
def test_every_name_is_answered(name):
    assert INSTEAD[name] in told(f"+{name}=1")


@pytest.mark.parametrize(
    ("override", "advice"),
    [
        ("optimizer=adafactor", "optimizer._target_=torch.optim.Adafactor"),
        ("scheduler=one_cycle_lr", "scheduler._target_=torch.optim.lr_scheduler.OneCycleLR"),
        ("optimizer.name=adafactor", "The class is named in optimizer._target_"),
        ("optimizer.lr='5e-5'", "without them: optimizer.lr=5e-5"),
        ("data.batch_size='32'", "without them: data.batch_size=32"),
        ("trainer.max_steps=0", "trainer.max_steps=1 optimizer.lr=1e-12"),
        ("hydra/launcher=joblib", HYDRA["hydra/launcher"]),
        ("hydra/sweeper=optuna", OPTIONS["hydra/sweeper"]["optuna"]),
    ],
)
def test_what_is_refused_is_answered_with_the_way(override, advice):
    assert advice in told(override)


def test_advised_classes_and_values_are_taken():
    data = ["data=csv", "data.path=x.csv"]
    optimizer = compose([*data, "optimizer._target_=torch.optim.Adafactor", "optimizer.lr=5e-5"]).config.optimizer
    assert (optimizer.target, optimizer.lr) == ("torch.optim.Adafactor", 5e-5)
    config = compose([*data, "trainer.max_steps=1", "optimizer.lr=1e-12"]).config
    assert (config.trainer.max_steps, config.optimizer.lr) == (1, 1e-12)


@pytest.mark.parametrize(
    ("override", "advice"),
    [
        ("hydra.sweeper.study_name=x", SWEEPER["study_name"]),
        ("hydra.sweeper.sampler.seed=1", SWEEPER["seed"]),
        ("hydra.sweeper.n_trails=3", "Did you mean hydra.sweeper.n_trials?"),
        ("hydra.sweeper.nothing_like_it=3", "Its keys are params, zip, "),
        ("hydra.sweeper.pruner={_target_: optuna.pruners.NopPruner, inner: {_target_: x}}", "A class may be named in"),
    ],
)
def test_a_key_of_a_search_is_answered_on_the_command_line(override, advice, inside):
    answer = inside("train", "-m", "data=csv", "data.path=x.csv", "optimizer.lr=1e-3,1e-4", override)
    assert (answer.returncode, advice in answer.stderr) == (2, True), answer.stderr


@pytest.mark.slow
def test_null_among_the_values_of_a_search_is_told_as_it_is_taken(inside):
    line = ["train", "-m", "data=csv", "data.path=x.csv", "model=tiny_encoder"]
    answer = inside(*line, "model.dropout=choice(null,0.1)")
    assert answer.returncode == 2
    assert "Write only the values: model.dropout=null,0.1" in answer.stderr
    assert inside(*line, "model.dropout=null,0.1").returncode == 3  # there is no such file


def test_a_name_that_is_ours_elsewhere_is_answered_by_the_whole_key():
    assert "model.name: no such key" in (message := told("+model.name=bert"))
    assert "Here it is model.path" in message


@pytest.mark.parametrize(
    ("overrides", "answer"),
    [
        (["logger=tensorboard", "logger.mode=online"], 'takes no mode (received "online"). It goes with logger=wandb'),
        (["logger=mlflow", "logger.entity=me"], 'takes no entity (received "me"). It goes with logger=wandb'),
        (["logger=tensorboard", "logger.log_model=true"], "takes no log_model (received true). logger=mlflow has it"),
        (["logger=tensorboard", "logger.save_dir=x"], "It goes with logger=tensorboard, as logger.folder"),
        (["logger=wandb", "logger.folder=x"], "logger=tensorboard has it"),
        (["logger.name=mlflow"], "Use logger=mlflow"),
        (["logger=tensorboard", "logger.name=wandb"], "To use that class: logger.name=null"),
        (["logger=none", "logger._target_=tunesmith.tracking.mlflow.MLflow"], "Add logger.name=null"),
        (["~logger"], "logger.name: is required. Set it: logger=wandb"),
    ],
)
def test_a_key_of_another_tracker_is_refused_with_the_tracker_that_has_it(overrides, answer):
    assert answer in told(*overrides)
