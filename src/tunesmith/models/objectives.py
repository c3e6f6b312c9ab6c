"""Each task's network inputs, training losses, and what an evaluation pass keeps.

Losses are sums per sample, so the mean can be taken over everything in an optimizer step. They are computed from what
`forward` returns: logits, or where tokens are predicted the loss of each, since all their logits would take gigabytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tunesmith.models.token_losses import IGNORED, token_losses

Batch = Mapping[str, Any]
"""See `data/batching.py`."""
Answers = Tensor | Sequence[Any]
"""Predictions per sample: a tensor of shape (samples, ...), or a list."""


class Objective:
    """One label per text; the base of the others.

    Args:
        label_smoothing: Share of the correct label's probability that is spread over all labels in training.
        class_weights: Weight of each label in training, shape (labels,).
    """

    SPEAKS: ClassVar[bool] = True
    """Whether metrics compare predictions with references; if not, they are computed from losses."""

    def __init__(self, *, label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> None:
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights

    def inputs(self, network: Any, batch: Batch) -> dict[str, Any]:
        """Return the network's arguments for a batch."""
        chosen = ["input_ids", *(name for name in ("attention_mask", "position_ids") if name in batch)]
        if "token_type_ids" in batch and getattr(network.config, "type_vocab_size", 0) > 1:
            chosen.append("token_type_ids")
        return {name: batch[name] for name in chosen}

    def forward(self, network: Any, batch: Batch) -> Tensor:
        """Compute the logits of a batch, shape (samples, labels) or (samples, tokens, labels)."""
        inputs = self.inputs(network, batch)
        logits: Tensor = network(**inputs).logits
        if logits.ndim == 2:
            return logits
        tokens = inputs.get("decoder_input_ids", inputs["input_ids"])
        return logits[:, -tokens.shape[1] :]  # a trained prompt's own positions come first

    def losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the weighted training loss of each sample, in nats and fp32, shape (samples,)."""
        weights = None if self.class_weights is None else self.class_weights.to(outputs.device)
        return cross_entropy(
            outputs.float(), batch["labels"], weights, reduction="none", label_smoothing=self.label_smoothing
        )

    def measure(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return each sample's unweighted loss as a sum, and the number of terms in it, both of shape (samples,)."""
        losses = cross_entropy(outputs.float(), batch["labels"], reduction="none")
        return losses, torch.ones_like(losses)

    def answers(self, network: Any, outputs: Any, batch: Batch) -> Answers:
        """Return the predictions that an evaluation pass keeps: here the logits, fp32, on the CPU."""
        kept: Tensor = outputs.float().cpu()
        return kept

    def truths(self, batch: Batch) -> Answers:
        """Return the references that predictions are compared with."""
        labels: Tensor = batch["labels"].cpu()
        return labels


