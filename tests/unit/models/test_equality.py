"""Every family against plain transformers and plain peft: logits, loss, gradients, merged weights, written text."""

import copy
from functools import partial

import peft
import pytest
import pytorch_lightning as pl
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from tunesmith import compose
from tunesmith.models.methods import apply_method
from tunesmith.models.module import FineTuner
from tunesmith.models.objectives import IGNORED, EncoderDecoderText, NextTokenObjective
from tunesmith.models.weights import load_network, load_tokenizer

FAMILIES = ("tiny_encoder", "tiny_causal", "tiny_seq2seq")
LABELS = ["bad", "good", "fair"]
TEXTS = ["a film", "a long and loud film about nothing", "so dull that it hurts", "warm", "bright, and then it ends"]


def network_of(option, task="classification"):
    model = compose([f"model={option}", "model.dropout=0.0"]).config.model
    tokenizer = load_tokenizer(model)
    labels = LABELS if task == "classification" else []
    return load_network(model, labels, seed=0, task=task, pad_token_id=tokenizer.pad_token_id), tokenizer


def batch_of(tokenizer, side, rows=slice(None), window=None):
    encoded = tokenizer(TEXTS, padding=True, padding_side=side, return_tensors="pt", return_token_type_ids=False)
    labels = torch.tensor([0, 2, 1, 1, 0])[rows]
    whole = {name: tensor[rows] for name, tensor in encoded.items()}
    return whole | {"labels": labels, "rows": torch.arange(5)[rows], "window": torch.tensor(window or len(labels))}


class Gradients(pl.Callback):
    """Keeps the gradients of the last step, and its loss."""

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        named = pl_module.network.named_parameters()
        self.found = {name: p.grad.clone() for name, p in named if p.grad is not None}


class Losses(pl.loggers.logger.DummyLogger):
    """Keeps the logged losses."""

    def __init__(self):
        super().__init__()
        self.values = []

    def log_metrics(self, metrics, step=None):
        self.values.append(metrics["train/loss"])


def one_step(network, batches, objective=None):
    keep, losses = Gradients(), Losses()
    module = FineTuner(network, objective=objective, optimizer=lambda net: torch.optim.SGD(net.parameters(), lr=0.0))
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        accumulate_grad_batches=len(batches),
        callbacks=[keep],
        logger=losses,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, torch.utils.data.DataLoader(batches, batch_size=None))
    return module, losses.values, keep.found


def assert_as_plain(plain, batch, module, losses, gradients, expected_outputs):
    """One step of ours has the outputs, the loss and the gradients of plain transformers."""
    output = plain(**{name: batch[name] for name in ("input_ids", "attention_mask", "labels")})
    output.loss.backward()
    assert torch.allclose(module(batch), expected_outputs(output.logits), atol=1e-5)
    assert losses == pytest.approx([output.loss.item()], abs=1e-5)
    expected = {name: p.grad for name, p in plain.named_parameters() if p.grad is not None}
    assert gradients.keys() == expected.keys()
    for name, gradient in expected.items():
        assert torch.allclose(gradients[name], gradient, atol=1e-5), name


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("option", FAMILIES)
def test_logits_loss_and_gradients_are_those_of_plain_transformers(option, side):
    network, tokenizer = network_of(option)
    plain = copy.deepcopy(network)
    batch = batch_of(tokenizer, side)
    module, losses, gradients = one_step(network, [batch])
    assert_as_plain(plain, batch, module, losses, gradients, lambda logits: logits)


TARGETS = ["so it goes", "loud", "a film about nothing at all", "it hurts", "the end"]


def text_batch_of(tokenizer, task, side, rows=slice(None), window=None):
    """Texts as tokens to be predicted: a decoder's own, of an encoder-decoder the targets."""
    options = {"padding": True, "padding_side": side, "return_tensors": "pt", "return_token_type_ids": False}
    whole = dict(tokenizer(TEXTS, **options))
    asked = whole if task == "language_modeling" else tokenizer(TARGETS, **options)
    labels = asked["input_ids"].masked_fill(asked["attention_mask"] == 0, IGNORED)
    if task == "language_modeling":
        first = asked["attention_mask"].argmax(dim=1, keepdim=True)  # what no token stands before is not predicted
        labels = labels.scatter(1, first, IGNORED)
    whole |= {"labels": labels, "rows": torch.arange(5)}
    window = window or (labels != IGNORED).sum().item()
    return {name: tensor[rows] for name, tensor in whole.items()} | {"window": torch.tensor(window)}


