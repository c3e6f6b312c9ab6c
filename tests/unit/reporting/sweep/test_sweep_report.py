import html.parser
import json
import math

import numpy as np
import optuna
import pytest
from markdown_it import MarkdownIt
from optuna.distributions import json_to_distribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState, create_trial
from synthetic_sweep import write_facts, write_sweep, write_trial

from tunesmith.reporting.formatting import duration_text
from tunesmith.reporting.markdown import as_markdown
from tunesmith.reporting.sweep.document import sweep_document
from tunesmith.reporting.sweep.figures import Figures
from tunesmith.reporting.sweep.report import render_report, write_report
from tunesmith.reporting.sweep.study import importances, quiet_optuna
from tunesmith.runs.sweep_record import SweepRecord, load_sweep

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)><b>bold</b> <a href='//evil'>{{7*7}} $x^2$ &lt;"
)


class Page(html.parser.HTMLParser):
    """Elements, attributes, text outside of scripts, and the scripts of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.text, self.scripts, self._inside = [], [], "", [], None
        self.feed(text)
        self.figures = json.loads(next(s for a, s in self.scripts if a.get("id") == "figures"))

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            attrs, text = self.scripts.pop()
            self.scripts.append((attrs, text + data))
        else:
            self.text += data


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    return load_sweep(write_sweep(tmp_path_factory.mktemp("pruned"), 40))


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return load_sweep(write_sweep(tmp_path_factory.mktemp("full"), 45, prune=False))


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    return load_sweep(write_sweep(tmp_path_factory.mktemp("several"), 24, objectives=2))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A sweep in which everything that a person can name is an attack."""
    path = tmp_path_factory.mktemp("hostile")
    for number in range(14):
        write_trial(
            path,
            number,
            state="completed" if number % 7 else "failed",
            values=[number / 100] if number % 7 else None,
            reason=None if number % 7 else HOSTILE,
            params={"a.path": HOSTILE if number % 2 else "plain", "x": [1, {HOSTILE: HOSTILE}], HOSTILE: number},
            curve=[[1, 0.1], [2, number / 100]],
        )
    named = {"name": HOSTILE, "command": HOSTILE, "reason": HOSTILE, "metrics": [HOSTILE]}
    return load_sweep(write_facts(path, **named, space={"a.path": HOSTILE, HOSTILE: HOSTILE}, distributions={}))


def figures_of(record):
    with quiet_optuna():
        return Figures(record, importances(record))


def points(trace):
    return list(zip(np.asarray(trace.x).tolist(), np.asarray(trace.y).tolist(), strict=True))


@pytest.mark.parametrize("kind", ["pruned", "full", "several", "hostile"])
def test_the_page_loads_nothing_from_anywhere(kind, request):
    text = render_report(request.getfixturevalue(kind))
    page = Page(text)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form", "video", "audio"} & set(page.elements)
    addresses = [value for name, value in page.attributes if name in ("src", "href", "action", "srcset", "data")]
    assert addresses
    assert all(value.startswith("trials/") for value in addresses), "only the runs beside the page"
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    policy = dict(page.attributes)["content"]
    assert any("default-src 'none'" in value for name, value in page.attributes if name == "content"), policy
    assert [attributes for attributes, _ in page.scripts] == [{}, {"type": "application/json", "id": "figures"}, {}]
    assert text.count("* plotly.js v") == 1


def test_what_people_named_is_shown_as_they_named_it_and_never_read_as_html(hostile):
    page = Page(render_report(hostile))
    assert page.elements.count("script") == 3
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.elements.count("a") == len(hostile.trials)
    assert page.text.count(HOSTILE) >= 8, "name, reason, command, metric, space, parameters, failed trials"
    figures = json.dumps(page.figures)
    assert "&lt;b&gt;bold" in figures
    assert "<b>" not in figures
    assert "<a " not in figures
    assert "<script" not in figures
    assert "$x" not in figures, "no formula"


def test_links_lead_to_the_runs(pruned):
    page = Page(render_report(pruned))
    links = [value for name, value in page.attributes if name == "href"]
    assert len(links) == len(pruned.trials)
    assert all((pruned.path / link / "trial.json").is_file() for link in links)


