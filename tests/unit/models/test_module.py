"""The LightningModule under a plain Trainer, against plain transformers and torch."""

import copy

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from transformers import BertConfig, BertForSequenceClassification

from tunesmith.data.batching import MicroBatch, PlannedSampler, TokenDataset, plan_epoch, plan_evaluation
from tunesmith.data.samples import Samples
from tunesmith.data.tokenization import Tokens
from tunesmith.errors import TrainingError
from tunesmith.models.module import FineTuner

VOCABULARY = 50


def network(dropout=0.0, seed=0):
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        num_labels=3,
    )
    return BertForSequenceClassification(config).eval()


def dataset(num_rows=19, seed=0):
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 12, size=num_rows)
    ids = random.integers(1, VOCABULARY, size=lengths.sum()).astype(np.int32)
    tokens = Tokens(ids, np.concatenate([[0], np.cumsum(lengths)]))
    labels, everything = random.integers(0, 3, size=num_rows), np.arange(num_rows)
    return TokenDataset(Samples(tokens, everything, labels, np.ones(num_rows, np.int64)), pad_token_id=0)


def training_loader(data, batch_size, micro_batch_size, epoch=0):
    batches = plan_epoch(
        data.lengths,
        batch_size=batch_size,
        micro_batch_size=micro_batch_size,
        order="bucketed",
        seed=0,
        epoch=epoch,
    )
    return torch.utils.data.DataLoader(data, sampler=PlannedSampler(lambda: batches, len(batches)), batch_size=None)


def evaluation_loader(data, batch_size):
    batches = plan_evaluation(data.lengths, batch_size)
    return torch.utils.data.DataLoader(data, sampler=PlannedSampler(lambda: batches, len(batches)), batch_size=None)


def sgd(lr=0.1):
    return lambda net: torch.optim.SGD(net.parameters(), lr=lr)


def trainer(**arguments):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {
        "enable_model_summary": False,
        "accelerator": "cpu",
        "max_epochs": 1,
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1,
    }
    return pl.Trainer(**(quiet | arguments))