WRITERS = [("tiny_causal", "language_modeling"), ("tiny_seq2seq", "text_to_text")]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(("option", "task"), WRITERS)
def test_a_writer_s_losses_and_gradients_are_those_of_plain_transformers(option, task, side):
    network, tokenizer = network_of(option, task)
    plain = copy.deepcopy(network)
    batch = text_batch_of(tokenizer, task, side)
    module, losses, gradients = one_step(network, [batch], objective_of(task))
    asked = batch["labels"]
    if task == "language_modeling":
        asked = torch.nn.functional.pad(asked[:, 1:], (0, 1), value=IGNORED)
    of_tokens = partial(cross_entropy, target=asked, reduction="none", ignore_index=IGNORED)
    assert_as_plain(plain, batch, module, losses, gradients, lambda logits: of_tokens(logits.transpose(1, 2)))


@pytest.mark.parametrize(("option", "task"), WRITERS)
def test_texts_in_parts_of_unequal_tokens_give_the_same_step(option, task):
    whole, tokenizer = network_of(option, task)
    parts = copy.deepcopy(whole)
    batch = text_batch_of(tokenizer, task, "right")
    _, losses, expected = one_step(whole, [batch], objective_of(task))
    places = [slice(start, start + 2) for start in (0, 2, 4)]
    pieces = [text_batch_of(tokenizer, task, "right", place, batch["window"].item()) for place in places]
    assert len({(piece["labels"] != IGNORED).sum().item() for piece in pieces}) > 1
    _, in_parts, found = one_step(parts, pieces, objective_of(task))
    assert in_parts == pytest.approx(losses, abs=1e-5)
    assert max((found[name] - gradient).abs().max().item() for name, gradient in expected.items()) < 1e-6


def objective_of(task):
    return NextTokenObjective() if task == "language_modeling" else EncoderDecoderText(str, max_new_tokens=4)


@pytest.mark.parametrize("option", FAMILIES)
def test_a_batch_in_parts_gives_the_same_step(option):
    whole, tokenizer = network_of(option)
    parts = copy.deepcopy(whole)
    _, losses, expected = one_step(whole, [batch_of(tokenizer, "right")])
    pieces = [batch_of(tokenizer, "right", slice(start, start + 2), window=5) for start in (0, 2, 4)]
    _, in_parts, found = one_step(parts, pieces)
    assert in_parts == pytest.approx(losses, abs=1e-6)
    assert max((found[name] - gradient).abs().max().item() for name, gradient in expected.items()) < 1e-6


def trained_adapter(option, task="classification", **fields):
    """A network with an adapter that has learned something: its B matrices are no longer zero."""
    network, tokenizer = network_of(option, task)
    adapted = apply_method(network, peft.LoraConfig(r=4, **fields), seed=0, task=task)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if parameter.requires_grad and "lora_A" not in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return adapted.eval(), tokenizer


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{}, {"use_dora": True}, {"use_rslora": True}])
@pytest.mark.parametrize("option", FAMILIES)
def test_merged_equals_unmerged_and_both_load_plainly(option, fields, tmp_path):
    adapted, tokenizer = trained_adapter(option, **fields)
    batch = batch_of(tokenizer, "right")
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    adapted.save_pretrained(tmp_path / "adapter")
    with torch.inference_mode():
        expected = adapted(**inputs).logits
        base, _ = network_of(option)
        assert not torch.allclose(base.eval()(**inputs).logits, expected, atol=1e-3), "the adapter has an effect"
        plain = peft.PeftModel.from_pretrained(network_of(option)[0], tmp_path / "adapter").eval()
        assert torch.allclose(plain(**inputs).logits, expected, atol=1e-5)
        adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
        merged = AutoModelForSequenceClassification.from_pretrained(tmp_path / "merged").eval()
        assert torch.allclose(merged(**inputs).logits, expected, atol=1e-5)


def test_a_writer_writes_the_same_from_adapter_and_merged(tmp_path):
    adapted, tokenizer = trained_adapter("tiny_causal", "language_modeling")
    prompt = tokenizer("a long and loud", return_tensors="pt", add_special_tokens=False, return_token_type_ids=False)
    options = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None}
    adapted.save_pretrained(tmp_path / "adapter")
    expected = adapted.generate(**prompt, **options)
    base, _ = network_of("tiny_causal", "language_modeling")
    assert not torch.equal(base.eval().generate(**prompt, **options), expected), "the adapter has an effect"
    plain = peft.PeftModel.from_pretrained(base, tmp_path / "adapter").eval()
    assert torch.equal(plain.generate(**prompt, **options), expected)
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    assert torch.equal(merged.generate(**prompt, **options), expected)


def test_an_encoder_decoder_writes_the_same_from_adapter_and_merged(tmp_path):
    from transformers import AutoModelForSeq2SeqLM

    adapted, tokenizer = trained_adapter("tiny_seq2seq", "text_to_text")
    inputs = tokenizer("a long and loud film", return_tensors="pt", return_token_type_ids=False)
    options = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None}
    expected = adapted.generate(**inputs, **options)
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    merged = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "merged").eval()
    assert torch.equal(merged.generate(**inputs, **options), expected)