def test_the_page_says_who_won_what_it_cost_and_how_to_train_it(pruned):
    page = Page(render_report(pruned))
    best = pruned.best()
    run, planned = pruned.steps
    assert f"trial {best.number}" in page.text
    assert f"{best.values[0]:.4f}" in page.text
    assert f"tunesmith train --from {pruned.path}/best.yaml" in page.text
    assert f"{run:,} of {planned:,} steps run" in page.text
    assert "Importances need at least 20 completed trials to be more than chance; this sweep has 10." in page.text
    assert all(
        reason in page.text for reason in ("killed by signal 9 (out of memory?)", "below the median at step 100")
    )


def test_the_page_warns_at_the_edge_and_of_noise(tmp_path):
    record = load_sweep(write_sweep(tmp_path, 14, repeats=3, prune=False))
    page = Page(render_report(record))
    assert "data.batch_size: choice(32, 64, 128)" in page.text
    assert "within noise of the winner" in page.text
    assert f"{record.best().values[0]:.4f} ± {record.best().spread:.4f}" in page.text


def test_history_and_curves_show_the_records(pruned):
    figures = figures_of(pruned)
    (history,) = figures.history()
    completed, best, stopped = history.figure.data
    done = [trial for trial in pruned.trials if trial.state == "completed"]
    cut = [trial for trial in pruned.trials if trial.state == "pruned"]
    assert points(completed) == [(trial.number, trial.values[0]) for trial in done]
    assert points(stopped) == [(trial.number, trial.curve[-1][1]) for trial in cut]
    running = -math.inf
    for number, value in points(best):
        running = max([running, *(trial.values[0] for trial in done if trial.number == number)])
        assert value == running
    curves = figures.curves().figure
    lines = {trace.name: points(trace) for trace in curves.data if trace.name.startswith("Trial")}
    assert {f"Trial{trial.number}": list(trial.curve) for trial in [*done, *cut]} == lines
    assert points(curves.data[-1]) == [trial.curve[-1] for trial in cut]
    assert curves.data[-2].name == f"Trial{pruned.best().number}", "the winner on top of the others"


def test_slices_show_the_completed_trials_and_the_winner_in_its_colour(full):
    figures = figures_of(full)
    slices = {figure.title: figure.figure.data[0] for figure in figures.slices()}
    assert set(slices) == set(full.keys)
    for key, trace in slices.items():
        expected = [(t.params[key], t.values[0]) for t in full.trials if t.completed and key in t.params]
        if key in ("method", "data.batch_size"):
            expected = [(str(value), y) for value, y in expected]
        assert sorted(points(trace)) == sorted(expected)
        colours = dict(zip(trace.customdata, trace.marker.color, strict=True))
        if key in full.best().params:
            assert [n for n, colour in colours.items() if colour != "#2b6cb0"] == [full.best().number]


def test_parallel_coordinates_draw_every_completed_trial_the_winner_last(full):
    figure = figures_of(full).parallel().figure
    assert len(figure.data) == sum(trial.completed for trial in full.trials)
    heights = [trace.y[0] for trace in figure.data]
    assert heights == sorted(heights)
    best = {name: text for name, text in figure.data[-1].customdata}
    assert best["val/accuracy"] == f"{full.best().values[0]:.3g}"
    assert best["method"] == full.best().params["method"]
    assert best["batch_size"] == str(full.best().params["data.batch_size"])


def test_contours_join_the_most_important_key_with_the_next(full, pruned):
    figures = figures_of(full)
    assert figures.keys[0] == "optimizer.lr"
    contours = figures.contours()
    assert [figure.title.split(" and ")[0] for figure in contours] == ["optimizer.lr"] * 3
    assert all("method.r" not in figure.title for figure in contours), "not every trial has it"
    first = next(figure for figure in contours if figure.title.endswith("model.dropout")).figure
    pairs = [(t.params["model.dropout"], t.params["optimizer.lr"]) for t in full.trials if t.completed]
    assert sorted(points(first.data[1])) == sorted(pairs)
    assert figures_of(pruned).contours() == [], "10 points are no landscape"


def test_the_front_is_the_records_front(several):
    figures = figures_of(several)
    (pareto,) = figures.pareto()
    surpassed, front = pareto.figure.data
    assert sorted(points(front)) == sorted(trial.values for trial in several.pareto())
    others = {trial.number for trial in several.trials if trial.completed} - {t.number for t in several.pareto()}
    assert sorted(points(surpassed)) == sorted(t.values for t in several.trials if t.number in others)
    page = Page(render_report(several))
    for trial in several.pareto():
        assert f"tunesmith train --from {trial.directory}" in page.text
    assert "best.yaml" not in page.text


