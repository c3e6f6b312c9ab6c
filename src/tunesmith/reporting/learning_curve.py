"""Learning curves: what more training rows would bring, from measurements with fewer."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunesmith.errors import FilesError
from tunesmith.evaluation.statistics.intervals import Interval
from tunesmith.evaluation.statistics.power_law import PowerLaw, fit_power_law
from tunesmith.reporting.chart import Series, svg_chart
from tunesmith.runs.record import load_run
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.storage import write_json, write_text

KEY = "data.train_rows"
WORTH = 0.02
"""Fall of the error from twice the rows, as a fraction of it, that makes them worth having."""
LEAST_POINTS = 4
USUAL = 2 / 3
WIDTH_IN_ERRORS = 3.92
"""Of a 95% interval."""


@dataclass(frozen=True)
class AtSize:
    """The metric at one number of training rows."""

    rows: int
    values: Sequence[float]
    """One per repeat."""
    row_error: float
    """Standard error of one value over the validation rows; 0 if unknown."""

    @property
    def mean(self) -> float:
        """The mean over repeats."""
        return statistics.fmean(self.values)


@dataclass(frozen=True)
class LearningCurve:
    """A metric by the number of training rows."""

    metric: str
    higher: bool
    """Whether higher is better."""
    points: Sequence[AtSize]
    """By rows, at least four."""

    @property
    def top(self) -> float:
        """The value without an error."""
        if not self.higher:
            return 0.0
        return 1.0 if max(max(point.values) for point in self.points) <= 1 else 100.0

    @property
    def noise(self) -> list[float]:
        """Standard deviation of one measurement at each point: over repeats where there are some, else over rows.

        That of a few repeats is itself uncertain: it is taken as at least two thirds of what is usual for the curve,
        where the spread falls with the square root of the rows.
        """
        spreads = {p.rows: statistics.stdev(p.values) for p in self.points if len(p.values) > 1}
        usual = statistics.median(spread * rows**0.5 for rows, spread in spreads.items()) if spreads else 0.0
        least = 1e-4 * (abs(self.top - self.points[-1].mean) or 1.0)
        known = [max(spreads.get(p.rows, 0.0), USUAL * usual / p.rows**0.5) or p.row_error for p in self.points]
        return [max(spread, least) for spread in known]

    def law(self, count: int | None = None) -> PowerLaw:
        """Fit the first points, or all."""
        chosen = list(zip(self.points, self.noise, strict=True))[:count]
        return fit_power_law(
            [point.rows for point, _ in chosen],
            [abs(self.top - point.mean) for point, _ in chosen],
            [noise / len(point.values) ** 0.5 for point, noise in chosen],
        )

    def value(self, error: float) -> float:
        """The metric for an error."""
        return self.top - error if self.higher else error

    def interval(self, errors: Interval) -> Interval:
        """The metric's interval for one of errors."""
        low, high = sorted(map(self.value, errors))
        return Interval(low, high)

    def foretold(self) -> tuple[float, Interval] | None:
        """The metric at the most rows as the points up to half of them foretell it; None with fewer than three."""
        last = self.points[-1]
        count = sum(point.rows <= last.rows / 2 for point in self.points)
        if count < LEAST_POINTS - 1:
            return None
        law = self.law(count)
        noise = self.noise[count - 1] / len(last.values) ** 0.5
        return self.value(law.error(last.rows)), self.interval(law.predicted(last.rows, noise))


