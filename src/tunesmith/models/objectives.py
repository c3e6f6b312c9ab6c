"""What each task asks of a network: its inputs, the losses of a step, and what an evaluation pass keeps.

Losses are sums per sample, so that a mean can be taken over whatever a step consists of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

IGNORED = -100
"""Label of a token that is not asked for, as in transformers."""
Batch = Mapping[str, Any]
"""See `data/batching.py`."""
Answers = Tensor | Sequence[Any]
"""What a network answers, sample by sample: shape (samples, ...), or a list."""


class Objective:
    """One label per text; the base of the others.

    Args:
        label_smoothing: Part of the right label's probability that is spread over all labels, in training.
        class_weights: Weight of each label in training, shape (labels,).
    """

    SPEAKS: ClassVar[bool] = True
    """Whether metrics compare answers; else they are made from the losses."""

    def __init__(self, *, label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> None:
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights

    def inputs(self, network: Any, batch: Batch) -> dict[str, Any]:
        """The network's arguments for a batch."""
        chosen = ["input_ids", *(name for name in ("attention_mask", "position_ids") if name in batch)]
        if "token_type_ids" in batch and getattr(network.config, "type_vocab_size", 0) > 1:
            chosen.append("token_type_ids")
        return {name: batch[name] for name in chosen}

    def logits(self, network: Any, batch: Batch) -> Tensor:
        """The network's logits of a batch, shape (samples, labels) or (samples, tokens, labels)."""
        inputs = self.inputs(network, batch)
        logits: Tensor = network(**inputs).logits
        if logits.ndim == 2:
            return logits
        tokens = inputs.get("decoder_input_ids", inputs["input_ids"])
        return logits[:, -tokens.shape[1] :]  # what a prompt's own positions answer comes before

    def losses(self, logits: Tensor, batch: Batch) -> Tensor:
        """The training loss of each sample, times what it counts, in nats and fp32, shape (samples,)."""
        weights = None if self.class_weights is None else self.class_weights.to(logits.device)
        return cross_entropy(
            logits.float(), batch["labels"], weights, reduction="none", label_smoothing=self.label_smoothing
        )

    def measure(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The plain loss of each sample as a sum, and over how many things it is, both of shape (samples,)."""
        losses = cross_entropy(logits.float(), batch["labels"], reduction="none")
        return losses, torch.ones_like(losses)

    def answers(self, network: Any, logits: Any, batch: Batch) -> Answers:
        """What an evaluation pass keeps of each sample: here its logits, fp32, on the CPU."""
        kept: Tensor = logits.float().cpu()
        return kept

    def truths(self, batch: Batch) -> Answers:
        """What the answers are compared with."""
        labels: Tensor = batch["labels"].cpu()
        return labels


class MultiLabelObjective(Objective):
    """Any number of labels per text: the mean of a yes-or-no cross-entropy over the labels."""

    def losses(self, logits: Tensor, batch: Batch) -> Tensor:
        """The mean over labels, of each sample."""
        return binary_cross_entropy_with_logits(logits.float(), batch["labels"], reduction="none").mean(dim=1)

    def measure(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The same, each sample counting as one."""
        losses = self.losses(logits, batch)
        return losses, torch.ones_like(losses)

    def truths(self, batch: Batch) -> Answers:
        """1 for each label that a text has, 0 for the others."""
        labels: Tensor = batch["labels"].long().cpu()
        return labels


class RegressionObjective(Objective):
    """A number per text: the squared error."""

    def losses(self, logits: Tensor, batch: Batch) -> Tensor:
        """The squared error of each sample."""
        errors: Tensor = logits.float().squeeze(1) - batch["labels"]
        return errors.square()

    def measure(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The same, each sample counting as one."""
        losses = self.losses(logits, batch)
        return losses, torch.ones_like(losses)

    def answers(self, network: Any, logits: Any, batch: Batch) -> Answers:
        """The number, shape (samples,)."""
        kept: Tensor = logits.float().squeeze(1).cpu()
        return kept


class TagObjective(Objective):
    """A tag for each word, asked at its first token."""

    def losses(self, logits: Tensor, batch: Batch) -> Tensor:
        """The sum over the words of each sample."""
        weights = None if self.class_weights is None else self.class_weights.to(logits.device)
        options = {"weight": weights, "label_smoothing": self.label_smoothing}
        return _token_losses(logits, batch["labels"], **options).sum(dim=1)

    def measure(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The plain sum, and the number of words."""
        return _token_losses(logits, batch["labels"]).sum(dim=1), (batch["labels"] != IGNORED).sum(dim=1)

    def answers(self, network: Any, logits: Any, batch: Batch) -> Answers:
        """For each sentence the logits of its words, shape (words, labels); NaN for words beyond the last token."""
        answers = []
        for row, words, reference in zip(logits.float().cpu(), batch["words"].cpu(), batch["references"], strict=True):
            of_words = torch.full((len(reference), row.shape[1]), torch.nan)
            of_words[words[words >= 0]] = row[words >= 0]
            answers.append(of_words)
        return answers

    def truths(self, batch: Batch) -> Answers:
        """The tags of each sentence."""
        return [tuple(tags) for tags in batch["references"]]


class NextTokenObjective(Objective):
    """Every next token that is asked for, by a decoder."""

    SPEAKS = False

    def inputs(self, network: Any, batch: Batch) -> dict[str, Any]:
        """Without the cache, beside which positions of packed texts would not be seen."""
        return super().inputs(network, batch) | {"use_cache": False}

    def losses(self, logits: Tensor, batch: Batch) -> Tensor:
        """The sum over the tokens of each sample."""
        return _token_losses(logits[:, :-1], batch["labels"][:, 1:]).sum(dim=1)

    def measure(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The same sum, and the number of tokens."""
        return self.losses(logits, batch), (batch["labels"][:, 1:] != IGNORED).sum(dim=1)

    def answers(self, network: Any, logits: Any, batch: Batch) -> Answers:
        """Nothing but the loss."""
        return [None] * len(logits)

    def truths(self, batch: Batch) -> Answers:
        """Nothing."""
        return [None] * len(batch["rows"])


class DecoderText(NextTokenObjective):
    """A text written on from another, by a decoder; answers are written greedily.

    Args:
        decode: From ids to text, special tokens left out.
        max_new_tokens: Tokens of an answer at most.
    """

    SPEAKS = True

    def __init__(self, decode: Any, max_new_tokens: int) -> None:
        super().__init__()
        self.decode = decode
        self.max_new_tokens = max_new_tokens

    def answers(self, network: Any, logits: Any, batch: Batch) -> Answers:
        """What the network writes on from each prompt."""
        prompts = batch["prompt_ids"]
        written = self._generate(network, prompts, batch["prompt_mask"])[:, prompts.shape[1] :]
        return [self._text(ids, network) for ids in written]

    def truths(self, batch: Batch) -> Answers:
        """The texts as they should be."""
        return list(batch["references"])

    def _text(self, ids: Tensor, network: Any) -> str:
        """The text up to the token that ended it, which need not be one that decoding leaves out."""
        ends = network.generation_config.eos_token_id
        stops = torch.isin(ids, torch.as_tensor([] if ends is None else ends)).nonzero()
        text: str = self.decode(ids[: int(stops[0])] if len(stops) else ids)
        return text

    def _generate(self, network: Any, ids: Tensor, mask: Tensor) -> Tensor:
        greedy = {"do_sample": False, "num_beams": 1, "max_new_tokens": self.max_new_tokens}
        written: Tensor = network.generate(input_ids=ids, attention_mask=mask, use_cache=True, **greedy)
        return written.cpu()


class EncoderDecoderText(DecoderText):
    """A text for another, by an encoder-decoder; answers are written greedily."""

    def inputs(self, network: Any, batch: Batch) -> dict[str, Any]:
        """The target shifted by one goes into the decoder."""
        shifted = network.prepare_decoder_input_ids_from_labels(labels=batch["labels"])
        return super().inputs(network, batch) | {"decoder_input_ids": shifted}

    def losses(self, logits: Tensor, batch: Batch) -> Tensor:
        """The sum over the tokens of each target."""
        return _token_losses(logits, batch["labels"]).sum(dim=1)

    def measure(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The same sum, and the number of tokens."""
        return self.losses(logits, batch), (batch["labels"] != IGNORED).sum(dim=1)

    def answers(self, network: Any, logits: Any, batch: Batch) -> Answers:
        """What the network writes for each source."""
        written = self._generate(network, batch["input_ids"], batch["attention_mask"])
        return [self._text(ids[1:], network) for ids in written]  # the first one is what a decoder starts from


def _token_losses(logits: Tensor, labels: Tensor, **options: Any) -> Tensor:
    """Cross-entropy of each token in fp32, 0 where none is asked for; logits (samples, tokens, labels)."""
    flat = logits.reshape(-1, logits.shape[-1]).float()
    losses = cross_entropy(flat, labels.reshape(-1), ignore_index=IGNORED, reduction="none", **options)
    return losses.reshape(labels.shape)
