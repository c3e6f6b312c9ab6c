"""The model families that each task supports, known before anything heavy is imported."""

from __future__ import annotations

from typing import Final, Literal

from tunesmith.config.tasks import TASKS

Family = Literal["encoder", "causal", "seq2seq"]

EXAMPLES: Final[dict[str, str]] = {
    "encoder": "model=minilm or model=modernbert_base",
    "causal": "model=smollm2_135m or model=gpt2",
    "seq2seq": "model=t5_small",
}


def family_mismatch(task: str, what: str) -> tuple[str, str]:
    """Rule and hint for a model whose family does not fit the task.

    Args:
        task: The task.
        what: A clause that names the model's family.
    """
    families = TASKS[task].heads
    kinds = " or ".join(f"{'an' if fitting == 'encoder' else 'a'} {fitting} model" for fitting in families)
    return f"task={task} needs {kinds}, but {what}", "Use " + ", or ".join(EXAMPLES[fitting] for fitting in families)