def curve_of_sweep(sweep: SweepRecord) -> LearningCurve:
    """Read the completed trials of a sweep over `data.train_rows`.

    Raises:
        FilesError: The sweep varies something else, or too few trials completed.
    """
    if tuple(sweep.keys) != (KEY,) or len(sweep.metrics) != 1:
        raise FilesError(f"{sweep.path} is not a learning curve: it does not vary {KEY} alone, for one metric")
    points = []
    for trial in sweep.trials:
        if trial.completed:
            values = [values[0] for values in trial.repeat_values or (trial.values or (),)]
            bounds = load_run(trial.runs[0]).intervals.get(sweep.metrics[0])
            error = (bounds[1] - bounds[0]) / WIDTH_IN_ERRORS if bounds else 0.0
            points.append(AtSize(int(trial.params[KEY]), values, error))
    points.sort(key=lambda point: point.rows)
    if len(points) < LEAST_POINTS:
        raise FilesError(
            f"{sweep.path}: {len(points)} trials completed; a learning curve takes {LEAST_POINTS} at least"
        )
    return LearningCurve(sweep.metrics[0], sweep.directions[0] == "maximize", points)


def conclusions(curve: LearningCurve) -> list[str]:
    """Say what the curve says: a check of itself, what twice the rows would bring, and what to do."""
    law, last = curve.law(), curve.points[-1]
    sentences = []
    foretold = curve.foretold()
    holds = True
    if foretold is not None:
        value, bounds = foretold
        holds = bounds.low <= last.mean <= bounds.high
        sentences.append(
            f"from at most half of the rows, {curve.metric} at all {last.rows:,} is foretold as {value:.4f} "
            f"({bounds.low:.4f} to {bounds.high:.4f}); measured: {last.mean:.4f}"
            + ("" if holds else ". The power law does not hold here: do not rely on what follows")
        )
    twice = 2 * last.rows
    bounds = curve.interval(law.predicted(twice, curve.noise[-1]))
    gain = law.gain(last.rows, twice)
    sentences.append(
        f"with {twice:,} rows: {curve.value(law.error(twice)):.4f} ({bounds.low:.4f} to {bounds.high:.4f}), a gain of "
        f"{gain.low:.4f} to {gain.high:.4f}"
    )
    worth = WORTH * law.error(last.rows)
    if gain.low >= worth:
        sentences.append("more data: twice the rows are worth having")
    elif gain.high < worth:
        sentences.append("not more data: tune (tunesmith sweep), clean labels (tunesmith audit) or take another model")
    else:
        sentences.append("undecided: more repeats (hydra.sweeper.repeats=3) or more validation rows would tell")
    return sentences


def write_curve(curve: LearningCurve, folder: Path) -> list[Path]:
    """Write `learning_curve.csv`, `.json` and `.svg` into a folder, and return their paths.

    Raises:
        FilesError: A file cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["train_rows", "repeat", curve.metric])
    table.writerows([p.rows, number, value] for p in curve.points for number, value in enumerate(p.values))
    paths = [folder / f"learning_curve.{kind}" for kind in ("csv", "json", "svg")]
    write_text(paths[0], text.getvalue())
    write_json(paths[1], as_plain(curve))
    write_text(paths[2], _chart(curve))
    return paths


def as_plain(curve: LearningCurve) -> dict[str, Any]:
    """The curve and its conclusions as plain values."""
    foretold = curve.foretold()
    return {
        "metric": curve.metric,
        "points": [{"rows": point.rows, "values": list(point.values)} for point in curve.points],
        "foretold": None if foretold is None else {"value": foretold[0], "interval": list(foretold[1])},
        "conclusions": conclusions(curve),
    }


def _chart(curve: LearningCurve) -> str:
    law, first, last = curve.law(), curve.points[0].rows, curve.points[-1].rows
    across = [first * (4 * last / first) ** (step / 40) for step in range(41)]
    usual = curve.noise[-1] * last**0.5  # the spread falls with the square root of the rows, as in `noise`
    bands = [curve.interval(law.predicted(rows, usual / rows**0.5)) for rows in across]
    line = [curve.value(law.error(rows)) for rows in across]
    dots = [(point.rows, value) for point in curve.points for value in point.values]
    return svg_chart(
        [
            Series("95% of measurements", across, [b.low for b in bands], "band", "#2b6cb0", [b.high for b in bands]),
            Series("power law", across, line),
            Series("measured", [rows for rows, _ in dots], [value for _, value in dots], "dots", "#c05621"),
        ],
        "training rows",
        curve.metric,
    )
