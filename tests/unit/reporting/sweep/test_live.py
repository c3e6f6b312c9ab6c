import io
import subprocess
import sys

import pytest
from rich.console import Console

from tunesmith.reporting.sweep.live import LiveView, best_of, counts_line, render_table, time_left
from tunesmith.runs.trial_record import TrialRecord


def trial(number, state, value=None, steps=100, seconds=None, **more):
    params = {"optimizer.lr": 10.0**-number, "method": "lora"}
    values = None if value is None else (value,)
    return TrialRecord(number, state, values, params=params, steps=steps, full_steps=200, seconds=seconds, **more)


TRIALS = (
    trial(0, "completed", 0.75, steps=200, seconds=60.0),
    trial(1, "completed", 0.8125, steps=200, seconds=80.0),
    trial(2, "pruned", seconds=40.0, reason="below the best half at step 100", curve=((100, 0.9),)),
    trial(3, "failed", seconds=2.0, reason="killed by signal 9\n(out of memory?)", steps=3),
    trial(4, "running", curve=((50, 0.61), (100, 0.7004))),
    trial(5, "running", steps=0),
    trial(6, "paused"),
)


def printed(renderable, width=100):
    console = Console(markup=False, width=width, no_color=True)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def view(trials=TRIALS, width=100, **more):
    options = {"metric": "val/accuracy", "direction": "maximize", "n_trials": 10, "n_jobs": 2, "elapsed_s": 125.0}
    return printed(render_table(trials, **options | more), width)


def test_the_view_has_counts_clock_best_and_slots():
    lines = view().splitlines()
    assert lines[0] == "4 of 10 trials ended: 2 completed, 1 pruned, 1 failed; 2 running, 1 paused"
    # Mean of (60 + 80 + 40) / 3 s; 3 trials to start, 0.5 + 1 + 0.5 to go on with, on two slots.
    assert lines[1] == "2 min 5 s elapsed, about 2 min 30 s left"
    assert lines[2] == "best val/accuracy 0.8125, trial 1: lr=0.1 method=lora"
    slots = lines[3:]
    assert len(slots) == 2
    assert all(word in slots[0] for word in ("100/200", "0.7004", "lr=0.0001", "method=lora", "━"))
    assert "0/200" in slots[1]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_view_fits_its_terminal(width):
    assert all(len(line) <= width for line in view(width=width).splitlines())


def test_an_empty_sweep_has_a_view():
    text = view((), n_trials=None)
    assert "0 trials ended" in text
    assert "no val/accuracy yet" in text
    assert "left" not in text


def test_nothing_in_the_view_is_markup_or_a_command():
    nasty = TrialRecord(0, "running", params={"model.path": "[red]x[/red]\x1b[31m"}, steps=1, full_steps=2)
    assert "[red]x[/red]" in view((nasty,))
    assert "\x1b" not in view((nasty,))


@pytest.mark.parametrize(("direction", "winner"), [("maximize", 1), ("minimize", 0)])
def test_the_best_is_completed_whatever_a_pruned_curve_showed(direction, winner):
    assert best_of(TRIALS, direction).number == winner
    assert best_of(TRIALS[2:], direction) is None
    assert best_of([trial(7, "completed", 0.5), trial(3, "completed", 0.5)], direction).number == 3


def test_the_time_left_is_known_from_the_first_trials():
    assert time_left(TRIALS[3:], 10, 2) is None, "a failure tells nothing"
    assert time_left(TRIALS, None, 2) is None
    assert time_left(TRIALS[:1], 10, 3) == pytest.approx(60 * 9 / 3)
    assert time_left(TRIALS[:2], 3, 8) == pytest.approx(70), "one trial cannot use eight slots"
    assert time_left([TRIALS[0], trial(1, "running", steps=150)], 2, 2) == pytest.approx(60 * 0.25)
    assert time_left(TRIALS[:2], 2, 2) == 0


def test_counts_name_only_what_there_is():
    assert counts_line(TRIALS[:2], 10) == "2 of 10 trials ended: 2 completed"
    assert counts_line(TRIALS[4:5], None) == "0 trials ended; 1 running"


def test_without_a_terminal_each_trial_that_ends_is_one_line():
    out = io.StringIO()
    with LiveView("val/accuracy", "maximize", 10, 2, known={0}, console=Console(file=out, width=80)) as live:
        live.update(TRIALS[:1])
        assert out.getvalue() == "", "it had ended before this process"
        live.update((*TRIALS[:2], TRIALS[4]))
        live.update(TRIALS)
        live.update(TRIALS)
    lines = out.getvalue().splitlines()
    assert lines == [
        "trial 1 completed: val/accuracy 0.8125 (best so far) with lr=0.1 method=lora, 200/200 steps in 1 min 20 s "
        "[2 of 10, about 4 min 22 s left]",
        "trial 2 pruned: below the best half at step 100 with lr=0.01 method=lora, 100/200 steps in 40 s "
        "[4 of 10, about 2 min 30 s left]",
        "trial 3 failed: killed by signal 9 (out of memory?) with lr=0.001 method=lora, 3/200 steps in 2 s "
        "[4 of 10, about 2 min 30 s left]",
    ]


def test_a_trial_that_is_tried_again_is_told_again():
    out = io.StringIO()
    with LiveView("val/accuracy", "maximize", 10, 1, console=Console(file=out, width=200)) as live:
        live.update([trial(0, "failed", reason="x")])
        live.update([trial(0, "running", attempt=2)])
        live.update([trial(0, "completed", 0.5, attempt=2)])
    assert [line.split(" with")[0] for line in out.getvalue().splitlines()] == [
        "trial 0 failed: x",
        "trial 0 completed: val/accuracy 0.5000 (best so far)",
    ]


def test_in_a_terminal_the_view_is_drawn_and_taken_away():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, height=30)
    with LiveView("val/accuracy", "maximize", 10, 2, console=console) as live:
        live.update(TRIALS)
        drawn = out.getvalue()
        live.update(TRIALS)
        assert out.getvalue() == drawn, "not more than four times a second, unless a trial ended"
        live.update((*TRIALS[:4], trial(4, "completed", 0.5)))
        assert len(out.getvalue()) > len(drawn)
    assert "best val/accuracy 0.8125" in drawn
    assert "trial 1 completed" not in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K"), "the last view is erased"


def test_it_needs_neither_optuna_nor_plotly():
    program = (
        "import sys, tunesmith.reporting.sweep.live\nprint({'optuna', 'plotly', 'torch', 'jinja2'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "set()"
