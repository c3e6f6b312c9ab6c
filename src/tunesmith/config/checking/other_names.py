"""What other tools call our keys: a name that people bring along is answered with the key that does it here."""

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
    "model_name_or_path": ("model.path",),
    "base_model": ("model.path",),
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
}
ANSWERS_ALONE = "With data.target_column the answer alone is learned; without it, the whole of data.text_column"
KEPT = "The run keeps its best weights as its model, and checkpoints/last.ckpt to go on with"
PARTS = "Say in a column which rows are train, val and test: data.split.method=column data.split.column=NAME"
TEMPLATE = "The chat template is the tokenizer's: model.tokenizer=FOLDER"
TOKENS = "Add tokens to a saved model and its tokenizer with transformers, and name the folder: model.path=FOLDER"
WRITTEN_OUT = "Texts are taken as they stand in data.text_column: write them into the file as they are to be read"
INSTEAD = {
    "ckpt_path": "Use tunesmith evaluate RUN, or tunesmith resume RUN",
    "resume_from_checkpoint": "Use tunesmith resume RUN",
    "fast_dev_run": "Use experiment=smoke",
    **dict.fromkeys(("print_config", "extras"), "Use tunesmith train --cfg job"),
    **dict.fromkeys(("save_top_k", "save_total_limit", "save_strategy", "load_best_model_at_end"), KEPT),
    **dict.fromkeys(("completion_only_loss", "train_on_prompt", "train_on_inputs"), ANSWERS_ALONE),
    **dict.fromkeys(
        ("assistant_only_loss", "roles_to_train", "mask_history"),
        'All turns of the assistant in data.messages_column are learned, but for those with "train": false',
    ),
    **dict.fromkeys(("chat_template", "chat_template_path", "template"), TEMPLATE),
    **dict.fromkeys(
        ("chat_template_kwargs", "enable_thinking"), "Give each row its own, in a column named chat_template_kwargs"
    ),
    **dict.fromkeys(("formatting_func", "prompt_template"), WRITTEN_OUT),
    **dict.fromkeys(("eval_path", "eval_file", "eval_dataset", "val_file", "val_path", "validation_file"), PARTS),
    **dict.fromkeys(("test_file", "test_path", "test_datasets"), PARTS),
    "eval_sets": "Measure other sets with a finished run: tunesmith evaluate RUN data.path=FILE",
    **dict.fromkeys(("add_tokens", "add_special_tokens", "special_tokens", "new_special_tokens"), TOKENS),
    "resize_vocab": TOKENS,
    **dict.fromkeys(
        ("dtype", "torch_dtype", "pure_bf16"), "Weights are kept in fp32; trainer.precision is that of the computation"
    ),
    **dict.fromkeys(
        ("adapter_name_or_path", "adapter_path", "lora_model_dir"),
        "Go on from its run: model=from_run model.from_run=RUN",
    ),
    **dict.fromkeys(("finetuning_type", "peft_method", "adapter"), "Here it is the group method, such as method=lora"),
    **dict.fromkeys(("stage", "task_type"), "Here it is the group task, such as task=language_modeling"),
    "report_to": "Here it is the group logger: logger=wandb or logger=none",
    "optim": "Here it is the group optimizer, such as optimizer=adamw",
    "lr_scheduler_type": "Here it is the group scheduler, such as scheduler=cosine",
    **dict.fromkeys(("push_to_hub", "hub_model_id"), "Use tunesmith export RUN, and upload the folder with hf upload"),
    **dict.fromkeys(
        ("batching_strategy", "max_tokens_per_batch"),
        "Batches have data.batch_size rows; data.order=bucketed puts rows of similar length together",
    ),
    **dict.fromkeys(
        ("disable_shuffling", "shuffle"), "Rows are shuffled anew in each epoch, as seed and data.order say"
    ),
    "strategy": "A run trains on one device",
}
"""What does the work of a key, where that is no single key."""
ABSENT = frozenset(
    (
        *("neftune_noise_alpha", "use_liger_kernel", "loss", "loss_type", "streaming", "torch_compile", "compile"),
        *("loraplus_lr_ratio", "deepspeed", "fsdp", "use_unsloth"),
    )
)
"""Keys for which there is nothing: one of ours that only sounds alike would mislead."""
HYDRA = {
    "hydra.run.dir": "run.dir, or run.root for the folder of all runs",
    "hydra.sweep.dir": "run.dir, or run.root for the folder of all runs",
    "hydra.job.name": "run.name",
}
"""Hydra's own settings of what a run decides."""
PREFERENCES = "Learning from preferences is not offered"
LOCAL = "metrics.jsonl in the run's directory holds every number in any case: logger=none"
OPTIONS = {
    "task": {
        **dict.fromkeys(("dpo", "kto", "orpo", "ppo", "grpo", "reward", "rm"), PREFERENCES),
        **dict.fromkeys(("sft", "pt", "causal_lm"), "Here it is task=language_modeling"),
    },
    "logger": dict.fromkeys(("csv", "tensorboard", "mlflow", "comet", "many_loggers"), LOCAL),
    "method": {"qlora": "Here it is method=lora model.quantization=4bit"},
}
"""Group to options of other tools, each with what does it here."""
VALUES = {
    ("data.max_length", None): "For no limit but the model's, name the model's own number of positions",
    ("data.order", "none"): INSTEAD["shuffle"],
}
"""Key and value to what does here what is meant by it."""
VERBS = {
    **dict.fromkeys(("chat", "generate", "infer", "inference"), "predict"),
    **dict.fromkeys(("eval", "test", "validate"), "evaluate"),
    **dict.fromkeys(("fit", "sft", "finetune", "run"), "train"),
    **dict.fromkeys(("preprocess", "config"), "check"),
    **dict.fromkeys(("hyperopt", "optimize", "tune"), "sweep"),
    "merge": "export RUN --merge",
}
SWEEPER = {
    "direction": "It is the metric's own; evaluation.mode says it for evaluation.monitor",
    "study_name": "Use run.name",
}
"""The same for `hydra.sweeper`."""


def ours(path: str) -> str | None:
    """What does here what the last name of an unknown key does elsewhere; None for a name that is not known.

    Args:
        path: The dotted key.
    """
    name = path.rpartition(".")[2].lower()
    if name in INSTEAD:
        return INSTEAD[name]
    if name in ABSENT:
        return "There is nothing of the kind here"
    return f"Here it is {' with '.join(KEYS[name])}" if name in KEYS else None
