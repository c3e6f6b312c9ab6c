"""What a message advises is typed as a shell would take it, and works.

A row provokes a message, holds the advised words as they are printed, and types the line again with them in the place
of the words for the same keys, as a user would edit it. The line has to be valid then. The scan at the end finds every
override and command that a message in the source advises, so that a new one needs a row, or a reason why it has none.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow
import pytest
from pyarrow import feather, parquet

import tunesmith

SOURCE = Path(tunesmith.__file__).parent
BASE = "data=csv data.path=rows.csv data.cache_dir=cache data.max_length=16 data.batch_size=8 model=tiny_encoder trainer=cpu trainer.threads=1 logger=none run.root=runs"  # noqa: E501
TAGS = "task=token_classification data=jsonl data.path=tags.jsonl"
LM = "task=language_modeling model=tiny_causal data=jsonl data.path=texts.jsonl"
MULTI = "task=multi_label data.label_column=topics data=jsonl"


@dataclass(frozen=True)
class Row:
    """One advice."""

    line: str
    """What is added to `BASE`, as typed."""
    advice: str
    """The advised words as they are printed."""
    fill: dict[str, str] = field(default_factory=dict)
    """What a user puts in the place of words in capitals."""
    also: str = ""
    """What else the message asks for, or what the advice needs beside it here."""
    model: bool = False
    """Whether it takes `--model` to be told."""

    @property
    def typed(self) -> list[str]:
        """The advice as a shell hands it over."""
        text = f"{self.advice} {self.also}"
        for word, value in self.fill.items():
            text = text.replace(word, value)
        return shlex.split(text)


EXAMPLE = "an example in a help text"
STATES = "says what is set, and advises nothing"
ON_A_RUN = "a command on a run, with its path quoted; tests/unit/training/test_resume.py types one of them"
NEEDS = "needs a GPU, a package, a server or a model that is not at hand"
SWEEP = "of a sweep, and none is started here"
OF_A_RUN = "of a split that an earlier run keeps, which no row here has; see the tests of data/splitting/"
HUB = "of a data set of the Hub, from a cache that tests/unit/data/sources/test_hub.py makes"
PROVOKED = "of a run that went wrong; tests/e2e/test_provoked_runs.py composes it"
CONVERTED = "of rows in another tool's format, which no row here has; tests/unit/data/test_convert.py has them"
OPEN = "what to put there only the user knows"
OTHERWISE = "another experiment than the one that was asked for: to be chosen, not to be typed"
COMPOSED_WITH = "is composed with, and shown to nobody"
NOT_TYPED: dict[str, dict[str, str]] = {
    "cli/advise.py": dict.fromkeys(("model.family=auto", "model.path=any", "model=encoder"), COMPOSED_WITH),
    "cli/doctor.py": {"pip install": NEEDS},
    "cli/evaluate.py": {
        **dict.fromkeys(("data.path=other.csv", "data=imdb", "tunesmith evaluate R"), EXAMPLE),
        **dict.fromkeys(("data.num_rows=null", "tunesmith train -"), ON_A_RUN),
        "model.family=auto": COMPOSED_WITH,
    },
    "cli/export.py": {"tunesmith export R": EXAMPLE},
    "cli/help.py": dict.fromkeys(
        (
            *("data.batch_size=64", "data.label_column=stars", "data.micro_batch_size=16", "data.path=reviews.csv"),
            *("data.text_column=review", "data=rotten_tomatoes", "optimizer.lr=1e-4", "optimizer.lr=1e-5"),
            *("optimizer.lr=5e-4", "tunesmith train -"),
        ),
        EXAMPLE,
    ),
    "cli/main.py": {"tunesmith train {": "repeats what was typed, behind its verb"},
    "cli/multirun.py": {"hydra.sweep.dir={}": STATES},
    "cli/predict.py": {"tunesmith predict R": EXAMPLE},
    "cli/resume.py": {"hydra.sweeper.n_trials=60": EXAMPLE},
    "cli/stop.py": {"tunesmith resume {": ON_A_RUN},
    "cli/sweep.py": {"hydra.sweeper.n_trials=10": EXAMPLE, "tunesmith train -": OPEN},
    "cli/train.py": {"hydra.mode=multirun": STATES, "tunesmith train -": EXAMPLE},
    "config/composing/compose.py": {"tunesmith train {": OPEN},
    "config/checking/validate.py": {"data.format._target_=": OPEN},
    "config/checking/other_names.py": {
        **dict.fromkeys(
            (f"tunesmith {verb}" for verb in ("evaluate R", "resume R", "export R", "train -", "predict R")), OPEN
        ),
        **dict.fromkeys(("hydra.sweeper.sampler={name", "hydra.sweeper.seed=1", "method=lora}"), SWEEP),
        "model.quantization=4bit": NEEDS,
        **dict.fromkeys(("data.convert=alpaca", "data.convert=sharegpt"), CONVERTED),
        **dict.fromkeys((f"data.path.{split}=FILE" for split in ("train", "val", "test")), OPEN),
    },
    "config/families.py": dict.fromkeys(
        ("model=modernbert_base", "model=smollm2_135m", "model=gpt2", "model=t5_small"), NEEDS
    ),
    "config/composing/files.py": {"model=encoder": OPEN},
    "config/composing/resolvers.py": {"pip install": NEEDS},
    "config/checking/rules/adapter.py": {
        "method.tokenizer_name_or_path=FOLDER": OPEN,
        "model.quantization=4bit": NEEDS,
    },
    "config/checking/rules/architecture.py": {"model.quantization=4bit": NEEDS, "task=NAME": OPEN},
    "config/checking/rules/averages.py": {"model.quantization=none": NEEDS},
    "config/checking/rules/callbacks.py": {"optimizer.lr=1e-5": SWEEP, "tunesmith train -": SWEEP},
    "config/checking/rules/evaluation.py": {
        "evaluation={}": STATES,
        **dict.fromkeys(("tunesmith evaluate R", "data=csv", "data.path=FILE"), ON_A_RUN),
    },
    "config/checking/rules/model.py": {"model.head.words.LABEL=WORD": OPEN},
    "config/schema.py": {
        "callbacks.mine._target_=": OPEN,
        "hydra.sweeper.repeats=3": SWEEP,
        **dict.fromkeys(("debug=overfit", "logger.log_model=true", "tunesmith check -"), OTHERWISE),
    },
    "data/audit/near.py": dict.fromkeys(("data.near={}", "data.cleaning.near_duplicates.threshold={}"), OTHERWISE),
    "data/encoding.py": {"model.config.eos_token_id=ID": OPEN},
    "data/fitting.py": {"data.on_long=error": STATES},
    "data/lengths.py": {"data.max_target_length={}": OTHERWISE},
    "config/checking/rules/data.py": {
        **dict.fromkeys(("data.path=[FILE", "data.split.method=time"), OPEN),
        "data.path=null": "is for a file of one's own that has both",
    },
    "data/sources/file_kinds.py": {"data.path=[FILE": OPEN},
    "data/sources/matching.py": {"data.path=[FILE": OPEN},
    "data/sources/json_array.py": {"data.format.rows=KEY": OPEN},
    "data/labels.py": {"task=token_classification": OPEN},
    "data/messages.py": {"data.text_column=NAME": OPEN, "data.convert=sharegpt": CONVERTED},
    "data/splits.py": {"data.split.group_column=%s": STATES},
    "data/splitting/split.py": {"data.split.test_fraction={}": STATES},
    "data/templates.py": {"model.config.eos_token_id=ID": OPEN},
    "data/values.py": {"task=token_classification": OPEN},
    "models/checkpoint.py": {"model.init=random": OTHERWISE},
    "models/config_fields.py": {"model.init=random": OTHERWISE},
    "models/partial/bitfit.py": {"method=ia3": "of an architecture without biases, of which there is none small"},
    "models/gguf.py": {"pip install": NEEDS},
    "models/head_start.py": dict.fromkeys(("model.head.start=auto", "model.head.start=new"), OTHERWISE),
    "models/methods.py": {"method.target_modules=[{}]": OPEN},
    "models/model_files.py": {"model=from_run": OTHERWISE},
    "reporting/run/conditions.py": dict.fromkeys(("tunesmith reproduce {", "tunesmith train -"), ON_A_RUN),
    "cli/show.py": {"tunesmith show {": ON_A_RUN},
    "sweeping/choosing/advice.py": {"data.num_rows=NUMBER": OPEN},
    "sweeping/choosing/candidates.py": {"model.family=auto": COMPOSED_WITH},
    "sweeping/choosing/measuring.py": {"evaluation.test=false": COMPOSED_WITH},
    "reporting/run/errors.py": {"tunesmith report {": ON_A_RUN},
    "reporting/run/outcome.py": {"tunesmith train -": ON_A_RUN},
    "reporting/run/calibration.py": {"tunesmith predict {": ON_A_RUN},
    "reporting/run/label_thresholds.py": {"tunesmith predict {": ON_A_RUN},
    "reporting/sweep/report.py": {"tunesmith train -": SWEEP},
    "reporting/sweep/diagnosis.py": dict.fromkeys(("tunesmith diagnose {", "tunesmith train -"), PROVOKED),
    "reporting/sweep/winner.py": {"data.split.test_fraction={}": STATES},
    "runs/directory.py": {"run.dir={}": STATES},
    "runs/record.py": {"tunesmith resume {": ON_A_RUN},
    "storage.py": {"tunesmith show {": ON_A_RUN},
    "sweeping/execution/driver.py": {"hydra.sweeper.keep=1": SWEEP},
    "sweeping/launch.py": dict.fromkeys(
        (
            *("evaluation.test=false", "logger.group={}", "logger.job_type=trial", "run.dir=null"),
            *("run.name={}-{}", "run.resume=never"),
        ),
        "settings that a sweep gives its trials",
    ),
    "sweeping/prepare.py": dict.fromkeys(
        (
            *("evaluation.mode=max", "evaluation.monitor={}", "hydra.sweeper.n_trials=20"),
            "hydra.sweeper.pruner=none",
        ),
        SWEEP,
    ),
    "sweeping/sharing.py": dict.fromkeys(
        (
            *(f"hydra.sweeper.pruner={name}" for name in ("asha", "none")),
            *("hydra.sweeper.n_trials={}", "hydra.sweeper.sampler=tpe"),
        ),
        SWEEP,
    ),
    "reporting/comparison/tuning.py": {"hydra.sweeper.equal={}": SWEEP},
    "sweeping/space/reading.py": {"optimizer.lr=1e-5": SWEEP},
    "sweeping/resume.py": {"hydra.sweeper.initial=DIR": SWEEP, "tunesmith resume {": SWEEP},
    "sweeping/settings.py": {"hydra.sweeper.pruner=none": SWEEP},
    "sweeping/search/samplers.py": {"hydra.sweeper.seed={}": SWEEP},
    "tracking/extras.py": {"pip install": NEEDS},
    "tracking/wandb/key.py": {"logger.mode=offline": NEEDS},
    "training/callbacks/checkpoints.py": {"tunesmith train -": ON_A_RUN},
    "training/networks.py": {"model.path=DIR": OPEN, "tunesmith export {": ON_A_RUN},
    "inference/export.py": dict.fromkeys(("tunesmith export {", "tunesmith predict {"), ON_A_RUN),
    "training/plan.py": {"data.max_length=%d": STATES},
    "training/preflight.py": {"model.quantization=none": NEEDS, "pip install": NEEDS, "trainer.threads=%d": STATES},
    "cli/compare.py": {"tunesmith show {": ON_A_RUN},
    "cli/learning_curve.py": {"hydra.sweeper.repeats=3": SWEEP, "run.dir={}": STATES},
    "reporting/learning_curve.py": {"hydra.sweeper.repeats=3": SWEEP},
    "evaluation/diagnosis/of_answers.py": {"task.label_smoothing=0.1": PROVOKED},
    "evaluation/diagnosis/of_curves.py": {"data.num_rows=null": PROVOKED},
    "reporting/run/diagnosis.py": {"tunesmith train -": PROVOKED},
    "config/checking/idle.py": {
        **dict.fromkeys(("data.split.from_run=null", "data.split.method=stratified"), OF_A_RUN),
        "data=hub": HUB,
    },
    "data/audit/audit.py": {"model=NAME": OPEN},
    "data/sources/hub.py": {
        **dict.fromkeys(("data.name={}", "data.revision={}", "data.split.from_run={}"), HUB),
        "pip install": NEEDS,
    },
    "data/splitting/as_in_run.py": {
        **dict.fromkeys(("data.id_column={}", "data.split.from_run={}"), STATES),
        "data.split.from_run=null": OF_A_RUN,
    },
    "config/checking/rules/forms.py": dict.fromkeys(
        ("data.columns.messages=NAME", "data.convert=messages", "task=text_to_text"), CONVERTED
    ),
    "data/columns.py": {"data.template={}": STATES},
    "data/reading.py": dict.fromkeys(
        ("data.columns.conversations={}", "data.convert=alpaca", "data.convert=sharegpt"), CONVERTED
    ),
    "data/splitting/groups.py": {
        "data.path=[FILE": OPEN,
        "data.split.group_column=%s": STATES,
        **dict.fromkeys(
            ("data.split.column=null", "data.split.from_run=null", "data.split.method=stratified"),
            "of groups on both sides of a split that is given; tests/unit/data/test_divided_groups.py",
        ),
    },
    "reporting/versions.py": {"data.id_column={}": STATES},
    "data/splitting/split_file.py": {
        "data.split.from_run={}": STATES,
        **dict.fromkeys(("data.split.from_run=null", "tunesmith reproduce {"), OF_A_RUN),
    },
    "reporting/comparison/pairing.py": {"tunesmith train -": ON_A_RUN},
    "training/resume.py": dict.fromkeys(("tunesmith resume {", "tunesmith train -"), ON_A_RUN),
    "training/run.py": {"tunesmith train -": ON_A_RUN},
    "training/session.py": {"tunesmith train -": ON_A_RUN},
}
"""Overrides and commands in messages that no row types, each with the reason."""
CALLBACK = "+callbacks.mine._target_=pytorch_lightning.callbacks."
ROWS = [
    # config/checking/other_names.py, what other tools call it
    Row("data.format=tsv data.path=rows.tsv", "data.format=csv data.delimiter=tab"),
    Row("data=tsv data.path=rows.tsv", "data=csv data.delimiter=tab"),
    Row("data.order=balanced", "task.class_weights=balanced", also="data.order=bucketed"),
    Row("+optimizer.l1=0.1", "optimizer.weight_decay=0.01", also="~optimizer.l1"),
    Row("trainer.max_steps=0", "trainer.max_steps=1 optimizer.lr=1e-12"),
    Row("method=dora", "method=lora method.use_dora=true"),
    Row("+data.unfrozen_parameters=1", "method=freeze", also="'method.frozen=[x]' ~data.unfrozen_parameters"),
    Row(
        "method=lora +method.lora_model_dir=finished",
        "model=from_run model.from_run=RUN",
        {"RUN": "finished"},
        also="~method.lora_model_dir",
    ),
    Row(
        "+task.calibration=temperature",
        "+evaluation.metrics.ece=ece",
        also="~task.calibration",
    ),
    Row(f"{LM} optimizer=muon", "optimizer._target_=torch.optim.Muon", also="optimizer=adamw method=lora"),
    Row("optimizer._target_=torch.optim.Muon", "optimizer=adamw", also="~optimizer._target_", model=True),
    # config/checking/rules/training.py
    Row("trainer.max_epochs=null", "trainer.max_epochs=3"),
    Row(
        "+trainer.check_val_every_n_epoch=null trainer.max_epochs=null trainer.max_steps=200",
        "trainer.val_check_interval=100",
    ),
    Row("scheduler=plateau +trainer.check_val_every_n_epoch=2", "trainer.check_val_every_n_epoch=1"),
    Row("scheduler=plateau +trainer.check_val_every_n_epoch=2", "scheduler=linear"),
    Row("+trainer.max_time=2h", "trainer.max_time=00:02:30:00"),
    Row("trainer.gradient_clip_val=0", "trainer.gradient_clip_val=null"),
    Row("trainer.gradient_clip_val=null +trainer.gradient_clip_algorithm=value", "trainer.gradient_clip_val=1.0"),
    Row("+trainer.profiler=quick", "trainer.profiler=simple"),
    Row("+trainer.profiler=quick", "debug=profile", also="~trainer.profiler"),
    Row("trainer.precision=16-mixed", "trainer.precision=32-true"),
    Row("trainer.precision=16-mixed", "trainer.precision=bf16-mixed"),
    Row("logger.log_model=true", "logger=wandb"),
    Row("logger.project=mine", "logger=wandb"),
    Row("logger=tensorboard logger.name=wandb", "logger.name=null"),
    Row("logger._target_=tunesmith.tracking.mlflow.MLflow", "logger.name=null"),
    # config/checking/rules/model.py
    Row("model=encoder", "model.path=FOLDER_OR_HUB_ID", {"FOLDER_OR_HUB_ID": "model"}),
    Row("model=from_run", "model.from_run=RUN", {"RUN": "finished"}),
    Row("model.tokenizer=null", "model.tokenizer=FOLDER_OR_HUB_ID", {"FOLDER_OR_HUB_ID": "model"}),
    Row("'model.head.hidden=[8]'", "model.head.pooling=mean"),
    Row(
        "model=tiny_causal model.head.words.good=good model.head.words.bad=bad method=head_only",
        "method=last_layers",
        also="method.layers=1",
    ),
    # config/checking/rules/task.py, method.py, data.py
    Row(
        "task._target_=tunesmith.tasks.multi_label.MultiLabel",
        "task.name=classification task.multi_label=true",
        also="evaluation=multi_label",
    ),
    Row("task=text_to_text model=tiny_seq2seq", "data.target_column=NAME", {"NAME": "other"}),
    Row("task=regression task.multi_label=true", "task=multi_label"),
    Row("method.name=lora", "method=lora", also="~method.name"),
    Row("method=head_only method._target_=tunesmith.models.partial.full.Full", "method.name=null"),
    Row("method=last_layers method.layers=null", "method.layers=2"),
    Row("method.layers=2", "method=last_layers"),
    Row("optimizer.layer_decay=0.9 method=head_only", "method=full"),
    Row("data.batch_size=24 data.micro_batch_size=16", "data.micro_batch_size=12"),
    Row("data.split.method=column", "data.split.column=NAME", {"NAME": "part"}),
    Row("data.label_column=text", "data.label_column=NAME", {"NAME": "label"}),
    Row("data.text_pair_column=text", "data.text_pair_column=NAME", {"NAME": "other"}),
    Row("task=text_to_text model=tiny_seq2seq data.target_column=text", "data.target_column=NAME", {"NAME": "other"}),
    Row("data.split.column=part", "data.split.method=column"),
    Row(f"{LM} data.packing=true method=prompt", "method=lora"),
    Row(f"{LM} data.packing=true method=prompt", "data.packing=false"),
    Row(f"{TAGS} data.on_long=cut_left", "data.on_long=drop"),
    Row("data.split.val_fraction=0", "data.split.val_fraction=0.05 data.split.method=random"),
    Row("data.split.fold=1", "data.split.folds=5"),
    Row("data=mixture data.path=null", "data.sources.NAME.path=FILE", {"FILE": "rows.csv"}),
    Row("evaluation/crossval=group", "data.split.group_column=NAME", {"NAME": "number"}),
    Row(
        "data.split.folds=3 data.split.method=column data.split.column=part",
        "data.split.method=random data.split.column=null data.split.from_run=null",
    ),
    # config/checking/other_names.py
    *(Row("+report_to=none", f"logger={name}", also="~report_to") for name in ("none", "tensorboard", "mlflow")),
    *(Row(f"logger.name={name}", f"logger={name}", also="~logger.name") for name in ("tensorboard", "mlflow")),
    Row("+optim=adamw_torch", "optimizer=adamw", also="~optim"),
    Row(
        "evaluation.metrics=[accuracy,3]",
        "+evaluation.metrics.NAME._target_=CLASS",
        {"NAME": "own", "CLASS": "torchmetrics.classification.MulticlassAUROC"},
        also="evaluation.metrics=[accuracy]",
    ),
    Row("evaluation.metrics=accuracy", "evaluation.metrics=[accuracy]"),
    Row("evaluation.slices=label", "evaluation.slices=[label]"),
    Row("run.tags=mine", "run.tags=[mine]"),
    Row("+eval_sets=x", "+evaluation.sets.NAME=FILE", {"NAME": "week", "FILE": "rows.csv"}, also="~eval_sets"),
    Row("+k_folds=5", "data.split.folds=5 data.split.fold=0", also="~k_folds"),
    Row("+lr_scheduler_type=cosine", "scheduler=cosine", also="~lr_scheduler_type"),
    Row("+batching_strategy=dynamic", "data.order=bucketed", also="~batching_strategy"),
    Row("+adapter_path=finished", "model=from_run model.from_run=RUN", {"RUN": "finished"}, also="~adapter_path"),
    # config/checking/idle.py
    Row("evaluation.probe=true evaluation.baselines=false", "evaluation.baselines=true"),
    Row("data.label_separator=/", "task=multi_label"),
    Row(f"{TAGS} data.delimiter=tab", "data=csv", also="task=classification data.path=rows.tsv"),
    # config/checking/rules/adapter.py
    Row("method=lora method.r=0", "method.r=8"),
    Row("method=lora +method.init_lora_weights=eva", "method.init_lora_weights=pissa"),
    Row("method=lora '+method.layers_pattern=layer'", "'+method.layers_to_transform=[0]'"),
    Row("method=lora '+method.layers_to_transform=[zero]'", "'method.layers_to_transform=[0,1]'"),
    # config/checking/rules/architecture.py, averages.py, callbacks.py
    Row("+model.config.torch_dtype=bfloat16", "trainer.precision=bf16-mixed", also="~model.config.torch_dtype"),
    Row(
        "+model.config.gradient_checkpointing=true",
        "model.gradient_checkpointing=true",
        also="~model.config.gradient_checkpointing",
    ),
    Row(
        f"{CALLBACK}StochasticWeightAveraging +callbacks.mine.swa_lrs=0.01",
        "+callbacks.average._target_=pytorch_lightning.callbacks.EMAWeightAveraging +callbacks.average.decay=0.99",
        also="~callbacks.mine",
    ),
    Row(f"{CALLBACK}ModelCheckpoint", "trainer.checkpoint_every_steps=100", also="~callbacks.mine"),
    # data/
    Row("data.path=empty.csv", "data.on_empty=drop"),
    Row("data.path=nothing.csv", "data.path=FILE", {"FILE": "rows.csv"}),
    Row(f"{MULTI} data.path=vectors.jsonl", "'data.label_names={0: label_0, 1: label_1, 2: label_2}'"),
    Row("data=jsonl data.path=lists.jsonl", "task=multi_label"),
    Row("task=regression", "task=classification"),
    Row("data.path=numbers.csv", "task=regression"),
    Row("data.path=missing.csv", "data.on_empty=drop"),
    Row("data.path=absent.csv", """'data.missing=["nan", "NaN", "NA", "<NA>", "None"]' data.on_empty=drop"""),
    Row("data.path=absent.csv", """'data.label_names={"None": None}'"""),
    Row("data.path=spelled.csv", """'data.label_names={"bad ": bad, "GOOD": good}'"""),
    Row("data.path=rows.tsv", "data.delimiter=tab"),
    Row("data.path=open.csv", "data.quoting=none"),
    Row("data.path=quoted.tsv data.delimiter=tab", "data.quoting=csv"),
    Row("data.path=lines.csv", "data.quoting=none"),
    Row("data.path=texts.jsonl", "data=jsonl"),
    Row("data=jsonl", "data=csv"),
    Row("data=jsonl data.path=array.json", "data=json"),
    Row("data.path=rows.parquet", "data=parquet"),
    Row("data.path=rows.arrow", "data=arrow"),
    Row("data.path=films", "data=folder"),
    Row("data.format=parquet data.path=rows.parquet", "data=parquet", also="~data.format"),
    Row("data.format=arrow data.path=rows.arrow", "data=arrow", also="~data.format"),
    Row("data=feather data.path=rows.arrow", "data=arrow"),
    Row("data=txt data.path=rows.csv", "data=text", also="model=tiny_causal"),
    Row("data=json data.path=texts.jsonl", "data=jsonl"),
    Row("data=json data.path=several.json", "data.format.rows=first"),
    Row("data.format=json data.path=array.json", "data=json", also="~data.format"),
    Row("data.format=text data.path=rows.csv", "data=text", also="~data.format model=tiny_causal"),
    Row(f"{MULTI} data.path=joined.jsonl", "'data.label_separator=\"/\"'"),
    Row(f"{LM} data.path=chats.jsonl", "task=language_modeling data.messages_column=chat"),
    Row(f"{LM} data.text_column=nope", "data.text_column=...", {"...": "text"}),
    Row(f"{LM} data.path=chats.jsonl data.text_column=chat", "task=language_modeling data.messages_column=chat"),
    Row("data.path=rare.csv", "data.split.method=random"),
    Row("data.split.val_fraction=0.02", "data.split.method=random", also="data.split.val_fraction=0.1"),
    Row("data.max_length=4", "data.on_long=cut_left"),
    Row("data.path=leaks.csv data.split.method=column data.split.column=part", "data.on_leak=remove"),
    Row("data.path=some_long.csv", "data.max_length=25"),
    Row("data.path=some_long.csv", "data.on_long=drop"),
    Row("data.path=some_long.csv data.on_long=error", "data.on_long=drop"),
    Row("data.max_length=4 data.on_long=error", "data.on_long=cut"),
    Row("data.max_length=4 data.on_long=drop", "data.on_long=cut"),
    Row("data.num_rows=400", "data.num_rows=40"),
    Row("data.train_rows=400", "data.train_rows=32"),
    Row("data.label_column=only", "data.label_column=...", {"...": "label"}),
    # models/ and training/
    Row("model=tiny_causal task=token_classification data=jsonl data.path=tags.jsonl", "model=minilm", model=True),
    Row("method=last_layers method.layers=9", "method.layers=2", model=True),
    Row("data.max_length=4096", "data.max_length=512", model=True),
    Row("data.path=numbers.csv model=encoder model.path=model", "model.head.start=keep", model=True),
    Row("task.class_weights=[1,2,3]", "task.class_weights=[1.0,1.0]"),
    Row(f"{LM} method=freeze 'method.frozen=[.*]'", "'method.frozen=[model.embed_tokens]'", model=True),
    Row("data.path=inputs.csv", "data.text_pair_column=input"),
    Row("method=lora method._target_=peft.OFTConfig ~method.lora_alpha", "~method.r"),
    Row("method=lora method._target_=peft.OFTConfig ~method.lora_alpha", "method.oft_block_size=0"),
    Row(
        "+callbacks.mine._target_=pytorch_lightning.callbacks.BackboneFinetuning",
        "method=gradual",
        also="~callbacks.mine",
    ),
    Row("trainer=gpu", "trainer=cpu", model=True),
    Row("trainer=gpu", "trainer=auto", model=True),
    Row("trainer.threads=4096", "or auto", {"or auto": "trainer.threads=auto"}, model=True),
]


def write(folder: Path, finished: Path) -> None:
    """The files that the lines name."""
    rows = [("good" if i % 2 else "bad", f"a plain text of number {i}") for i in range(40)]
    parts = ["train"] * 30 + ["val"] * 5 + ["test"] * 5
    lines = [
        f"{text},{label},{part},w,{i}.5,one" for i, ((label, text), part) in enumerate(zip(rows, parts, strict=True))
    ]
    header = "text,label,part,other,number,only"

    def save(name: str, *lines: str) -> None:
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def save_json(name: str, rows: list[dict[str, object]]) -> None:
        save(name, *(json.dumps(row) for row in rows))

    save("rows.csv", header, *lines)
    save("rows.tsv", *(line.replace(",", "\t") for line in (header, *lines)))
    save("quoted.tsv", "text\tlabel", *(f'"{text}\tmore"\t{label}' for label, text in rows))
    save("empty.csv", header, ",good,train,w,1,one", *lines)
    save("numbers.csv", "text,label", *(f"{text},{i % 2}.5" for i, (_, text) in enumerate(rows)))
    long = [f"plain text {i} of {'very ' * 18 if i % 4 == 0 else ''}{label}" for i, (label, _) in enumerate(rows)]
    save("some_long.csv", "text,label", *(f"{text},{label}" for text, (label, _) in zip(long, rows, strict=True)))
    parts = ["train"] * (len(rows) - 8) + ["val"] * 4 + ["test"] * 4
    leaked = [f"{text},{label},{part}" for (label, text), part in zip(rows, parts, strict=True)]
    save("leaks.csv", "text,label,part", *leaked, leaked[0].replace("train", "val"))
    save("inputs.csv", "text,label,input", *(f"{text},{label},more {text}" for label, text in rows))
    save("missing.csv", "text,label", "a,nan", *(f"{text},{label}" for label, text in rows))
    save("absent.csv", "text,label", *(f"a {i},None" for i in range(10)), *(f"{text},{label}" for label, text in rows))
    save("rare.csv", "text,label", "a,once", *(f"{text},{label}" for label, text in rows))
    spelled = [(("good", "GOOD", "good"), ("bad", "bad ", "bad"))[i % 2][i // 2 % 3] for i in range(60)]
    save("spelled.csv", "text,label", *(f"text {i},{label}" for i, label in enumerate(spelled)))
    save("open.csv", "text,label", '"a text,good', *(f"{text},{label}" for label, text in rows))
    inside = [f"{text},{label}" for label, text in rows[1:8]]
    spanning = ['"an opening,good', *inside, 'a closing",good']
    save("lines.csv", "text,label", *(f"{text},{label}" for label, text in rows), *spanning)
    save_json("texts.jsonl", [{"text": text, "label": label} for label, text in rows])
    objects = [{"text": text, "label": label} for label, text in rows]
    save("array.json", json.dumps(objects))
    save("several.json", json.dumps({"first": objects, "second": objects}))
    table = pyarrow.Table.from_pylist(objects)
    parquet.write_table(table, folder / "rows.parquet")
    feather.write_feather(table, str(folder / "rows.arrow"))
    for number, (label, text) in enumerate(rows):
        (folder / "films" / label).mkdir(parents=True, exist_ok=True)
        save(f"films/{label}/{number}.txt", text)
    save_json("vectors.jsonl", [{"text": text, "topics": [i % 2, 1, 0]} for i, (_, text) in enumerate(rows)])
    topics = [["art"], ["law", "art"], ["law"]]
    save_json("lists.jsonl", [{"text": text, "label": topics[i % 3]} for i, (_, text) in enumerate(rows)])
    save_json("joined.jsonl", [{"text": text, "topics": "/".join(topics[i % 3])} for i, (_, text) in enumerate(rows)])
    chat = [{"role": "user", "content": "who"}, {"role": "assistant", "content": "me"}]
    save_json("chats.jsonl", [{"chat": [*chat, {"role": "user", "content": text}, chat[1]]} for _, text in rows])
    tagged = [{"text": text.split(), "label": ["O"] * 5 + ["N"]} for _, text in rows]
    save_json("tags.jsonl", [row | {"label": row["label"][: len(row["text"])]} for row in tagged])
    shutil.copytree(finished, folder / "finished")
    shutil.copytree(finished / "model", folder / "model")


@pytest.fixture(scope="module")
def place(tmp_path_factory, finished):
    folder = tmp_path_factory.mktemp("advice")
    write(folder, finished.path)
    return folder


def edited(words: list[str], typed: list[str]) -> list[str]:
    """The line with the advised words in the place of those for the same keys."""
    keys = {word.lstrip("+~").partition("=")[0] for word in typed}
    kept = [word for word in words if word.lstrip("+~").partition("=")[0] not in keys]
    removed = {word[1:] for word in typed if word.startswith("~") and any(word[1:] in given for given in words)}
    kept = [word for word in kept if not any(word.lstrip("+").startswith(f"{key}.") for key in removed)]
    added = [word for word in typed if word.lstrip("~") not in removed]
    new = {word.partition("=")[0] for word in words if word.startswith("+")}
    return [*kept, *(f"+{word}" if f"+{word.partition('=')[0]}" in new else word for word in added)]


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.line.split()[-1]} {row.advice}"[:70])
def test_an_advice_works_as_typed(row, place, inside, monkeypatch):
    monkeypatch.chdir(place)
    more = ["--model"] if row.model else []
    words = shlex.split(f"{BASE} {row.line}")
    told = inside("check", *words, *more)
    said = told.stdout + told.stderr
    messages = [line for line in said.splitlines() if row.advice in line]
    assert messages, said
    assert told.returncode != 0 or "warnings" in told.stdout, said
    again = inside("check", *edited(words, row.typed), *more)
    assert again.returncode == 0, again.stderr
    assert not [line for line in messages if line in again.stdout + again.stderr], again.stdout


GROUPS = "data|model|method|task|trainer|optimizer|scheduler|evaluation|run|logger|callbacks|debug|hydra"
ADVISED = re.compile(
    rf"(?<![\w./])[+~]*(?:(?:{GROUPS})(?:\.[a-z_][\w.]*)?=[^\s,;:)`\"]+|tunesmith [a-z]+ [-A-Z{{]|pip install)"
)
STATED = ("rule", "rule_text", "reason", "where", "received")
"""Arguments and variables that say what is so, and not what to do."""


class Literals(ast.NodeVisitor):
    """The texts of a file that may advise: no docstrings, and of a problem its hint alone."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not (isinstance(node.targets[0], ast.Name) and node.targets[0].id in STATED):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "Problem":
            for part in (*node.args[3:], *node.keywords):
                self.visit(part)
        else:
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self.texts.append("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values))
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.texts.append(node.value)


def advised() -> set[tuple[str, str]]:
    """Every file with the overrides and commands that its messages name."""
    pairs = set()
    for file in (file for file in sorted(SOURCE.rglob("*.py")) if file.parent.name != "testing"):
        literals = Literals()
        literals.visit(ast.parse(file.read_text(encoding="utf-8")))
        name = file.relative_to(SOURCE).as_posix()
        pairs |= {(name, words.rstrip(".'")) for text in literals.texts for words in ADVISED.findall(text)}
    return pairs


def test_every_advice_in_the_source_is_typed_or_has_a_reason():
    typed = " ".join(f" {row.advice} {' '.join(row.typed)}" for row in ROWS)
    pairs = advised()
    assert len(pairs) > 150, "the sources are read at all"
    unknown = sorted(
        (file, words)
        for file, words in pairs
        if not re.search(re.escape(words).replace(r"\{\}", ".+?"), typed) and words not in NOT_TYPED.get(file, ())
    )
    assert not unknown
    stale = [(file, words) for file, each in NOT_TYPED.items() for words in each if (file, words) not in pairs]
    assert not stale
