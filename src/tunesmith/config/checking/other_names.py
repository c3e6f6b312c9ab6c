"""Other tools' names for our keys: a user who types one is told what to use here."""

from __future__ import annotations

KEYS = {
    "gradient_accumulation_steps": ("data.batch_size", "data.micro_batch_size"),
    "accumulate_grad_batches": ("data.batch_size", "data.micro_batch_size"),
    "per_device_train_batch_size": ("data.micro_batch_size",),
    "train_batch_size": ("data.batch_size",),
    "per_device_eval_batch_size": ("data.eval_batch_size",),
    "learning_rate": ("optimizer.lr",),
    "num_train_epochs": ("trainer.max_epochs",),
    "epochs": ("trainer.max_epochs",),
    "max_grad_norm": ("trainer.gradient_clip_val",),
    "warmup_steps": ("scheduler.warmup_fraction",),
    "num_warmup_steps": ("scheduler.warmup_fraction",),
    "warmup_ratio": ("scheduler.warmup_fraction",),
    "output_dir": ("run.dir", "run.root"),
    "run_name": ("run.name",),
    "task_name": ("run.name",),
    "logging_steps": ("trainer.log_every_n_steps",),
    "eval_steps": ("trainer.val_check_interval",),
    "save_steps": ("trainer.checkpoint_every_steps",),
    "fp16": ("trainer.precision",),
    "bf16": ("trainer.precision",),
    "metric_for_best_model": ("evaluation.monitor",),
    "greater_is_better": ("evaluation.mode",),
    "max_seq_length": ("data.max_length",),
    "train_file": ("data.path",),
    **{f"data.files.{split}": (f"data.path.{split}",) for split in ("train", "val", "test")},
    **dict.fromkeys(("data_files", "files"), ("data.path",)),
    "model_name_or_path": ("model.path",),
    "base_model": ("model.path",),
    "model_name": ("model.path",),
    "model_id": ("model.path",),
    "pretrained_model_name_or_path": ("model.path",),
    "model.name": ("model.path",),
    "val_size": ("data.split.val_fraction",),
    "lora_r": ("method.r",),
    "train_micro_batch_size_per_gpu": ("data.micro_batch_size",),
    "num_epochs": ("trainer.max_epochs",),
    "eval_strategy": ("trainer.val_check_interval",),
    "evaluation_strategy": ("trainer.val_check_interval",),
    "optimized_metric": ("evaluation.monitor",),
    "cutoff_len": ("data.max_length",),
    "sequence_len": ("data.max_length",),
    "model_max_length": ("data.max_length",),
    "max_samples": ("data.num_rows",),
    "dataset_text_field": ("data.text_column",),
    "dataset": ("data.path",),
    "datasets": ("data.path",),
    "dataset_name": ("data.path",),
    **dict.fromkeys(("dataset_config_name", "dataset_config"), ("data.name",)),
    "dataset_revision": ("data.revision",),
    "dataset_dir": ("data.path",),
    "train_dataset": ("data.path",),
    "eval_packing": ("data.packing",),
    "packing_strategy": ("data.packing",),
    "sample_packing": ("data.packing",),
    "load_in_4bit": ("model.quantization",),
    "load_in_8bit": ("model.quantization",),
    "quantization_bit": ("model.quantization",),
    "tokenizer_name": ("model.tokenizer",),
    "attn_implementation": ("model.config.attn_implementation",),
    "flash_attn": ("model.config.attn_implementation",),
    "flash_attention": ("model.config.attn_implementation",),
    "use_reentrant": ("model.gradient_checkpointing",),
    "gradient_checkpointing_kwargs": ("model.gradient_checkpointing",),
    "lora_rank": ("method.r",),
    "lora_target": ("method.target_modules",),
    "lora_target_modules": ("method.target_modules",),
    "lora_modules_to_save": ("method.modules_to_save",),
    "additional_target": ("method.modules_to_save",),
    "freeze_trainable_layers": ("method.layers",),
    **dict.fromkeys(("val_set_size", "validation_fraction"), ("data.split.val_fraction",)),
    **dict.fromkeys(("sample_size", "sample_ratio", "max_train_samples"), ("data.num_rows",)),
    "max_sequence_length": ("data.max_length",),
    **dict.fromkeys(("excess_length", "excess_length_strategy", "truncation_side"), ("data.on_long",)),
    "missing_value_strategy": ("data.on_empty",),
    "field_messages": ("data.messages_column",),
    **dict.fromkeys(("formatting_func", "prompt_template", "prompt"), ("data.template",)),
    **dict.fromkeys(("formatting", "dataset_format", "data_format", "conversation_style"), ("data.convert",)),
    **dict.fromkeys(("message_property_mappings", "column_map", "column_mapping"), ("data.columns",)),
    **dict.fromkeys(("message_field_role", "message_field_content"), ("data.columns",)),
    **dict.fromkeys(("message_roles", "role_mapping"), ("data.roles",)),
    **dict.fromkeys(("default_system_message", "default_system", "new_system_prompt"), ("data.system",)),
    **dict.fromkeys(("system_prompt", "system_message"), ("data.system",)),
    **dict.fromkeys(("class_weight", "oversample_minority", "undersample_majority"), ("task.class_weights",)),
    **dict.fromkeys(("auto_scale_batch_size", "auto_find_batch_size"), ("data.micro_batch_size",)),
    **dict.fromkeys(("regularization_lambda", "l2"), ("optimizer.weight_decay",)),
}
ANSWERS_ALONE = "With data.target_column only the answer is learned; without it, the whole of data.text_column"
KEPT = "The run keeps its best weights as its model, and checkpoints/last.ckpt to resume from"
PARTS = (
    "Give a file for each split, as in data.path.train=FILE data.path.val=FILE data.path.test=FILE, or put the split "
    "of each row into a column: data.split.method=column data.split.column=NAME"
)
TEMPLATE = "The chat template is the tokenizer's: model.tokenizer=FOLDER. For texts from columns: data.template"
TOKENS = "Add tokens to a saved model and its tokenizer with transformers, and give its folder: model.path=FOLDER"
FOLDS = "A run validates on one fold: data.split.folds=5 data.split.fold=0"
UNTRAINED = "To evaluate the model as it is, take one step without effect: trainer.max_steps=1 optimizer.lr=1e-12"
WRITTEN_OUT = "Write the examples into data.template, before the columns of the row"
INSTEAD = {
    "ckpt_path": "Use tunesmith evaluate RUN, or tunesmith resume RUN",
    "resume_from_checkpoint": "Use tunesmith resume RUN",
    "fast_dev_run": "Use experiment=smoke",
    **dict.fromkeys(("print_config", "extras"), "Use tunesmith train --cfg job"),
    **dict.fromkeys(("save_top_k", "save_total_limit", "save_strategy", "load_best_model_at_end"), KEPT),
    **dict.fromkeys(("completion_only_loss", "train_on_prompt", "train_on_inputs"), ANSWERS_ALONE),
    **dict.fromkeys(
        ("assistant_only_loss", "roles_to_train", "mask_history"),
        'All assistant turns in data.messages_column are learned, except those with "train": false',
    ),
    **dict.fromkeys(("chat_template", "chat_template_path", "eot_tokens", "train_on_eos"), TEMPLATE),
    **dict.fromkeys(
        ("chat_template_kwargs", "enable_thinking"), "Set them for each row, in a column named chat_template_kwargs"
    ),
    **dict.fromkeys(("few_shot", "num_examples"), WRITTEN_OUT),
    **dict.fromkeys(("eval_path", "eval_file", "eval_dataset", "val_file", "val_path", "validation_file"), PARTS),
    **dict.fromkeys(("test_file", "test_path", "test_datasets"), PARTS),
    "eval_sets": "Name a file for each: +evaluation.sets.NAME=FILE",
    **dict.fromkeys(("add_tokens", "add_special_tokens", "special_tokens", "new_special_tokens"), TOKENS),
    **dict.fromkeys(("additional_special_tokens", "added_tokens_overrides", "tokens", "resize_vocab"), TOKENS),
    **dict.fromkeys(
        ("dtype", "torch_dtype", "pure_bf16"), "Weights are kept in fp32; trainer.precision is for the computation"
    ),
    **dict.fromkeys(
        ("adapter_name_or_path", "adapter_path", "lora_model_dir", "pretrained_adapter_weights"),
        "Continue from its run: model=from_run model.from_run=RUN",
    ),
    **dict.fromkeys(("finetuning_type", "peft_method", "adapter"), "Here it is the group method, such as method=lora"),
    **dict.fromkeys(("stage", "task_type"), "Here it is the group task, such as task=language_modeling"),
    "report_to": "Here it is the group logger: logger=wandb, logger=tensorboard, logger=mlflow or logger=none",
    "optim": "Here it is the group optimizer, such as optimizer=adamw",
    "lr_scheduler_type": "Here it is the group scheduler, such as scheduler=cosine",
    **dict.fromkeys(("push_to_hub", "hub_model_id"), "Use tunesmith export RUN, and upload the folder with hf upload"),
    **dict.fromkeys(
        ("batching_strategy", "max_tokens_per_batch"),
        "Batches have data.batch_size rows; data.order=bucketed puts rows of similar length together",
    ),
    **dict.fromkeys(
        ("disable_shuffling", "shuffle"), "Rows are shuffled in every epoch, according to seed and data.order"
    ),
    "strategy": "A run trains on one device",
    **dict.fromkeys(
        ("dedupe", "dataset_exact_deduplication", "remove_duplicates"),
        "A run reports rows that are in two splits; to remove copies: awk '!seen[$0]++' FILE > NEW_FILE",
    ),
    **dict.fromkeys(
        ("min_length", "min_sample_len"), "Remove such rows from the file; data.on_empty=drop drops those without text"
    ),
    "unfrozen_parameters": "Use method=freeze, where method.frozen lists what is not trained, or method=last_layers",
    "drop_system_message": "Remove the system turns from the file",
    **dict.fromkeys(
        ("embedding_lr", "embedding_lr_scale"),
        "optimizer.layer_decay lowers the learning rate layer by layer, down to the embeddings",
    ),
    **dict.fromkeys(("auto_lr_find", "lr_finder"), "Use tunesmith lr-test with the same overrides"),
    **dict.fromkeys(("k_folds", "k_fold", "num_folds"), FOLDS),
    **dict.fromkeys(
        ("calibration", "temperature_scaling"),
        "Every run fits a temperature, which tunesmith predict RUN INPUT --calibrated uses; as a metric of its own: "
        "+evaluation.metrics.ece=ece",
    ),
    **dict.fromkeys(
        ("thresholds", "decision_threshold", "classification_threshold"),
        "Thresholds are fitted to a finished run's validation rows: tunesmith predict RUN INPUT --threshold f1",
    ),
    **dict.fromkeys(
        ("normalization", "normalize", "outlier_strategy"), "Numbers are learned as they are: change them in the file"
    ),
    **dict.fromkeys(
        ("output_features", "label_columns"),
        "A run learns one column, data.label_column; with task=multi_label, it may hold several labels",
    ),
    **dict.fromkeys(("regularization_type", "l1"), "Weights are decayed: optimizer.weight_decay=0.01"),
    "soft_labels": "A text has one label, or several with task=multi_label",
    "ordinal": "Ordered numbers are learned with task=regression",
}
"""Names to what to use here, if it is not a single key."""
ABSENT = frozenset(
    (
        *("neftune_noise_alpha", "use_liger_kernel", "loss", "loss_type", "streaming", "torch_compile", "compile"),
        *("loraplus_lr_ratio", "deepspeed", "fsdp", "use_unsloth"),
    )
)
"""Names that have no counterpart here; suggesting a key with a similar name would mislead."""
TRACKERS = {
    **dict.fromkeys(("logger.entity", "logger.mode"), "It goes with logger=wandb"),
    **dict.fromkeys(("logger.save_dir", "logger.log_dir"), "It goes with logger=tensorboard, as logger.folder"),
    "logger.experiment_name": "Here it is logger.project",
}
"""Keys of one tracker, or of Lightning's loggers, each with the tracker or key to use."""
HYDRA = {
    "hydra.run.dir": "run.dir, or run.root for the folder of all runs",
    "hydra.sweep.dir": "run.dir, or run.root for the folder of all runs",
    "hydra.job.name": "run.name",
    "hydra/launcher": "hydra.sweeper.n_jobs, the number of runs at once",
}
"""Hydra's own settings, each with our key for the same thing."""
PREFERENCES = "Preference tuning is not available"
LOCAL = "metrics.jsonl in the run's directory always has every number: logger=none"
OPTIONS = {
    "task": {
        **dict.fromkeys(("dpo", "kto", "orpo", "ppo", "grpo", "reward", "rm"), PREFERENCES),
        **dict.fromkeys(("sft", "pt", "causal_lm"), "Here it is task=language_modeling"),
    },
    "logger": dict.fromkeys(("csv", "comet", "many_loggers"), LOCAL),
    "method": {
        "qlora": "Here it is method=lora model.quantization=4bit",
        "dora": "Here it is method=lora method.use_dora=true",
        "none": UNTRAINED,
    },
    "data": {
        "tsv": "Here it is data=csv data.delimiter=tab",
        **dict.fromkeys(("feather", "hf", "huggingface"), "Here it is data=arrow"),
        **dict.fromkeys(("txt", "plain_text"), "Here it is data=text"),
    },
    "optimizer": {"muon": "It only trains matrices, such as those of method=lora: optimizer._target_=torch.optim.Muon"},
    "hydra/sweeper": {"optuna": "Leave it out: the default, tunesmith, searches with Optuna"},
}
"""Group to other tools' options, each with what to use here."""
VALUES = {
    ("logger.name", "tensorboard"): "Use logger=tensorboard",
    ("logger.name", "mlflow"): "Use logger=mlflow",
    ("data.max_length", None): "For the model's own limit, set its number of positions",
    ("data.order", "none"): INSTEAD["shuffle"],
    ("data.order", "balanced"): "To weigh labels: task.class_weights=balanced",
    ("data.batch_size", "auto"): "To save memory, set data.micro_batch_size: it does not change the result of a step",
    ("data.eval_batch_size", "auto"): "A smaller one takes less memory and gives the same metrics",
    ("optimizer.lr", "auto"): INSTEAD["lr_finder"],
    ("data.split.method", "kfold"): FOLDS,
    ("data.on_empty", "fill_with_mode"): "Fill them in the file, or leave them out: data.on_empty=drop",
    ("data.format", "tsv"): "Use data.format=csv data.delimiter=tab",
    ("data.format", "json"): "Use data=json, or data=jsonl for an object in each line",
    ("data.format", "text"): "Use data=text",
    ("data.format", "parquet"): "Use data=parquet",
    ("data.format", "arrow"): "Use data=arrow",
    ("data.format", "alpaca"): "Use data=jsonl data.convert=alpaca",
    ("data.format", "sharegpt"): "Use data=jsonl data.convert=sharegpt",
}
"""Key and value to what to use here instead."""
VERBS = {
    **dict.fromkeys(("chat", "generate", "infer", "inference", "serve"), "predict"),
    **dict.fromkeys(("eval", "test", "validate"), "evaluate"),
    **dict.fromkeys(("fit", "sft", "finetune", "run"), "train"),
    **dict.fromkeys(("preprocess", "config"), "check"),
    **dict.fromkeys(("hyperopt", "optimize", "tune"), "sweep"),
    **dict.fromkeys(("merge", "merge-lora"), "export RUN --merge"),
    **dict.fromkeys(("init", "init_config", "render_config"), "train --cfg job"),
    **dict.fromkeys(("visualize", "info"), "show"),
}
SWEEPER = {
    "direction": "It is the metric's own; evaluation.mode sets it for evaluation.monitor",
    "study_name": "Use run.name",
    "max_failure_rate": "Use hydra.sweeper.max_failures, a number of trials",
    **dict.fromkeys(
        ("search_space", "custom_search_space"),
        "Use hydra.sweeper.params, where {space: ..., when: method=lora} varies a key only for certain values "
        "of another",
    ),
    "n_startup_trials": "It is the sampler's: 'hydra.sweeper.sampler={name: tpe, n_startup_trials: 5}'",
    "seed": "It is the sweep's: hydra.sweeper.seed=1",
}
"""The same for `hydra.sweeper`."""


def equivalent_of(path: str) -> str | None:
    """What to use here instead of a key that another tool has; None for a name that is not known.

    Args:
        path: The dotted key; its last name is looked up too.
    """
    whole = path.lower()
    if whole in TRACKERS:
        return TRACKERS[whole]
    name = whole if whole in KEYS else whole.rpartition(".")[2]
    if name in INSTEAD:
        return INSTEAD[name]
    if name in ABSENT:
        return "Tunesmith has no equivalent"
    return f"Here it is {' with '.join(KEYS[name])}" if name in KEYS else None
