"""The figures of a sweep's report: Optuna's, in one style, with pruned trials marked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import optuna
import plotly.graph_objects as go
from optuna import visualization

from tunesmith.reporting.formatting import label, params_text
from tunesmith.reporting.palette import AMBER, BLUE, FAINT, INK, QUIET
from tunesmith.reporting.sweep.figure_style import LEGEND, dress, shade, short, shorten_ticks
from tunesmith.reporting.sweep.study import axis_labels, build_study
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.runs.trial_record import TrialRecord

MAX_CONTOURS = 3
MIN_TRIALS_FOR_CONTOURS = 12
"""Completed trials; with fewer, a contour plot would interpolate between a handful of points."""
WIDE_RATIO = 50
"""Ratio of an objective's largest to its smallest value, above which the axis is logarithmic."""
MAX_TICKS = 4
"""Maximum length of a list of numbers in which each number gets a tick."""


@dataclass(frozen=True)
class Figure:
    """A figure with its id and title in the page."""

    id: str
    title: str
    figure: go.Figure


class Figures:
    """All figures of one sweep.

    Args:
        record: The sweep.
        weights: Importance of the swept keys, if known; decides which keys are plotted against each other.
    """

    def __init__(self, record: SweepRecord, weights: Mapping[str, float] | None) -> None:
        self.record = record
        self.study: optuna.Study = build_study(record)
        self._numeric: optuna.Study = build_study(record, numbers_as_range=True)
        self.names = axis_labels(record)
        self.completed = [trial for trial in record.trials if trial.completed]
        varied = [
            key for key in record.keys if len({str(t.params[key]) for t in self.completed if key in t.params}) > 1
        ]
        self.keys: list[str] = sorted(varied, key=lambda key: -(weights or {}).get(key, 0.0))
        """Keys that vary among the completed trials, the most important first."""

    def history(self) -> list[Figure]:
        """Plot values in the order of trials, with the best so far; pruned trials at the value where they stopped."""
        figures = []
        for place, metric in enumerate(self.record.metrics):
            several = len(self.record.metrics) > 1
            target = (lambda trial, place=place: trial.values[place]) if several else None
            figure = visualization.plot_optimization_history(self.study, target=target, target_name=label(metric))
            if not self.completed:
                continue
            figure.data = [trace for trace in figure.data if trace.name != "Infeasible Trial"]
            figure.data[0].update(
                name="completed", marker={"color": BLUE, "size": 8}, hovertemplate="trial %{x}: %{y:.4f}<extra></extra>"
            )
            if not several:
                figure.data[1].update(
                    name="best so far",
                    line={"color": AMBER, "shape": "hv", "width": 2},
                    hovertemplate="best of trials 0 to %{x}: %{y:.4f}<extra></extra>",
                )
                self._add_stops(figure)
                self._add_spread(figure)
            figure.update_layout(legend=LEGEND)
            title = f"History of {metric}" if several else "History"
            figures.append(Figure(f"history-{place}", title, dress(figure, x="trial", y=label(metric))))
        return figures

    def curves(self) -> Figure | None:
        """Plot the first objective during training, one line per trial; pruned ones end in a cross."""
        if not any(len(trial.finite_curve) > 1 for trial in self.record.trials):
            return None
        figure = visualization.plot_intermediate_values(self.study)
        best = self.record.best()
        drawn = {int(str(trace.name).removeprefix("Trial")): trace for trace in figure.data}
        for trial in self.record.trials:
            if trial.number not in drawn:
                continue
            wins = best is not None and trial.number == best.number
            drawn[trial.number].update(
                mode="lines" if len(trial.finite_curve) > 1 else "markers",
                line={"color": AMBER if wins else BLUE if trial.completed else FAINT, "width": 2.5 if wins else 1},
                marker={"color": FAINT, "size": 4},
                opacity=1 if wins else 0.6,
                hovertemplate=f"trial {trial.number} ({trial.state})<br>step %{{x}}: %{{y:.4f}}<extra></extra>",
            )
        # The winner is drawn last, on top of the others.
        figure.data = sorted(figure.data, key=lambda trace: best is not None and trace.name == f"Trial{best.number}")
        self._add_stops(figure, by_step=True)
        figure.update_layout(showlegend=False)
        return Figure("curves", "While training", dress(figure, x="optimizer step", y=label(self.record.metrics[0])))

    def parallel(self) -> Figure | None:
        """Plot each completed trial as a line through its values: darker is better, the best has its own colour."""
        if len(self.completed) < 2 or not self.keys:
            return None
        figure = visualization.plot_parallel_coordinate(
            self.study, params=[self.names[key] for key in self.keys], target_name=label(self.record.metrics[0])
        )
        sign = -1 if self.record.directions[0] == "minimize" else 1
        # Better trials are drawn on top of worse ones. The first axis is the objective, so no colour bar is needed.
        lines = sorted((trace for trace in figure.data if trace.mode == "lines"), key=lambda trace: sign * trace.y[0])
        num_best = len(self.record.pareto())
        for place, trace in enumerate(lines):
            goodness = trace.y[0] if sign > 0 else 1 - trace.y[0]
            wins = len(self.record.metrics) == 1 and place >= len(lines) - num_best
            trace.update(line={"color": AMBER if wins else shade(goodness), "width": 2.5 if wins else 1.5}, opacity=1)
        figure.data = lines
        for note in figure.layout.annotations:
            note.update(text="not set" if note.text == "None" else short(note.text))
            note.update(bgcolor="rgba(255,255,255,0.75)")
        dress(figure, height=380)
        figure.update_xaxes(tickfont={"size": 12, "color": INK}, side="top", showline=False, ticks="")
        return Figure("parallel", "Parallel coordinates", figure.update_layout(margin={"b": 16, "t": 44}))

    def importances(self, weights: Mapping[str, float]) -> Figure:
        """Plot one bar per swept key."""
        order = sorted(weights, key=weights.__getitem__)
        bars = go.Bar(
            x=[weights[key] for key in order],
            y=[self.names[key] for key in order],
            text=[f"{weights[key]:.0%}" for key in order],
            textposition="outside",
            cliponaxis=False,
            orientation="h",
            marker={"color": BLUE},
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
        figure = dress(go.Figure([bars]), height=max(200, 46 * len(order) + 60), x="share")
        return Figure("importances", "Importances", figure.update_layout(xaxis={"tickformat": ".0%"}, bargap=0.45))

    def slices(self) -> list[Figure]:
        """Plot each objective against each key, over the completed trials."""
        if len(self.completed) < 2:
            return []
        figures = []
        several = len(self.record.metrics) > 1
        for (place, metric), key in itertools.product(enumerate(self.record.metrics), self.keys):
            target = (lambda trial, place=place: trial.values[place]) if several else None
            figure = visualization.plot_slice(
                self._ticked(key), params=[self.names[key]], target=target, target_name=label(metric)
            )
            figure.data[0].update(
                marker={"color": BLUE, "size": 8, "opacity": 0.75, "showscale": False, "line": {"width": 0}},
                customdata=list(figure.data[0].marker.color),
                hovertemplate="trial %{customdata}<br>%{x}: %{y:.4f}<extra></extra>",
            )
            self._best_on_top(figure.data[0])
            shown = dress(figure, x=self.names[key], y=label(metric), height=250, top=12)
            shorten_ticks(shown.layout.xaxis, figure.data[0].x)
            figures.append(Figure(f"slice-{place}-{self.record.keys.index(key)}", str(key), shown))
        return figures

    def contours(self) -> list[Figure]:
        """Plot the most important key against each of the next ones; no plots with several objectives.

        Two unimportant keys are not plotted together: such a plot mostly shows the effect of other keys.
        """
        always = [key for key in self.keys if all(key in trial.params for trial in self.completed)]
        if len(self.record.metrics) > 1 or len(self.completed) < MIN_TRIALS_FOR_CONTOURS:
            return []
        figures: list[Figure] = []
        for one, other in itertools.product(always[:1], always[1 : MAX_CONTOURS + 1]):
            pair: list[str] = [self.names[one], self.names[other]]
            figure = visualization.plot_contour(self._numeric, params=pair, target_name=label(self.record.metrics[0]))
            figure.data[0].update(colorbar={"title": None, "thickness": 10, "outlinewidth": 0})
            for trace in figure.data[1:]:
                trace.update(marker={"size": 5, "color": INK, "line": {"width": 1, "color": "white"}})
            x, y = sorted(pair)
            shown = dress(figure, x=x, y=y, height=310, top=12)
            shorten_ticks(shown.layout.xaxis, figure.data[1].x)
            shorten_ticks(shown.layout.yaxis, figure.data[1].y)
            figures.append(Figure(f"contour-{len(figures)}", f"{one} and {other}", shown))
        return figures

    def pareto(self) -> list[Figure]:
        """Plot each pair of objectives, with the front highlighted; no plots with one objective."""
        if not self.completed:
            return []
        front = {trial.number for trial in self.record.pareto()}
        figures = []
        for one, other in itertools.combinations(range(len(self.record.metrics)), 2):
            figure = go.Figure()
            for wins, name, colour in ((False, "surpassed", BLUE), (True, "Pareto front", AMBER)):
                trials = [trial for trial in self.completed if (trial.number in front) == wins]
                points = sorted(
                    ((*self._pair(trial, one, other), trial) for trial in trials), key=lambda point: point[:2]
                )
                figure.add_scatter(
                    x=[x for x, _, _ in points],
                    y=[y for _, y, _ in points],
                    text=[f"trial {t.number}<br>{label(params_text(t, self.record.keys))}" for _, _, t in points],
                    name=name,
                    mode="lines+markers" if wins and len(self.record.metrics) == 2 else "markers",
                    line={"color": colour, "width": 1, "dash": "dot"},
                    marker={"color": colour, "size": 10 if wins else 7, "opacity": 1 if wins else 0.5},
                    hovertemplate="%{text}<br>%{x:.6g}, %{y:.6g}<extra></extra>",
                )
            x, y = label(self.record.metrics[one]), label(self.record.metrics[other])
            dress(figure, x=x, y=y, height=420).update_layout(legend=LEGEND)
            columns = zip(*(self._pair(trial, one, other) for trial in self.completed), strict=True)
            for values, axis in zip(columns, (figure.layout.xaxis, figure.layout.yaxis), strict=True):
                if min(values) > 0 and max(values) / min(values) > WIDE_RATIO:
                    axis.update(type="log")
                    shorten_ticks(axis, values)
            figures.append(
                Figure(f"pareto-{one}-{other}", f"{self.record.metrics[one]} and {self.record.metrics[other]}", figure)
            )
        return figures

    def _pair(self, trial: TrialRecord, one: int, other: int) -> tuple[float, float]:
        values = trial.values or ()
        return values[one], values[other]

    def _add_stops(self, figure: go.Figure, *, by_step: bool = False) -> None:
        """Add a cross for each pruned trial, at its last value."""
        stopped = [trial for trial in self.record.trials if trial.state == "pruned" and _last(trial) is not None]
        figure.add_trace(
            go.Scatter(
                x=[trial.finite_curve[-1][0] if by_step else trial.number for trial in stopped],
                y=[_last(trial) for trial in stopped],
                customdata=[[trial.number, trial.finite_curve[-1][0]] for trial in stopped],
                mode="markers",
                name="pruned, last value",
                marker={"symbol": "x-thin", "size": 7, "line": {"width": 1.5, "color": QUIET}},
                hovertemplate="trial %{customdata[0]} pruned at step %{customdata[1]}: %{y:.4f}<extra></extra>",
            )
        )

    def _add_spread(self, figure: go.Figure) -> None:
        """Add error bars for repeats."""
        spreads = [trial.spread for trial in self.completed]
        if any(spread is not None for spread in spreads):
            figure.data[0].update(error_y={"type": "data", "array": spreads, "color": FAINT, "thickness": 1.2})

    def _ticked(self, key: str) -> optuna.Study:
        """Return the study with a readable axis for a key: a long list of numbers is shown as a range."""
        tried = {str(trial.params[key]) for trial in self.record.trials if key in trial.params}
        return self._numeric if len(tried) > MAX_TICKS else self.study

    def _best_on_top(self, trace: go.Scatter) -> None:
        """Colour the winner and draw it last, because trials with the same value may overlap."""
        best = self.record.best()
        wins = [best is not None and number == best.number for number in trace.customdata]
        order = sorted(range(len(wins)), key=wins.__getitem__)
        trace.update({name: [trace[name][place] for place in order] for name in ("x", "y", "customdata")})
        trace.update(marker={"color": [AMBER if wins[place] else BLUE for place in order], "opacity": 0.85})


def _last(trial: TrialRecord) -> float | None:
    return trial.finite_curve[-1][1] if trial.finite_curve else None
