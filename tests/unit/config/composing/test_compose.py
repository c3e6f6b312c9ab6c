"""Composition: what is composed, what is saved, what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tunesmith.config.composing.compose import compose, compose_from
from tunesmith.config.composing.saved import resolve
from tunesmith.config.outline import leaves
from tunesmith.errors import ConfigError, Problem

UNHURRIED = settings(
    deadline=None, derandomize=True, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def problems(*overrides: str, config_dirs: tuple[Path, ...] = (), trust: tuple[str, ...] = ()) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        compose(overrides, config_dirs=config_dirs, trust=trust)
    assert caught.value.exit_code == 2
    return caught.value.problems


def only(*overrides: str, **more: Any) -> Problem:
    found = problems(*overrides, **more)
    assert len(found) == 1, [str(problem) for problem in found]
    return found[0]


def option(folder: Path, path: str, text: str) -> Path:
    file = folder / f"{path}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


class TestSaved:
    def test_references_stay_and_resolve_to_the_same_config(self) -> None:
        composed = compose()
        assert composed.saved["data"]["path"].startswith("${package_file:")
        assert resolve(composed.saved) == composed.config

    def test_no_environment_value_is_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET_TEAM", "hunter2")
        composed = compose(
            ["logger.entity=${oc.env:SECRET_TEAM}", "run.name=by-${logger.entity}", "run.tags=[${run.name}]"]
        )
        assert composed.config.run.name == "by-hunter2"
        assert composed.config.run.tags == ["by-hunter2"]
        assert "hunter2" not in yaml.safe_dump(composed.saved)
        assert resolve(composed.saved) == composed.config

    def test_number_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LR", "0.5")
        composed = compose(["optimizer.lr='${oc.decode:${oc.env:LR}}'"])
        assert composed.config.optimizer.lr == 0.5
        assert composed.saved["optimizer"]["lr"] == "${oc.decode:${oc.env:LR}}"

    def test_other_references_are_resolved(self) -> None:
        assert compose(["data.split.seed=${seed}", "seed=7"]).saved["data"]["split"]["seed"] == 7

    def test_paths_are_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "net").mkdir()
        saved = compose(["data=csv", "data.path=a/b.csv", "model.path=net"]).saved
        assert saved["data"]["path"] == str(tmp_path / "a/b.csv")
        assert saved["model"]["path"] == str(tmp_path / "net")
        assert compose(["model.path=org/name"]).saved["model"]["path"] == "org/name"

    def test_home_is_expanded(self) -> None:
        assert compose(["data=csv", "data.path=~/x.csv"]).saved["data"]["path"] == os.path.expanduser("~/x.csv")


class TestText:
    @pytest.mark.slow
    @given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=20))
    @example("~/x(1),a=b.csv")
    @example("größe {a} [b] 'c' \"d\".csv")
    @example("reviews(1)")
    @example("007")
    @example("true")
    @example("1e3")
    @example("a:b@c;d#e%f&g|h<i>j?k*l")
    @UNHURRIED
    def test_any_path_is_taken_as_typed(self, path: str) -> None:
        # Quotes, escapes, references, null and functions keep the meaning that they have in Hydra's grammar.
        assume(path == path.strip() and path[0] not in "'\"" and "\\" not in path and "$" not in path)
        assume(path.lower() != "null" and path != "???")
        composed = compose(["data=csv", f"data.path=/tmp/{path}", f"run.name={path}"])
        assert composed.config.data.path == str(Path(f"/tmp/{path}"))
        assert composed.config.run.name == path

    def test_what_the_grammar_means_is_kept(self) -> None:
        assert compose(["run.name=null"]).config.run.name is None
        assert compose(["run.name='a b'"]).config.run.name == "a b"
        assert compose(["run.name=${data.order}"]).config.run.name == "bucketed"

    @pytest.mark.parametrize("key", ["optimizer.betas", "data.batch_size", "model.config.x", "run.tags"])
    @pytest.mark.parametrize("value", ["a(b", "~x", "größe", "a b=c", "it's ("])
    def test_suggested_quotes_parse(self, key: str, value: str) -> None:
        import shlex

        from hydra.core.override_parser.overrides_parser import OverridesParser

        problem = only(f"{key}={value}") if key != "data.batch_size" else problems(f"{key}={value}")[0]
        if problem.hint and problem.hint.startswith("Quote the value: "):
            (argument,) = shlex.split(problem.hint.removeprefix("Quote the value: "))
            parsed = OverridesParser.create().parse_overrides([argument])[0]
            assert parsed.key_or_group == key
            assert parsed.value() == value


TYPED = [key for key in leaves() if "." in key and "_target_" not in key and not key.startswith("callbacks")]


class TestSuggestions:
    @pytest.mark.slow
    @given(st.sampled_from(TYPED), st.data())
    @UNHURRIED
    def test_a_typo_of_one_letter_names_the_key(self, key: str, data: st.DataObject) -> None:
        position = data.draw(st.integers(len(key.rpartition(".")[0]) + 1, len(key) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "swap"]))
        letter = key[position]
        typo = {
            "drop": key[:position] + key[position + 1 :],
            "double": key[:position] + letter * 2 + key[position + 1 :],
            "swap": key[: position - 1] + letter + key[position - 1] + key[position + 1 :],
        }[kind]
        assume(typo not in TYPED and not typo.endswith(".") and typo.rpartition(".")[0] == key.rpartition(".")[0])
        assume(len(key.rpartition(".")[2]) > 2 or kind == "double")
        found = next(problem for problem in problems(f"{typo}=1") if problem.where == typo)
        assert found.hint is not None
        assert key in found.hint

    def test_three_faults_at_once(self) -> None:
        found = problems("optimizer.lrr=1", "modle=minilm", "data.batch_size=0")
        text = "\n".join(map(str, found))
        assert len(found) == 3
        assert "Did you mean optimizer.lr?" in text
        assert "Did you mean model=minilm?" in text
        assert "data.batch_size: must be a whole number of at least 1 (received 0)" in text

    @pytest.mark.parametrize(
        ("override", "hint"),
        [
            ("lr=1", "optimizer.lr"),
            ("batch_size=4", "data.batch_size"),
            ("model=minlm", "minilm"),
            ("method.r=4", "method=lora has it"),
            ("scheduler.patience=2", "scheduler=plateau has it"),
            ("data.order=bucketd", "bucketed"),
            ("evaluation.monitor=val/acuracy", "val/accuracy"),
            ("evaluation.monitor=val/f1", "val/f1/<label>"),
            ("optimizer._target_=torch.optim.AdmaW", "torch.optim.AdamW"),
            ("callbacks.early_stopping.patienc=2", "callbacks.early_stopping.patience"),
            ("optimizer.amsgard=true", "optimizer.amsgrad"),
            ("+optimizer.lrr=1", "optimizer.lr"),
            ("++optimizer.lrr=1", "optimizer.lr"),
            ("experiment=quickstar", "quickstart"),
        ],
    )
    def test_nearest(self, override: str, hint: str) -> None:
        assert hint in (only(override).hint or "")


class TestOverrides:
    @pytest.mark.parametrize("plus", ["", "+", "++"])
    def test_keyword_of_the_target_is_accepted(self, plus: str) -> None:
        composed = compose([f"{plus}optimizer.amsgrad=true"])
        assert composed.config.optimizer.kwargs()["amsgrad"] is True

    def test_keywords_follow_a_new_target(self) -> None:
        composed = compose(["optimizer._target_=torch.optim.RMSprop", "optimizer.alpha=0.9"])
        assert composed.config.optimizer.kwargs()["alpha"] == 0.9
        assert "takes no alpha" in only("optimizer.alpha=0.9").rule

    @pytest.mark.parametrize("plus", ["", "+"])
    def test_new_entries_of_free_mappings(self, plus: str) -> None:
        composed = compose(
            [
                f"{plus}callbacks.timer._target_=pytorch_lightning.callbacks.Timer",
                f"{plus}callbacks.timer.duration=00:01:00:00",
                f"{plus}evaluation.metrics.mcc._target_=torchmetrics.classification.MulticlassMatthewsCorrCoef",
                f"{plus}data.where.label=1",
                f"{plus}model.config.num_hidden_layers=3",
                "evaluation.monitor=val/mcc",
            ]
        )
        assert set(composed.config.callbacks) == {"early_stopping", "timer"}
        assert composed.config.data.where["label"] == 1

    def test_removal(self) -> None:
        assert compose(["~callbacks.early_stopping"]).config.callbacks == {}
        assert compose(["callbacks.early_stopping=null"]).config.callbacks == {"early_stopping": None}
        assert only("~optimizer.lrx").rule == "no such key to remove"

    @pytest.mark.parametrize("override", ["experiment=null", "~experiment", "debug=null"])
    def test_no_option(self, override: str) -> None:
        assert compose([override]).config == compose([]).config

    def test_dict_value(self) -> None:
        assert compose(["optimizer={lr: 0.5, momentum: 0.1}", "optimizer=sgd"]).config.optimizer.lr == 0.5
        assert "optimizer.lrr" in only("optimizer={lrr: 0.5}").where

    @pytest.mark.parametrize("override", ["data.batch_size=1,2", "optimizer.lr=choice(1,2)", "model=minilm,bert_base"])
    def test_a_sweep_needs_m(self, override: str) -> None:
        assert "-m" in (only(override).hint or "")

    @pytest.mark.parametrize(
        "override",
        [
            "hydra.job.name=x",
            "+hydra.callbacks.x._target_=builtins.open",
            "hydra.searchpath=[file:///tmp]",
            "hydra/launcher=basic",
            "hydra.run.dir=/tmp",
            "++hydra.job.env_set.LD_PRELOAD=x",
            "~hydra.sweeper",
        ],
    )
    def test_hydra_is_not_to_be_changed(self, override: str) -> None:
        assert only(override).rule == "a config may not change how Hydra runs"

    @pytest.mark.parametrize("override", ["hydra.verbose=true", "hydra/sweeper=basic"])
    def test_but_for_a_few_keys(self, override: str) -> None:
        assert compose([override]).config == compose([]).config

    def test_without_equals(self) -> None:
        assert "key=value" in (only("optimizer").hint or "")


class TestRules:
    @pytest.mark.parametrize(
        ("overrides", "where"),
        [
            (["data.micro_batch_size=7"], "data.batch_size"),
            (["data.split.val_fraction=0.5", "data.split.test_fraction=0.5"], "data.split"),
            (["data.split.method=column"], "data.split.column"),
            (["data.split.column=part"], "data.split.column"),
            (["data.split.val_fraction=0"], "data.split.val_fraction"),
            (["trainer.max_epochs=null"], "trainer"),
            (["trainer.val_check_interval=1.5"], "trainer.val_check_interval"),
            (["trainer.accelerator=cpu", "trainer.precision=16-mixed"], "trainer.precision"),
            (["scheduler=plateau", "scheduler.warmup_fraction=0.1"], "scheduler.warmup_fraction"),
            (["evaluation.monitor=test/accuracy"], "evaluation.monitor"),
            (["evaluation.monitor=train/loss"], "evaluation.monitor"),
            (["callbacks.early_stopping.monitor=val/nope"], "callbacks.early_stopping.monitor"),
            (["model.path=null", "model.tokenizer=x"], "model.path"),
            (["model.path=null", "model.init=random", "model.tokenizer=x"], "model"),
            (["model=tiny_encoder", "model.tokenizer=null"], "model.tokenizer"),
            (["model=encoder"], "model.path"),
            (["model=encoder", "model.init=random"], "model"),
            (["model.path=/tmp", "model.revision=main"], "model.revision"),
            (["method=lora", "method.name=full"], "method._target_"),
            (["method.name=lora"], "method._target_"),
            (["logger=none", "logger.log_model=true"], "logger.log_model"),
            (["optimizer.lr=nan"], "optimizer.lr"),
            (["optimizer.lr=-1"], "optimizer.lr"),
            (["optimizer.lr=inf"], "optimizer.lr"),
            (["optimizer.lr=abc"], "optimizer.lr"),
            (["seed=-1"], "seed"),
            (["trainer.devices=2"], "trainer.devices"),
            (["optimizer.foreach=3"], "optimizer.foreach"),
            (["scheduler.num_training_steps=5"], "scheduler.num_training_steps"),
            (["trainer.fast_dev_run=true"], "trainer.fast_dev_run"),
            (["trainer.logger=false"], "trainer.logger"),
            (["optimizer._target_=torch.optim.Optimizer"], "optimizer._target_"),
            (["trainer._target_=pytorch_lightning.LightningModule"], "trainer._target_"),
            (["scheduler=constant", "scheduler._target_=torch.optim.lr_scheduler.StepLR"], "scheduler.step_size"),
            (["evaluation.metrics.accuracy.average=mean"], "evaluation.metrics.accuracy.average"),
            (["evaluation.metrics.accuracy.num_classes=3"], "evaluation.metrics.accuracy.num_classes"),
            (["data=csv"], "data.path"),
        ],
    )
    def test_refused(self, overrides: list[str], where: str) -> None:
        found = only(*overrides)
        assert found.where.rpartition(" ")[2] == where

    def test_the_run_to_start_from_is_asked_for_and_nothing_else(self) -> None:
        assert str(only("model=from_run")) == "model.from_run: is required. Set it: model.from_run=RUN"

    @pytest.mark.parametrize(
        ("overrides", "example"),
        [
            (["method=freeze"], "method.frozen=[embeddings]"),
            (["method=last_layers", "method.layers=null"], "method.layers=2"),
            (["method=gradual", "method.unfrozen_by=null"], "method.unfrozen_by=0.5"),
        ],
    )
    def test_what_a_method_needs_is_shown_by_a_value_that_works(self, overrides: list[str], example: str) -> None:
        assert only(*overrides).hint == f"Set it, e.g. {example}"
        compose([*overrides, example])

    @pytest.mark.parametrize(
        "overrides",
        [
            ["evaluation.monitor=val/loss"],
            ["evaluation.monitor=val/f1/positive"],
            ["data.split.method=column", "data.split.column=part", "data.split.val_fraction=0"],
            ["data.micro_batch_size=8"],
            ["trainer.max_epochs=null", "trainer.max_steps=5"],
            [
                "scheduler._target_=torch.optim.lr_scheduler.StepLR",
                "scheduler.warmup_fraction=0",
                "scheduler.step_size=3",
            ],
            ["trainer.val_check_interval=0.5"],
            ["trainer.val_check_interval=10"],
            ["gradient_clip_val=1".join(["trainer.", ""])],
            ["evaluation.metrics.f1.sync_on_compute=false"],
            ["method=lora", "method.target_modules=[query,key]", "method.use_dora=true"],
            ["method._target_=peft.IA3Config", "method.name=lora"],
        ],
    )
    def test_accepted(self, overrides: list[str]) -> None:
        compose(overrides)


class TestFiles:
    def test_three_faults_with_file_and_line(self, tmp_path: Path) -> None:
        option(
            tmp_path,
            "experiment/bad",
            "# @package _global_\ndefaults:\n  - override /modle: minilm\n  - _self_\n"
            "optimizer:\n  lrr: 1\ndata:\n  batch_size: 0\n",
        )
        found = problems("experiment=bad", config_dirs=(tmp_path,))
        assert {problem.where.rpartition("/")[2] for problem in found} == {
            "bad.yaml:3 defaults",
            "bad.yaml:6 optimizer.lrr",
            "bad.yaml:8 data.batch_size",
        }
        assert [bool(problem.hint) for problem in found if "batch_size" not in problem.where] == [True, True]

    def test_an_override_hides_the_line(self, tmp_path: Path) -> None:
        option(tmp_path, "optimizer/mine", "_target_: torch.optim.AdamW\nlr: -1\n")
        assert ":2 optimizer.lr" in only("optimizer=mine", config_dirs=(tmp_path,)).where
        assert only("optimizer=mine", "optimizer.lr=-2", config_dirs=(tmp_path,)).where == "optimizer.lr"

    @pytest.mark.parametrize(
        ("text", "where"),
        [
            ("optimizer: [1\nrun: 2", "x.yaml:3"),
            ("run:\n  name: ${foo\n", "x.yaml:3"),
            ("run:\n  name: ${data.ordre}\n", "x.yaml:3 run.name"),
            ("run:\n  name: ${oc.env:NOT_SET_ANYWHERE}\n", "x.yaml:3 run.name"),
            ("model:\n  path: ${package_file:nosuch,a}\n", "x.yaml:3 model.path"),
            ("defaults:\n  - data: imdb\n", "x.yaml:3 defaults"),
            ("defaults:\n  - override /model: nope\n", "x.yaml:3 defaults"),
            ("defaults:\n  - nope\n", "x.yaml:3 defaults"),
            ("nope: 1\n", "x.yaml:2 nope"),
            ("data:\n  split:\n    sed: 1\n", "x.yaml:4 data.split.sed"),
        ],
    )
    def test_fault_has_its_line(self, tmp_path: Path, text: str, where: str) -> None:
        option(tmp_path, "experiment/x", f"# @package _global_\n{text}")
        assert only("experiment=x", config_dirs=(tmp_path,)).where.rpartition("/")[2].startswith(where)

    def test_the_users_folder_wins(self, tmp_path: Path) -> None:
        option(tmp_path, "data/imdb", "path: mine.csv\nformat: csv\n")
        assert compose(["data=imdb"], config_dirs=[tmp_path]).config.data.path.endswith("/mine.csv")

    def test_an_experiment_chooses_options(self, tmp_path: Path) -> None:
        option(tmp_path, "experiment/ok", "# @package _global_\ndefaults:\n  - override /method: lora\n")
        composed = compose(["experiment=ok"], config_dirs=[tmp_path])
        assert composed.config.method.name == "lora"

    @pytest.mark.parametrize("override", ["mine=a", "+mine=a"])
    def test_a_group_of_the_users(self, tmp_path: Path, override: str) -> None:
        option(tmp_path, "mine/a", "# @package _global_\nseed: 3\n")
        assert compose([override], config_dirs=[tmp_path]).config.seed == 3

    def test_a_forgotten_package(self, tmp_path: Path) -> None:
        option(tmp_path, "experiment/x", "seed: 3\n")
        assert "@package _global_" in (only("experiment=x", config_dirs=(tmp_path,)).hint or "")

    def test_a_primary_config_of_the_users(self, tmp_path: Path) -> None:
        option(tmp_path, "mine", "defaults: [train, _self_]\nseed: 5\n")
        assert compose(config_dirs=[tmp_path], name="mine").config.seed == 5


CODE = {
    "hydra_callbacks": "hydra: {callbacks: {x: {_target_: builtins.open, file: PROOF, mode: w}}}",
    "hydra_launcher": "hydra: {launcher: {_target_: os.system, command: touch PROOF}}",
    "hydra_env": "hydra: {job: {env_set: {LD_PRELOAD: x.so}}}",
    "hydra_choice": "defaults: [override /hydra/launcher: basic]",
    "nested": "callbacks: {a: {_target_: pytorch_lightning.callbacks.LambdaCallback,"
    " on_fit_start: {_target_: builtins.open, _partial_: true, file: PROOF, mode: w}}}",
    "system": "callbacks: {a: {_target_: os.system, command: touch PROOF}}",
    "pickle": "callbacks: {a: {_target_: pandas.read_pickle, filepath_or_buffer: PROOF}}",
    "torch_load": "optimizer: {_target_: torch.load, f: PROOF}",
    "write_text": "callbacks: {a: {_target_: pathlib.Path.write_text, self: PROOF, data: x}}",
    "local_module": "callbacks: {a: {_target_: planted.Callback}}",
    "in_a_list": "trainer: {plugins: [{_target_: builtins.open, file: PROOF, mode: w}]}",
    "in_a_free_mapping": "model: {config: {a: [{b: {_target_: builtins.open, file: PROOF}}]}}",
    "partial": "optimizer: {_partial_: true}",
    "args": "optimizer: {_args_: [1]}",
    "convert": "trainer: {_convert_: all}",
    "root": "_target_: os.system",
    "our_own_function": "callbacks: {a: {_target_: tunesmith.cli.main.main}}",
    "subprocess": "evaluation: {metrics: {a: {_target_: subprocess.Popen, args: [touch, PROOF]}}}",
    "schedule_function": "scheduler: {_target_: transformers.get_scheduler, name: linear}",
    "sweeper_target": "hydra: {sweeper: {params: {_target_: builtins.open, file: PROOF, mode: w}}}",
}


@pytest.mark.parametrize("name", CODE)
def test_no_config_can_run_code(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "planted.py").write_text("open('PROOF', 'w')\n")
    monkeypatch.chdir(work)
    option(tmp_path / "conf", "experiment/evil", f"# @package _global_\n{CODE[name]}\n")
    assert problems("experiment=evil", config_dirs=(tmp_path / "conf",))
    assert [path.name for path in work.iterdir()] == ["planted.py"]


def test_a_hydra_group_of_the_users_is_refused(tmp_path: Path) -> None:
    option(tmp_path, "hydra/callbacks/evil", "x: {_target_: builtins.open, file: PROOF, mode: w}\n")
    option(tmp_path, "experiment/evil", "# @package _global_\ndefaults: [override /hydra/callbacks: evil]\n")
    assert problems("experiment=evil", config_dirs=(tmp_path,))
    assert problems("+hydra/callbacks=evil", config_dirs=(tmp_path,))
    option(tmp_path, "train", "defaults: [schema, _self_]\nhydra: {callbacks: {x: {_target_: builtins.open}}}\n")
    assert any("hydra.callbacks" in problem.where for problem in problems(config_dirs=(tmp_path,)))


def test_a_trusted_module_is_found_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "open('PROOF', 'w')\nfrom pytorch_lightning.callbacks import Callback\n"
        "class Mine(Callback):\n    def __init__(self, size: int): ...\n"
    )
    overrides = ["callbacks.mine._target_=mine.Mine", "callbacks.mine.size=3"]
    assert "--trust mine" in (problems(*overrides)[0].hint or "")
    assert compose(overrides, trust=["mine"]).config.callbacks["mine"]
    assert "must be a whole number" in only(overrides[0], "callbacks.mine.size=a", trust=("mine",)).rule
    assert not (tmp_path / "PROOF").exists()


class TestFrom:
    @pytest.fixture
    def run(self, tmp_path: Path) -> Path:
        (tmp_path / "run").mkdir()
        saved = compose(["method=lora", "data.num_rows=100"]).saved
        (tmp_path / "run/config.yaml").write_text(yaml.safe_dump(saved))
        return tmp_path / "run"

    def test_a_run_and_its_file(self, run: Path) -> None:
        whole = compose(["method=lora", "data.num_rows=100"])
        for path in (run, run / "config.yaml"):
            again = compose_from(path)
            assert again.config == whole.config
            assert again.saved == whole.saved

    def test_values_can_be_changed(self, run: Path) -> None:
        again = compose_from(run, ["optimizer.lr=0.5", "optimizer.amsgrad=true", "data.path=~/ä(1).csv"])
        assert again.config.optimizer.lr == 0.5
        assert again.config.data.path == os.path.expanduser("~/ä(1).csv")
        assert again.overrides[0] == "optimizer.lr=0.5"

    def test_groups_cannot(self, run: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            compose_from(run, ["model=bert_base", "optimizer.lrr=1"])
        text = str(caught.value)
        assert "tunesmith train model=bert_base" in text
        assert "optimizer.lrr" in text

    @pytest.mark.parametrize(
        "line", ["hydra: {callbacks: {}}", "nope: 1", "callbacks: {a: {_target_: os.system}}", "a: [1"]
    )
    def test_the_same_strictness(self, run: Path, line: str) -> None:
        file = run / "config.yaml"
        kept = [
            text
            for text in file.read_text().splitlines()
            if line.split(":")[0] != "callbacks" or "callbacks" not in text
        ]
        file.write_text("\n".join([*kept, line]))
        with pytest.raises(ConfigError):
            compose_from(file)

    @pytest.mark.parametrize("value", ["callbacks: [1]", "run: {tags: {a: 1}}", "run: 5", "data:", "seed: {a: 1}"])
    def test_a_value_of_the_wrong_shape(self, run: Path, value: str) -> None:
        file = run / "config.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | yaml.safe_load(value)))
        with pytest.raises(ConfigError, match=value.split(":")[0]):
            compose_from(file)

    def test_keys_newer_than_the_file_take_their_defaults(self, run: Path) -> None:
        saved = yaml.safe_load((run / "config.yaml").read_text())
        del saved["data"]["order"], saved["run"]
        (run / "config.yaml").write_text(yaml.safe_dump(saved))
        assert compose_from(run).saved["data"]["order"] == "bucketed"

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no such file"):
            compose_from(tmp_path / "nope")
