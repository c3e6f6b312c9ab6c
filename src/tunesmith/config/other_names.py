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
}
COMMANDS = {
    "ckpt_path": "Use tunesmith evaluate RUN, or tunesmith resume RUN",
    "resume_from_checkpoint": "Use tunesmith resume RUN",
    "fast_dev_run": "Use experiment=smoke",
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
    if name in COMMANDS:
        return COMMANDS[name]
    return f"Here it is {' with '.join(KEYS[name])}" if name in KEYS else None
