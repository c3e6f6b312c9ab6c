"""Labels and probabilities for new texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tunesmith.data.batching import TokenDataset, plan_evaluation
from tunesmith.data.tokenization import tokenize
from tunesmith.training.build import set_numerics
from tunesmith.training.load import Trained


def predict(trained: Trained, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The predicted label and the probability of every label, for each text in order.

    Args:
        trained: A model from `load_model`.
        texts: The texts; longer ones than the run's `data.max_length` are cut there, as in training.
    """
    set_numerics(trained.config)
    data = trained.config.data
    tokens = tokenize(texts, trained.tokenizer, data.max_length, Path(data.cache_dir))
    pad = trained.tokenizer.pad_token_id
    nothing = np.zeros(len(texts), dtype=np.int64)
    dataset = TokenDataset(tokens, nothing, 0 if pad is None else pad, trained.tokenizer.padding_side)
    logits = torch.empty(len(texts), len(trained.labels))
    with torch.inference_mode():
        for micro_batch in plan_evaluation(tokens.lengths, data.eval_batch_size):
            batch = dataset[micro_batch]
            output = trained.network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            logits[batch["rows"]] = output.logits.float()
    for row in logits.double().softmax(dim=1).tolist():
        probabilities = dict(zip(trained.labels, row, strict=True))
        yield {"prediction": max(probabilities, key=probabilities.__getitem__), "probabilities": probabilities}