def test_importances_are_optunas_on_the_true_study(full, pruned):
    """Against a study made from the distributions that the sweep wrote down, by their own reader."""
    known = {key: json_to_distribution(text) for key, text in full.facts["distributions"].items()}
    with quiet_optuna():
        study = optuna.create_study(direction="maximize")
        for trial in full.trials:
            ended = trial.state == "completed"
            study.add_trial(
                create_trial(
                    state=TrialState.COMPLETE if ended else TrialState.FAIL,
                    value=trial.values[0] if ended else None,
                    params=dict(trial.params),
                    distributions={key: known[key] for key in trial.params},
                )
            )
        expected = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=0.25))
        found = importances(full)
    assert found == pytest.approx(expected)
    assert next(iter(found)) == "optimizer.lr", "what the formula hangs on"
    assert sum(found.values()) == pytest.approx(1)
    assert importances(pruned) is None
    (bars,) = figures_of(full).importances(found).figure.data
    assert list(bars.x) == sorted(found.values())


def trial(value, **params):
    return {"state": "completed", "values": [value], "params": params, "curve": [[1, 0.5]], "steps": 4, "full_steps": 4}


ODD_SWEEPS = {
    "empty": [],
    "all failed": [{"state": "failed", "reason": "x", "params": {"a": 1}}] * 2,
    "all pruned": [{"state": "pruned", "curve": [[1, 0.2], [2, 0.3]], "params": {"a": 1}, "steps": 2}] * 2,
    "one": [trial(0.5, a=1)],
    "one point": [trial(0.5, a=1, b="x", c=1e-3)] * 21,
    "one value": [trial(0.5, a=number, b="x" * number, c=10.0**-number) for number in range(21)],
    "no parameters": [trial(number / 9) for number in range(9)],
    "no numbers": [trial(None, a=1), trial(math.nan, a=2), trial(math.inf, a=3), trial(0.1, a=4)],
    "gaps": [trial(0.1 * number, a=number) | {"number": 3 * number} for number in range(4)],
    "all types": [trial(0.1, a=value) for value in (1, "x", True, None, [1], {"k": 2}, 1.5, False, "1", "true", [])],
    "waiting": [{"state": state, "params": {"a": 1}} for state in ("waiting", "paused", "running")],
}


@pytest.mark.parametrize("kind", ODD_SWEEPS)
@pytest.mark.parametrize("directions", [["minimize"], ["maximize"]])
def test_any_sweep_has_a_report(tmp_path, kind, directions):
    for number, content in enumerate(ODD_SWEEPS[kind]):
        write_trial(tmp_path, **{"number": number} | content)
    record = load_sweep(
        write_facts(tmp_path, directions=directions, space={"a": "choice(1)"}, distributions={"a": "?"})
    )
    page = Page(render_report(record))
    assert page.elements.count("a") == len(record.trials)
    assert all("NaN" not in script and "Infinity" not in script for a, script in page.scripts if a)
    if kind == "no numbers":
        assert record.best().number == 3


def test_points_given_by_hand_outside_of_the_range_are_drawn(tmp_path):
    for number, rate in enumerate((1e-7, 1e-4, 1.0)):
        write_trial(tmp_path, number, **trial(0.1 * number, **{"optimizer.lr": rate}))
    (figure,) = figures_of(load_sweep(write_facts(tmp_path))).slices()
    assert list(figure.figure.data[0].x) == [1e-7, 1e-4, 1.0]


def test_the_file_is_written_beside_the_records_and_says_the_same_twice(pruned):
    path = write_report(pruned)
    first = path.read_text(encoding="utf-8")
    assert path == pruned.path / "report.html"
    assert write_report(SweepRecord(pruned.path)).read_text(encoding="utf-8") == first


def test_report_writes_a_sweep_s_page_and_prints_its_trials_as_markdown(pruned, hostile, inside):
    done = inside("report", pruned.path)
    assert (done.returncode, done.stdout) == (0, f"{pruned.path / 'report.html'}\n")
    text = inside("report", pruned.path, "--format", "markdown").stdout
    best = pruned.best()
    assert f"best {pruned.metrics[0]}, trial {best.number}: **{best.values[0]:.4f}**" in text
    rows = text.partition("## Trials")[2].partition("## ")[0].strip().splitlines()
    assert len(rows) == 2 + len(pruned.trials)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(as_markdown(sweep_document(hostile)))
    kinds = {child.type for token in tokens for child in [token, *(token.children or ())]}
    assert not kinds & {"html_block", "html_inline", "link_open", "image"}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min")]
)
def test_durations_are_for_people(seconds, text):
    assert duration_text(seconds) == text
