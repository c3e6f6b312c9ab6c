import functools

import pytest
import torch
import transformers

from tunesmith.optim.schedules import lightning_schedule

NUM_STEPS = 50


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)


def made(make, sgd, warmup_fraction=0.0, mode="max"):
    return lightning_schedule(make, sgd, NUM_STEPS, warmup_fraction=warmup_fraction, monitor="val/accuracy", mode=mode)


def rates(schedule, sgd, steps=NUM_STEPS):
    values = []
    for _ in range(steps):
        values.append(sgd.param_groups[0]["lr"])
        sgd.step()
        schedule.step()
    return values


@pytest.mark.parametrize("fraction", [0.0, 0.06, 0.5])
@pytest.mark.parametrize(
    ("make", "needs_total"),
    [
        (transformers.get_linear_schedule_with_warmup, True),
        (transformers.get_cosine_schedule_with_warmup, True),
        (transformers.get_constant_schedule_with_warmup, False),
    ],
)
def test_rates_are_those_of_transformers(make, needs_total, fraction):
    ours, theirs = optimizer(), optimizer()
    entry = made(functools.partial(make), ours, fraction)
    warmup = round(NUM_STEPS * fraction)
    expected = make(theirs, warmup, NUM_STEPS) if needs_total else make(theirs, warmup)
    assert entry["interval"] == "step"
    found = rates(entry["scheduler"], ours)
    assert found == pytest.approx(rates(expected, theirs))
    assert max(found) == pytest.approx(0.4, rel=1 / (NUM_STEPS - warmup))
    assert found[0] == (0.0 if warmup else 0.4)


def test_a_linear_schedule_ends_at_zero():
    sgd = optimizer()
    schedule = made(functools.partial(transformers.get_linear_schedule_with_warmup), sgd, 0.1)["scheduler"]
    rates(schedule, sgd)
    assert sgd.param_groups[0]["lr"] == 0.0


def test_torch_s_schedules_learn_the_length_of_the_run():
    sgd = optimizer()
    entry = made(functools.partial(torch.optim.lr_scheduler.CosineAnnealingLR), sgd)
    assert entry["scheduler"].T_max == NUM_STEPS
    sgd = optimizer()
    entry = made(functools.partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=1.0), sgd)
    assert entry["scheduler"].total_steps == NUM_STEPS


def test_a_configured_length_wins():
    sgd = optimizer()
    entry = made(functools.partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=7), sgd)
    assert entry["scheduler"].T_max == 7


@pytest.mark.parametrize(("mode", "worse"), [("max", [0.5, 0.4, 0.4, 0.3]), ("min", [0.5, 0.6, 0.6, 0.7])])
def test_a_plateau_follows_the_monitor_in_its_direction(mode, worse):
    sgd = optimizer()
    entry = made(functools.partial(torch.optim.lr_scheduler.ReduceLROnPlateau, factor=0.5, patience=1), sgd, mode=mode)
    assert (entry["interval"], entry["monitor"]) == ("epoch", "val/accuracy")
    seen = []
    for value in worse:
        entry["scheduler"].step(value)
        seen.append(sgd.param_groups[0]["lr"])
    assert seen == [0.4, 0.4, 0.2, 0.2]