class MultiLabelObjective(Objective):
    """Any number of labels per text: binary cross-entropy, averaged over the labels."""

    def losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return each sample's mean over the labels, shape (samples,)."""
        return binary_cross_entropy_with_logits(outputs.float(), batch["labels"], reduction="none").mean(dim=1)

    def measure(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the same losses, with a count of one per sample."""
        losses = self.losses(outputs, batch)
        return losses, torch.ones_like(losses)

    def truths(self, batch: Batch) -> Answers:
        """Return 1 for each label that a text has and 0 for the others, shape (samples, labels)."""
        labels: Tensor = batch["labels"].long().cpu()
        return labels


class RegressionObjective(Objective):
    """A number per text, with the squared error."""

    def losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the squared error of each sample, shape (samples,)."""
        errors: Tensor = outputs.float().squeeze(1) - batch["labels"]
        return errors.square()

    def measure(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the same losses, with a count of one per sample."""
        losses = self.losses(outputs, batch)
        return losses, torch.ones_like(losses)

    def answers(self, network: Any, outputs: Any, batch: Batch) -> Answers:
        """Return the predicted numbers, shape (samples,)."""
        kept: Tensor = outputs.float().squeeze(1).cpu()
        return kept


class TagObjective(Objective):
    """A tag for each word, predicted at its first token."""

    def losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the sum over each sample's words, shape (samples,)."""
        weights = None if self.class_weights is None else self.class_weights.to(outputs.device)
        options = {"weight": weights, "label_smoothing": self.label_smoothing}
        return _token_losses(outputs, batch["labels"], **options).sum(dim=1)

    def measure(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the unweighted sum and the number of words, both of shape (samples,)."""
        return _token_losses(outputs, batch["labels"]).sum(dim=1), (batch["labels"] != IGNORED).sum(dim=1)

    def answers(self, network: Any, outputs: Any, batch: Batch) -> Answers:
        """Return each sentence's logits, shape (words, labels); NaN for words beyond the last token."""
        answers = []
        for row, words, reference in zip(outputs.float().cpu(), batch["words"].cpu(), batch["references"], strict=True):
            of_words = torch.full((len(reference), row.shape[1]), torch.nan)
            of_words[words[words >= 0]] = row[words >= 0]
            answers.append(of_words)
        return answers

    def truths(self, batch: Batch) -> Answers:
        """Return the tags of each sentence."""
        return [tuple(tags) for tags in batch["references"]]


class NextTokenObjective(Objective):
    """Next-token prediction by a decoder, for tokens with a label.

    Args:
        token_bytes: Bytes of text that each token stands for, shape (tokens,); None if that is not known.
    """

    SPEAKS = False

    def __init__(self, token_bytes: Tensor | None = None) -> None:
        super().__init__()
        self.token_bytes = token_bytes

    def inputs(self, network: Any, batch: Batch) -> dict[str, Any]:
        """Return the arguments with the cache off: with it, positions of packed texts would be ignored."""
        return super().inputs(network, batch) | {"use_cache": False}

    def forward(self, network: Any, batch: Batch) -> Tensor:
        """Compute the loss of each token that is asked for, 0 for the others, shape (samples, tokens)."""
        return token_losses(network, self.inputs(network, batch), self.asked(batch))

    def asked(self, batch: Batch) -> Tensor:
        """Return for each position the token that it predicts, or IGNORED, shape (samples, tokens)."""
        labels: Tensor = batch["labels"]
        return torch.cat([labels[:, 1:], torch.full_like(labels[:, :1], IGNORED)], dim=1)

    def losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the sum over each sample's tokens, shape (samples,)."""
        return outputs.sum(dim=1)

    def measure(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the same sum and the number of tokens, both of shape (samples,)."""
        return self.losses(outputs, batch), (self.asked(batch) != IGNORED).sum(dim=1)

    def answers(self, network: Any, outputs: Any, batch: Batch) -> Answers:
        """Return no predictions, but the bytes of the predicted tokens, shape (samples,); placeholders if unknown."""
        if self.token_bytes is None:
            return [None] * len(batch["rows"])
        asked = self.asked(batch).cpu()
        counts: Tensor = torch.where(asked != IGNORED, self.token_bytes[asked.clamp(min=0)], 0)
        return counts.sum(dim=1)

    def truths(self, batch: Batch) -> Answers:
        """Return no references, only placeholders."""
        return [None] * len(batch["rows"])


class DecoderText(NextTokenObjective):
    """Continuation of a text by a decoder, with greedy decoding.

    Args:
        decode: Turns ids into text, without special tokens.
        max_new_tokens: Maximum tokens of an answer.
    """

    SPEAKS = True

    def __init__(self, decode: Any, max_new_tokens: int) -> None:
        super().__init__()
        self.decode = decode
        self.max_new_tokens = max_new_tokens

    def answers(self, network: Any, outputs: Any, batch: Batch) -> Answers:
        """Generate the continuation of each prompt."""
        prompts = batch["prompt_ids"]
        written = self._generate(network, prompts, batch["prompt_mask"])[:, prompts.shape[1] :]
        return [self._text(ids, network) for ids in written]

    def truths(self, batch: Batch) -> Answers:
        """Return the reference texts."""
        return list(batch["references"])

    def _text(self, ids: Tensor, network: Any) -> str:
        """Decode up to the end token, which decoding does not always leave out."""
        ends = network.generation_config.eos_token_id
        stops = torch.isin(ids, torch.as_tensor([] if ends is None else ends)).nonzero()
        text: str = self.decode(ids[: int(stops[0])] if len(stops) else ids)
        return text

    def _generate(self, network: Any, ids: Tensor, mask: Tensor) -> Tensor:
        greedy = {"do_sample": False, "num_beams": 1, "max_new_tokens": self.max_new_tokens}
        written: Tensor = network.generate(input_ids=ids, attention_mask=mask, use_cache=True, **greedy)
        return written.cpu()


class EncoderDecoderText(DecoderText):
    """Text to text by an encoder-decoder, with greedy decoding."""

    def inputs(self, network: Any, batch: Batch) -> dict[str, Any]:
        """Return the arguments, with the target shifted by one as the decoder's input."""
        shifted = network.prepare_decoder_input_ids_from_labels(labels=batch["labels"])
        return super().inputs(network, batch) | {"decoder_input_ids": shifted}

    def asked(self, batch: Batch) -> Tensor:
        """Return the target's tokens."""
        labels: Tensor = batch["labels"]
        return labels

    def answers(self, network: Any, outputs: Any, batch: Batch) -> Answers:
        """Generate the text for each source."""
        written = self._generate(network, batch["input_ids"], batch["attention_mask"])
        return [self._text(ids[1:], network) for ids in written]  # the first token is the decoder's start token


def _token_losses(logits: Tensor, labels: Tensor, **options: Any) -> Tensor:
    """Cross-entropy of each token in fp32, 0 for tokens without a label; logits (samples, tokens, labels)."""
    flat = logits.reshape(-1, logits.shape[-1]).float()
    losses = cross_entropy(flat, labels.reshape(-1), ignore_index=IGNORED, reduction="none", **options)
    return losses.reshape(labels.shape)
