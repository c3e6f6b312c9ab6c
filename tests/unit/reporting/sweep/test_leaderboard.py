import csv

import pytest
from rich.console import Console
from synthetic_sweep import write_facts, write_sweep, write_trial

from tunesmith.reporting.formatting import number_text, short_names
from tunesmith.reporting.sweep.leaderboard import leaderboard_table, show_sweep, sweep_facts, write_leaderboard
from tunesmith.runs.sweep_record import load_sweep

COSTS = ("num_trainable_parameters", "peak_memory_mb")
HOSTILE = "=HYPERLINK(\"http://x\") [red]a[/red] <b>b</b>\x1b[31m\nsecond line, 'quoted'"


@pytest.fixture
def by_hand(tmp_path):
    """Four trials whose leaderboard can be written down by hand."""
    write_facts(tmp_path, space={"optimizer.lr": "…", "method": "…", "x": "…"}, distributions={}, n_trials=6)
    done = {"state": "completed", "steps": 400, "full_steps": 400, "seconds": 35.5}
    done |= {"num_trainable_parameters": 4608, "peak_memory_mb": 812.5}
    write_trial(tmp_path, 0, **done, values=[0.75], params={"optimizer.lr": 3e-5, "method": "full", "x": [1, {"a": 2}]})
    write_trial(tmp_path, 1, state="failed", reason=HOSTILE, params={"optimizer.lr": -1e-3, "method": "-full"}, steps=3)
    write_trial(tmp_path, 2, **done, values=[0.8125], params={"optimizer.lr": 1e-5, "method": "+lora", "x": None})
    write_trial(
        tmp_path, 3, state="pruned", reason="rung 1", params={"method": "@m", "x": True}, steps=100, full_steps=400
    )
    return load_sweep(tmp_path)


def printed(renderable, width):
    console = Console(markup=False, width=width, no_color=True)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_the_file_is_what_the_hand_writes(by_hand, tmp_path):
    path = write_leaderboard(by_hand)
    assert path == tmp_path.resolve() / "leaderboard.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["number", "state", "val/accuracy", "reason", "optimizer.lr", "method", "x", "steps", *COSTS, "seconds", "run"],
        ["2", "completed", "0.8125", "", "1e-05", "'+lora", "null", "400", "4608", "812.5", "35.5", "trials/0002"],
        ["0", "completed", "0.75", "", "3e-05", "full", '[1, {"a": 2}]', "400", "4608", "812.5", "35.5", "trials/0000"],
        ["3", "pruned", "", "rung 1", "", "'@m", "true", "100", "", "", "", "trials/0003"],
        ["1", "failed", "", "'" + HOSTILE, "-0.001", "'-full", "", "3", "", "", "", "trials/0001"],
    ]


def test_the_table_shows_what_a_trial_cost(by_hand):
    header, _, first, *_ = printed(leaderboard_table(by_hand, 200), 200).strip().splitlines()
    assert header.split()[:7] == ["trial", "state", "val/accuracy", "steps", "trained", "MB", "seconds"]
    assert first.split()[:7] == ["2", "completed", "0.8125", "400/400", "4,608", "812", "36"]


def test_no_cell_of_text_is_a_formula_and_numbers_come_back_exactly(tmp_path):
    sweep = load_sweep(write_sweep(tmp_path, 24, repeats=3))
    with write_leaderboard(sweep).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    by_number = {trial.number: trial for trial in sweep.trials}
    for row in rows:
        trial = by_number[int(row["number"])]
        assert row["val/accuracy"] == ("" if trial.values is None else repr(trial.values[0]))
        assert row["spread"] == ("" if trial.spread is None else repr(trial.spread))
        assert float(row["optimizer.lr"]) == trial.params["optimizer.lr"]
        assert row["method.r"] == str(trial.params.get("method.r", ""))
        assert (sweep.path / row["run"] / "trial.json").is_file()
    assert rows[0]["number"] == str(sweep.best().number)


@pytest.mark.parametrize("width", [60, 80, 120, 250])
@pytest.mark.parametrize("kind", [{}, {"repeats": 3}, {"objectives": 2}])
def test_every_trial_is_in_the_table_at_any_width(tmp_path, width, kind):
    sweep = load_sweep(write_sweep(tmp_path, 12, **kind))
    text = printed(leaderboard_table(sweep, width), width)
    lines = text.splitlines()
    assert all(len(line) <= width for line in lines)
    rows = {int(line[:6]): line for line in lines if line[:6].strip().isdecimal()}
    assert list(rows) == [trial.number for trial in sweep.leaderboard()]
    for trial in sweep.trials:
        row = rows[trial.number]
        assert trial.state in row
        assert f"{trial.steps}/{trial.full_steps}" in row
        assert all(number_text(value) in row for value in trial.values or ())
    flat = " ".join(text.split())
    assert all(word in flat for word in ("killed", "signal", "SIGTERM"))


def test_values_are_neither_markup_nor_commands_of_the_terminal(by_hand, capsys):
    for width in (70, 400):
        text = printed(leaderboard_table(by_hand, width), width)
        assert "[red]a[/red]" in text
        assert "<b>b</b>" in text
        assert "\x1b" not in text
    show_sweep(by_hand)
    assert "\x1b" not in capsys.readouterr().out


def test_the_head_says_what_happened(by_hand):
    facts = dict(sweep_facts(by_hand))
    assert facts["objective"] == "maximize val/accuracy"
    assert facts["trials"] == "4 of 6: 2 completed, 1 pruned, 1 failed"
    assert facts["best"] == "trial 2: 0.8125 with optimizer.lr=1e-05 method=+lora x=null"
    assert facts["pruning"] == "900 of 1,200 steps run, 25% saved"
    assert "report" not in facts
    (by_hand.path / "report.html").touch()
    assert dict(sweep_facts(by_hand))["report"] == by_hand.path / "report.html"


def test_the_head_of_several_objectives_names_the_front_instead_of_a_winner(tmp_path):
    sweep = load_sweep(write_sweep(tmp_path, 12, objectives=2))
    facts = dict(sweep_facts(sweep))
    assert facts["objective"] == "maximize val/accuracy, minimize num_trainable_parameters"
    assert facts["Pareto front"] == ", ".join(f"trial {trial.number}" for trial in sweep.pareto())
    assert "best" not in facts


def test_short_names_stay_different():
    keys = ["optimizer.lr", "model.dropout", "head.dropout", "method", "method.r", "a.method", "seed.r"]
    assert short_names(keys) == ["lr", "model.dropout", "head.dropout", "method", "method.r", "a.method", "seed.r"]


def test_numbers_are_as_long_as_they_must_be():
    texts = [number_text(value) for value in (0.81254, 0.0, 1.2345e-5, 22_713_000.0, 123.456, 400.0, -0.5, None)]
    assert texts == ["0.8125", "0.0000", "1.23e-05", "22,713,000", "123.5", "400", "-0.5000", ""]


def test_show_prints_a_sweep(inside, tmp_path):
    sweep = load_sweep(write_sweep(tmp_path / "sweep", 12))
    shown = inside("show", tmp_path / "sweep")
    assert shown.returncode == 0
    assert "12: " in shown.stdout
    assert f"trial {sweep.best().number}: " in shown.stdout
    refused = inside("show", tmp_path)
    assert refused.returncode == 5
    assert "is not a run directory" in refused.stderr
