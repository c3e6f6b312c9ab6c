"""Classification with label words: a label's logit is the language model's for its word (arXiv:2001.07676)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from transformers.modeling_outputs import SequenceClassifierOutput

from tunesmith.errors import ConfigError, Problem


class LabelWordNetwork(torch.nn.Module):
    """A language model as a classifier: a decoder's next word, or an encoder-decoder's first word.

    It adds no weights: it is saved as the language model, which plain transformers can load.

    Args:
        network: A causal or an encoder-decoder language model.
        word_ids: Token id of each label's word, in the order of the labels.
        cue_ids: Token ids appended to every text, e.g. those of " It was".
    """

    base_model_prefix = "network"
    word_ids: Tensor
    cue_ids: Tensor

    def __init__(self, network: Any, word_ids: Sequence[int], cue_ids: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.config = network.config
        self.register_buffer("word_ids", torch.tensor(word_ids), persistent=False)
        self.register_buffer("cue_ids", torch.tensor(cue_ids, dtype=torch.long), persistent=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> SequenceClassifierOutput:
        """Logits of a batch, shape (rows, labels)."""
        ids, mask, last = with_cue(input_ids, attention_mask, self.cue_ids)
        rows = torch.arange(len(ids), device=ids.device)
        if self.config.is_encoder_decoder:
            start = torch.full_like(rows, self.config.decoder_start_token_id).unsqueeze(1)  # (rows, 1)
            logits = self.network(input_ids=ids, attention_mask=mask, decoder_input_ids=start).logits[:, 0]
        else:
            logits = self.network(input_ids=ids, attention_mask=mask, use_cache=False).logits[rows, last]
        return SequenceClassifierOutput(logits=logits[:, self.word_ids])

    def get_input_embeddings(self) -> Any:
        """Return the language model's token embeddings."""
        return self.network.get_input_embeddings()

    def gradient_checkpointing_enable(self, **arguments: Any) -> None:
        """Let the language model recompute activations in the backward pass."""
        self.network.gradient_checkpointing_enable(**arguments)

    def save_pretrained(self, folder: str | Path, **arguments: Any) -> None:
        """Save the language model."""
        self.network.save_pretrained(folder, **arguments)


def with_cue(input_ids: Tensor, mask: Tensor, cue: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Append the cue after each text's last token, with padding on either side.

    Args:
        input_ids: Shape (rows, tokens).
        mask: 1 for tokens and 0 for padding, shape (rows, tokens).
        cue: Shape (cue tokens,).

    Returns:
        Ids and mask, shape (rows, tokens + cue tokens), and the position of each row's last token, shape (rows,).
    """
    columns = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    last = columns.masked_fill(mask == 0, -1).amax(dim=1)  # (rows,)
    places = last.unsqueeze(1) + 1 + torch.arange(len(cue), device=mask.device)  # (rows, cue tokens)
    room = mask.new_zeros(len(mask), len(cue))
    ids = torch.cat([input_ids, room], dim=1).scatter(1, places, cue.expand_as(places))
    return ids, torch.cat([mask, room], dim=1).scatter(1, places, torch.ones_like(places)), last + len(cue)


def cue_tokens(cue: str, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Tokenize the cue as the continuation of a text."""
    ids: list[int] = tokenizer(cue, add_special_tokens=False).input_ids
    return ids


def word_tokens(words: Mapping[str, str], labels: Sequence[str], tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the token id of each label's word, tokenized after a space.

    Raises:
        ConfigError: A label has no word or a word no label, a word is not a single token, or two labels share one.
    """
    tokens: dict[str, int] = {}
    hint = f"The labels are {', '.join(labels)}"
    unknown = [name for name in words if name not in labels]
    rule = "is not a label of the data"
    problems = [Problem(f"model.head.words.{name}", rule, words[name], hint) for name in unknown]
    for label in labels:
        where = f"model.head.words.{label}"
        if label not in words:
            problems.append(Problem(where, "every label of the data needs a word", None, f"Set it: {where}=WORD"))
            continue
        ids = tokenizer(f" {words[label]}", add_special_tokens=False).input_ids
        if len(ids) != 1 or ids[0] in tokens.values():
            rule = "must be a single token, and not another label's"
            hint = f"It is tokenized as {' '.join(tokenizer.convert_ids_to_tokens(ids))}. Choose a more frequent word"
            problems.append(Problem(where, rule, words[label], hint))
            continue
        tokens[label] = ids[0]
    if problems:
        raise ConfigError(problems, late=True)
    return [tokens[label] for label in labels]
