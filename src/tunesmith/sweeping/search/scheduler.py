"""Decides which trial runs next, which continues, and when the search is over.

It uses no clock, no process and no file, so a search can be simulated.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tunesmith.runs.trial_record import State
from tunesmith.sweeping.search.judge import Decision, Judge, NoPruning
from tunesmith.sweeping.search.study import Study
from tunesmith.sweeping.search.trials import ENDED, Job, Outcome, Trial
from tunesmith.sweeping.space.space import Point


@dataclass(frozen=True)
class Limits:
    """Conditions that end a search."""

    n_trials: int
    patience: int | None = None
    max_failures: int | None = None
    retries: int = 0
    repeats: int = 1
    """Replicates per trial."""
    fold_rungs: tuple[int, ...] = ()
    """Numbers of finished folds after which a trial is judged by their mean: the last rungs of the judge."""


class TrialScheduler:
    """Hands out jobs one at a time, not in batches: a free slot takes the next.

    Args:
        study: The search.
        limits: When the search is over.
        directions: `maximize` or `minimize` per objective.
        judge: Decides at the rungs; if None, every trial runs to its end.
        initial: Points to run first.
    """

    def __init__(
        self,
        study: Study,
        limits: Limits,
        directions: Sequence[str],
        judge: Judge | None = None,
        initial: Sequence[Point] = (),
    ) -> None:
        self.study = study
        self.limits = limits
        self.directions = directions
        self.judge = judge or NoPruning()
        self.trials: dict[int, Trial] = {}
        self.stopping: str | None = None
        """Why no new trials are started."""
        self._initial = deque(initial)
        self._queue: deque[Job] = deque()
        self._running: set[Job] = set()
        self._best: float | None = None
        self._fruitless = 0

    def next(self) -> Job | None:
        """The next job; None if nothing can start now (see `finished`)."""
        job = self._queue.popleft() if self._queue else self._promoted() or self._asked() or self._resume_best_paused()
        if job is not None:
            self._running.add(job)
            trial = self.trials[job.number]
            trial.state, trial.decision, trial.reason, trial.exit_code = "running", None, None, None
        return job

    @property
    def finished(self) -> bool:
        """Whether nothing is running; once `next` has returned None, nothing will."""
        return not self._running

    def report(self, job: Job, rung: int, step: int, value: float) -> Decision:
        """Decide what a running trial does at a rung.

        Args:
            job: The job.
            rung: Index of the rung.
            step: Optimizer steps completed.
            value: The first objective.
        """
        trial = self.trials[job.number]
        if job.replicate or rung in trial.rungs:  # another seed, or a resume from before the rung
            return "continue"
        trial.rungs[rung] = value
        self.observe(job, step, value)
        trial.decision = self.judge.report(job.number, rung, self._gain(value))
        return trial.decision

    def observe(self, job: Job, step: int, value: float) -> None:
        """Note a point of a trial's curve."""
        trial = self.trials[job.number]
        if job.replicate == 0 and (not trial.curve or step > trial.curve[-1][0]):
            trial.curve.append((step, value))
            if math.isfinite(value):
                self.study.report(job.number, step, value)

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Note that a job has ended."""
        self._running.discard(job)
        trial = self.trials[job.number]
        if trial.state == "failed":  # another replicate failed and gave the reason
            return
        trial.reason, trial.exit_code = outcome.reason, outcome.exit_code
        if outcome.state == "completed":
            self._completed(trial, job, outcome)
        elif outcome.state == "paused":
            trial.state = "paused"
            self.study.wait(job.number)
        elif outcome.state == "stopped":
            self.judge.mark_pruned(job.number)
            self._close(trial, "pruned")
        elif outcome.state == "interrupted":
            trial.state = "interrupted"
        elif trial.attempt <= self.limits.retries:
            trial.attempt += 1
            trial.state = "waiting"
            self._queue.append(job)
        else:
            self._failed(trial)

    def stop(self, reason: str) -> None:
        """Start nothing new from now on."""
        self.stopping = self.stopping or reason

    def close(self) -> None:
        """End the search: trials that are still paused become pruned."""
        for trial in self.trials.values():
            if trial.state == "paused":
                trial.state = "pruned"
                trial.reason = self.judge.pruning_reason(trial.number)
                self.study.tell(trial.number, "pruned")

    def restore(self, trial: Trial) -> None:
        """Restore a trial of an earlier session, as it was."""
        self.trials[trial.number] = trial
        if trial.state in ("running", "interrupted") and trial.decision in ("pause", "stop"):
            trial.state = "paused" if trial.decision == "pause" else "pruned"  # the last session missed its exit
            if trial.state == "pruned":
                self.study.tell(trial.number, "pruned")
        if trial.state != "failed":
            values = {rung: self._gain(value) for rung, value in trial.rungs.items()}
            self.judge.restore(trial.number, values, trial.state)
        if trial.state == "paused":
            self.study.wait(trial.number)
        elif trial.state not in ENDED:
            trial.state = "waiting" if trial.state == "waiting" else "interrupted"
            self._queue.extend(self._open(trial))
        else:
            self._count(trial)

    def retry(self, trial: Trial) -> None:
        """Retry a failed trial."""
        trial.state, trial.attempt, trial.reason, trial.exit_code = "waiting", trial.attempt + 1, None, None
        self._queue.extend(self._open(trial))

    def ranked(self) -> list[Trial]:
        """The completed trials by their first objective, best first; ties in the order of their numbers."""
        done = [trial for trial in self.trials.values() if trial.state == "completed" and trial.values]
        return sorted(done, key=lambda trial: (-self._gain((trial.values or [math.nan])[0]), trial.number))

    def _promoted(self) -> Job | None:
        if self.stopping:
            return None
        paused = {trial.number for trial in self.trials.values() if trial.state == "paused"}
        number = self.judge.promote(paused)  # excludes a trial that is still writing its checkpoint
        if number is None:
            return None
        return self._continued(number)

    def _continued(self, number: int) -> Job:
        """A paused trial's next job; others that may run beside it wait in the queue."""
        self.study.wait(number, waiting=False)
        first, *others = self._open(self.trials[number])
        self._queue.extend(others)
        return first

    def _asked(self) -> Job | None:
        if self.stopping or len(self.trials) >= self.limits.n_trials:
            return None
        asked = self.study.ask(self._initial.popleft() if self._initial else None)
        if asked is None:
            return None
        number, point = asked
        self.trials[number] = Trial(number, point)
        return Job(number)

    def _resume_best_paused(self) -> Job | None:
        """Resume the best paused trial if the search, or its share of it, would otherwise end without a result."""
        share = self.study.shares.of
        ended = {share(trial.number) for trial in self.ranked()}
        paused = [t for t in self.trials.values() if t.state == "paused" and share(t.number) not in ended]
        if self.stopping or self._running or not paused:
            return None
        trial = max(paused, key=lambda t: (max(t.rungs), self._gain(t.rungs[max(t.rungs)]), -t.number))
        self.judge.continue_paused(trial.number)
        return self._continued(trial.number)

    def _open(self, trial: Trial) -> list[Job]:
        """A trial's unfinished jobs up to the next number of folds after which it is judged; the first one alone."""
        places = enumerate(self.limits.fold_rungs, start=self._first_fold_rung)
        judged_next = next((folds for place, folds in places if place not in trial.rungs), self.limits.repeats)
        end = judged_next if 0 in trial.replicates else 1
        return [Job(trial.number, replicate) for replicate in range(end) if replicate not in trial.replicates]

    @property
    def _first_fold_rung(self) -> int:
        return len(self.judge.fractions) - len(self.limits.fold_rungs)

    def _completed(self, trial: Trial, job: Job, outcome: Outcome) -> None:
        values = outcome.values or ()
        if not all(map(math.isfinite, values)):
            trial.reason, trial.exit_code = f"the objective is not finite: {', '.join(map(str, values))}", 4
            self._failed(trial)
            return
        trial.replicates[job.replicate] = list(values)
        if len(trial.replicates) == self.limits.repeats:
            trial.values = trial.means
            self._close(trial, "completed")
        elif len(trial.replicates) in self.limits.fold_rungs:
            self._judge_folds(trial, outcome.full_steps)
        elif job.replicate == 0:
            self._queue.extend(self._open(trial))

    def _judge_folds(self, trial: Trial, full_steps: int) -> None:
        """Decide by the mean over its finished folds, the same ones for every trial, whether a trial gets more."""
        folds, value = len(trial.replicates), trial.means[0]
        rung, step = self._first_fold_rung + self.limits.fold_rungs.index(folds), folds * full_steps
        trial.rungs[rung] = value
        trial.curve = [*(point for point in trial.curve if point[0] < step), (step, value)]
        self.study.report(trial.number, step, value)
        trial.decision = self.judge.report(trial.number, rung, self._gain(value))
        trial.reason = None if trial.decision == "continue" else f"mean {value:.4f} over {folds} folds"
        if trial.decision == "continue":
            self._queue.extend(self._open(trial))
        elif trial.decision == "pause":
            trial.state = "paused"
            self.study.wait(trial.number)
        else:
            self.judge.mark_pruned(trial.number)
            self._close(trial, "pruned")

    def _failed(self, trial: Trial) -> None:
        if trial.state == "failed":
            return
        self._close(trial, "failed")
        self._queue = deque(job for job in self._queue if job.number != trial.number)
        self.judge.forget(trial.number)
        failures = sum(trial.state == "failed" for trial in self.trials.values())
        if self.limits.max_failures is not None and failures >= self.limits.max_failures:
            self.stop(f"{failures} trials failed (hydra.sweeper.max_failures)")

    def _close(self, trial: Trial, state: State) -> None:
        trial.state = state
        self.study.tell(trial.number, state, trial.values)
        self._count(trial)

    def _count(self, trial: Trial) -> None:
        """Count how many trials in a row have not improved on the best."""
        given_up = trial.state == "pruned" and self.judge.pauses
        if trial.state == "failed" or given_up or len(self.directions) > 1:
            return  # paused trials are pruned when the search is over
        improved = trial.values is not None and self._improved(trial.values[0])
        self._fruitless = 0 if improved else self._fruitless + 1
        if self.limits.patience is not None and self._fruitless >= self.limits.patience and self._best is not None:
            self.stop(f"{self._fruitless} trials in a row without improvement (hydra.sweeper.patience)")

    def _improved(self, value: float) -> bool:
        if self._best is not None and self._gain(value) <= self._gain(self._best):
            return False
        self._best = value
        return True

    def _gain(self, value: float) -> float:
        """The value, negated if lower is better; -inf if it is not finite."""
        if not math.isfinite(value):
            return -math.inf
        return value if self.directions[0] == "maximize" else -value

    def running(self) -> Iterator[Job]:
        """The running jobs."""
        return iter(sorted(self._running, key=lambda job: (job.number, job.replicate)))
