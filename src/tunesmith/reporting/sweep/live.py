"""Shows a running sweep in the terminal: slots, best so far, time left; plain lines if it is not a terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tunesmith.reporting.formatting import duration_text, number_text, objective_texts, params_text, steps_text
from tunesmith.runs.trial_record import STATES, TrialRecord
from tunesmith.terminal import printable

REDRAW_S = 0.25
BAR_WIDTH = 24
ENDED = frozenset({"completed", "pruned", "failed", "interrupted"})


class LiveView:
    """Shows the trials passed to `update`; a context manager.

    It has no thread of its own: call `update` about once a second, or the clock stops.

    Args:
        metric: The (first) objective.
        direction: `maximize` or `minimize`.
        n_trials: Total number of trials; None if only time or patience ends the sweep.
        n_jobs: Number of slots.
        known: Trials of a resumed sweep that ended before this process; they are counted but not announced.
        console: The console to print to; standard error by default.
    """

    def __init__(
        self,
        metric: str,
        direction: str,
        n_trials: int | None,
        n_jobs: int,
        *,
        known: Collection[int] = (),
        console: Console | None = None,
    ) -> None:
        self._metric, self._direction = metric, direction
        self._n_trials, self._n_jobs = n_trials, n_jobs
        self._console = console or Console(stderr=True, markup=False, highlight=False)
        self._live: Live | None = None
        self._start = self._drawn = time.monotonic()
        self._known: frozenset[int] = frozenset(known)
        self._told: set[tuple[int, int]] = set()

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def update(self, trials: Sequence[TrialRecord]) -> None:
        """Show the trials of the sweep so far, in any order."""
        new = [t for t in trials if t.state in ENDED and t.number not in self._known and self._untold(t)]
        self._told |= {(trial.number, trial.attempt) for trial in new}
        now = time.monotonic()
        if self._live is not None and (new or now - self._drawn >= REDRAW_S):
            self._drawn = now
            self._live.update(self._render(trials, now - self._start), refresh=True)
        elif self._live is None and not self._console.is_terminal:
            for trial in sorted(new, key=lambda trial: trial.ended or ""):
                line = ended_line(trial, trials, self._metric, self._direction, self._n_trials, self._n_jobs)
                self._console.print(Text(line), soft_wrap=True)

    def _untold(self, trial: TrialRecord) -> bool:
        return (trial.number, trial.attempt) not in self._told

    def _render(self, trials: Sequence[TrialRecord], elapsed_s: float) -> RenderableType:
        return render_table(
            trials,
            metric=self._metric,
            direction=self._direction,
            n_trials=self._n_trials,
            n_jobs=self._n_jobs,
            elapsed_s=elapsed_s,
        )


def render_table(
    trials: Sequence[TrialRecord],
    *,
    metric: str,
    direction: str,
    n_trials: int | None,
    n_jobs: int,
    elapsed_s: float,
) -> RenderableType:
    """Render the current state: counts and clock, the best so far, one row per running trial."""
    left = time_left(trials, n_trials, n_jobs)
    clock = f"{duration_text(elapsed_s)} elapsed" + (f", about {duration_text(left)} left" if left is not None else "")
    best = best_of(trials, direction)
    keys = list(dict.fromkeys(key for trial in trials for key in trial.params))
    winner = (
        f"best {metric} {_value(best)}, trial {best.number}: {params_text(best, keys)}" if best else f"no {metric} yet"
    )
    slots = Table.grid(padding=(0, 2, 0, 0))
    for side in ("right", "left", "right", "right"):
        slots.add_column(justify=side, no_wrap=True)
    slots.add_column(overflow="ellipsis", no_wrap=True)
    for trial in sorted((t for t in trials if t.state == "running"), key=lambda trial: trial.number):
        last = number_text(trial.curve[-1][1]) if trial.curve else ""
        bar = ProgressBar(total=trial.full_steps or None, completed=trial.steps, width=BAR_WIDTH)
        texts = [str(trial.number), steps_text(trial), last, params_text(trial, keys)]
        number, steps, value, params = (Text(printable(text)) for text in texts)
        slots.add_row(number, bar if trial.full_steps else Text(""), steps, value, params)
    head = (Text(counts_line(trials, n_trials), style="bold"), Text(clock, style="dim"), Text(printable(winner)))
    return Group(*head, slots)


def ended_line(
    trial: TrialRecord,
    trials: Sequence[TrialRecord],
    metric: str,
    direction: str,
    n_trials: int | None,
    n_jobs: int,
) -> str:
    """Describe an ended trial in one line: its outcome, parameters and cost, and the time left."""
    best = best_of(trials, direction)
    outcome = f": {metric} {_value(trial)}" if trial.completed else f": {trial.reason}" if trial.reason else ""
    mark = " (best so far)" if best is not None and best.number == trial.number else ""
    keys = list(dict.fromkeys(key for other in trials for key in other.params))
    params = f" with {params_text(trial, keys)}" if trial.params else ""
    cost = f"{steps_text(trial)} steps" + (f" in {duration_text(trial.seconds)}" if trial.seconds is not None else "")
    left = time_left(trials, n_trials, n_jobs)
    ahead = f", about {duration_text(left)} left" if left else ""
    ended = sum(other.state in ENDED for other in trials)
    place = f"{ended} of {n_trials}" if n_trials else str(ended)
    line = f"trial {trial.number} {trial.state}{outcome}{mark}{params}, {cost} [{place}{ahead}]"
    return printable(line).replace("\n", " ")


def counts_line(trials: Sequence[TrialRecord], n_trials: int | None) -> str:
    """Count the trials, `5 of 40 trials ended: 3 completed, 2 pruned; 2 running`."""
    counted = Counter(trial.state for trial in trials)
    ended = sum(counted[state] for state in STATES if state in ENDED)
    parts = ", ".join(f"{counted[state]} {state}" for state in STATES if state in ENDED and counted[state])
    others = ", ".join(f"{counted[state]} {state}" for state in STATES if state not in ENDED and counted[state])
    total = f"{ended} of {n_trials}" if n_trials else str(ended)
    return f"{total} trials ended" + (f": {parts}" if parts else "") + (f"; {others}" if others else "")


def best_of(trials: Sequence[TrialRecord], direction: str) -> TrialRecord | None:
    """Return the completed trial with the best first objective, the earliest of equals."""
    sign = 1 if direction == "minimize" else -1
    firsts = [(sign * trial.values[0], trial.number, trial) for trial in trials if trial.completed and trial.values]
    return min(firsts, key=lambda first: first[:2])[2] if firsts else None


def time_left(trials: Sequence[TrialRecord], n_trials: int | None, n_jobs: int) -> float | None:
    """Estimate the seconds until all trials have ended, from the mean of ended ones; None before the first.

    A running trial counts by its remaining steps; slots are assumed to be evenly filled.
    """
    lasted = [t.seconds for t in trials if t.state in ("completed", "pruned") and t.seconds is not None]
    if not lasted or n_trials is None:
        return None
    mean = sum(lasted) / len(lasted)
    begun = [trial for trial in trials if trial.state in ("running", "paused")]
    ended = sum(trial.state in ENDED for trial in trials)
    waiting = max(0, n_trials - ended - len(begun))
    work = waiting + sum(1 - min(1.0, trial.steps / trial.full_steps) if trial.full_steps else 1 for trial in begun)
    return mean * work / max(1, min(n_jobs, waiting + len(begun)))


def _value(trial: TrialRecord) -> str:
    spread = f" ± {number_text(trial.spread)}" if trial.spread is not None else ""
    return objective_texts(trial, 1)[0] + spread