def fit(module, data, *, batch_size=8, micro=8, epochs=1, **arguments):
    loader = training_loader(data, batch_size, micro)
    run = trainer(accumulate_grad_batches=batch_size // micro, max_epochs=epochs, **arguments)
    run.fit(module, loader)
    return run


def furthest(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return max((a.double() - b.double()).abs().max().item() for a, b in pairs)


class Points(pl.loggers.logger.DummyLogger):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.steps = []
        self.rows = []

    def log_metrics(self, metrics, step=None):
        self.steps.append(step)
        self.rows.append(metrics)

    def all(self, name):
        return [row[name] for row in self.rows]


def test_logits_loss_and_gradients_are_those_of_plain_transformers():
    data = dataset()
    batch = data[MicroBatch(np.arange(19), 19)]
    ours, plain = network(), network()
    module = FineTuner(ours, optimizer=sgd(0.0))
    seen = {}

    class Keep(pl.Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            seen.update({name: p.grad.clone() for name, p in ours.named_parameters()})

    points = Points()
    fit(module, data, batch_size=19, micro=19, callbacks=[Keep()], logger=points, gradient_clip_val=None)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    output = plain(**inputs)
    output.loss.backward()

    assert torch.allclose(module(batch), output.logits, atol=1e-5)
    assert points.all("train/loss") == pytest.approx([output.loss.item()], abs=1e-5)
    assert seen.keys() == dict(plain.named_parameters()).keys()
    for name, parameter in plain.named_parameters():
        assert torch.allclose(seen[name], parameter.grad, atol=1e-5), name


@pytest.mark.parametrize("num_rows", [16, 19, 17, 5])
@pytest.mark.parametrize("micro", [1, 2, 4])
def test_accumulated_micro_batches_equal_the_whole_batch(num_rows, micro):
    """The last step of 19 rows has 3: its loss is the mean over 3, in however many forwards."""
    data = dataset(num_rows)
    whole, parts = network(), network()
    of_whole, of_parts = Points(), Points()
    first = fit(FineTuner(whole, optimizer=sgd()), data, epochs=2, logger=of_whole)
    second = fit(FineTuner(parts, optimizer=sgd()), data, epochs=2, micro=micro, logger=of_parts)
    assert first.global_step == second.global_step == 2 * -(-num_rows // 8)
    assert furthest(whole, network()) > 1e-3, "training changed the weights"
    assert furthest(whole, parts) < 1e-6
    assert of_whole.all("train/loss") == pytest.approx(of_parts.all("train/loss"), abs=1e-6)
    assert of_whole.all("train/grad_norm") == pytest.approx(of_parts.all("train/grad_norm"), abs=1e-5)


def test_a_short_step_weighs_its_samples_like_a_plain_loop():
    data = dataset(11)
    ours, plain = network(), network()
    fit(FineTuner(ours, optimizer=sgd()), data, micro=2, gradient_clip_val=None)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for batch in training_loader(data, 8, 8):
        optimizer.zero_grad()
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
        plain(**inputs).loss.backward()
        optimizer.step()
    assert furthest(ours, plain) < 1e-6


def test_dropout_is_on_in_training_though_the_network_came_in_evaluation_mode():
    data = dataset(8)
    net = network(dropout=0.5)
    assert not net.training
    module = FineTuner(net, optimizer=sgd(0.0))
    passes = []

    class Twice(pl.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            passes.append((pl_module(batch), pl_module(batch)))

    steps = []
    net.register_forward_hook(lambda network, *_: steps.append(network.training))
    fit(module, data, callbacks=[Twice()])
    ((first, second),) = passes
    assert not torch.allclose(first, second)
    assert steps == [True] * 3, "in the training step too"


def test_dropout_stays_on_after_a_validation_pass():
    data = dataset(16)
    modes = []

    class Modes(pl.Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            modes.append(pl_module.network.training)

        def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx):
            modes.append(pl_module.network.training)

    module = FineTuner(network(dropout=0.5), optimizer=sgd())
    run = trainer(max_epochs=2, callbacks=[Modes()])
    run.fit(module, training_loader(data, 8, 8), evaluation_loader(data, 16))
    assert modes == [True, True, False] * 2


def test_dropout_depends_on_seed_and_step_alone():
    data = dataset(16)

    def trained(seed, burn=0):
        class Burn(pl.Callback):
            def on_train_batch_end(self, *args):
                torch.rand(burn)

        net = network(dropout=0.5)
        torch.manual_seed(burn)
        fit(FineTuner(net, optimizer=sgd(), seed=seed), data, callbacks=[Burn()])
        return net

    assert furthest(trained(0), trained(0, burn=5)) == 0
    assert furthest(trained(0), trained(1)) > 1e-4


def fused_adamw(net):
    return torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_clipping_works_with_a_fused_optimizer(precision):
    norms = []

    class Norms(pl.Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            grads = [p.grad.double() for p in pl_module.network.parameters()]
            norms.append(torch.linalg.vector_norm(torch.stack([grad.norm() for grad in grads])).item())

    class Clipped(FineTuner):
        def configure_gradient_clipping(self, optimizer, *args, **kwargs):
            super().configure_gradient_clipping(optimizer, *args, **kwargs)
            clipped.append(torch.stack([p.grad.double().norm() for p in self.network.parameters()]).norm().item())

    clipped = []
    points = Points()
    module = Clipped(network(), optimizer=fused_adamw)
    fit(module, dataset(24), callbacks=[Norms()], logger=points, gradient_clip_val=0.01, precision=precision)
    assert points.all("train/grad_norm") == pytest.approx(norms, rel=1e-5)
    assert min(norms) > 0.01
    assert clipped == pytest.approx([0.01] * 3, rel=1e-3)


def test_the_logged_norm_is_torch_s_and_needs_no_clipping():
    data = dataset(8)
    points = Points()
    fit(FineTuner(network(), optimizer=sgd()), data, logger=points, gradient_clip_val=None)
    plain = network()
    (batch,) = training_loader(data, 8, 8)
    plain(**{name: batch[name] for name in ("input_ids", "attention_mask", "labels")}).loss.backward()
    expected = torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0).item()
    assert points.all("train/grad_norm") == pytest.approx([expected], rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_evaluation_answers_in_row_order_whatever_the_batch_size(batch_size):
    data = dataset(23)
    net = network()
    module = FineTuner(net, optimizer=sgd(), metrics=lambda logits, labels: {"sum": logits.sum().item()})
    run = trainer()
    run.validate(module, evaluation_loader(data, batch_size), verbose=False)
    run.test(module, evaluation_loader(data, batch_size), verbose=False)
    with torch.no_grad():
        one_by_one = torch.cat([module(data[MicroBatch(np.asarray([row]), 1)]) for row in range(23)])
    loss = torch.nn.functional.cross_entropy(one_by_one, torch.as_tensor(data.samples.labels)).item()
    for split in ("val", "test"):
        outputs = module.outputs[split]
        assert torch.allclose(outputs.logits, one_by_one, atol=1e-5)
        assert outputs.labels.tolist() == data.samples.labels.tolist()
        assert outputs.metrics[f"{split}/loss"] == pytest.approx(loss, abs=1e-5)
        assert outputs.metrics[f"{split}/sum"] == pytest.approx(one_by_one.sum().item(), abs=1e-3)


def test_one_point_is_logged_per_optimizer_step_with_the_rate_it_used():
    def schedule(optimizer, num_steps):
        lambdas = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / num_steps)
        return {"scheduler": lambdas, "interval": "step"}

    points = Points()
    module = FineTuner(network(), optimizer=sgd(0.2), scheduler=schedule)
    fit(module, dataset(19), micro=4, logger=points)
    assert points.steps == [1, 2, 3]
    assert points.all("train/lr") == pytest.approx([0.2, 0.2 * 2 / 3, 0.2 / 3])


def test_a_loss_that_is_not_finite_names_step_and_rows():
    data = dataset(16)
    net = copy.deepcopy(network())
    bad = int(data.samples.tokens[3][0])
    with torch.no_grad():
        net.bert.embeddings.word_embeddings.weight[bad] = float("nan")
    guilty = {row for row in range(16) if bad in data.samples.tokens[row].tolist()}
    with pytest.raises(TrainingError) as failure:
        fit(FineTuner(net, optimizer=sgd()), data)
    assert "the loss is nan at step" in str(failure.value)
    named = {int(number) for number in str(failure.value).split("with id ")[1].split(")")[0].split(",")}
    assert named
    assert named <= guilty
