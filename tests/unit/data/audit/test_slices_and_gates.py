"""Labels by slice, and the most that an audit may find."""

import csv
import random

import pytest
from scipy.stats import fisher_exact

from tunesmith import compose
from tunesmith.data.audit.audit import look_through, read_leniently
from tunesmith.data.audit.finding import Audit, Finding
from tunesmith.data.audit.gate import gates_of, refuse_findings
from tunesmith.errors import ConfigError, DataError
from tunesmith.tasks.registry import task_of

SOURCES = {"web": (0.8, 200), "mail": (0.5, 400), "phone": (0.5, 300), "fax": (1.0, 20)}
"""The rate of the label `yes` and the rows; those of fax are too few."""


def sliced(tmp_path, columns, *overrides, sources=SOURCES, files=1):
    draw = random.Random(0)
    rows = [
        (f"{' '.join(draw.choices('abcdefghij', k=12))} {number}", "yes" if number < rate * count else "no", source)
        for source, (rate, count) in sources.items()
        for number in range(count)
    ]
    draw.shuffle(rows)
    for file in range(files):
        with (tmp_path / f"part{file}.csv").open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([("text", "label", "source"), *rows[file::files]])
    config = compose(["data=csv", f"data.path={tmp_path}/part*.csv", *overrides]).config
    task = task_of(config.task)
    return rows, look_through(read_leniently(config.data, task), config.data, task, columns)


def cases_in(audited):
    return [case for finding in audited.findings if finding.kind == "slices" for case in finding.cases]


@pytest.mark.parametrize("files", [1, 3])
def test_slices_with_other_labels_are_found_with_their_rates(tmp_path, files):
    rows, audited = sliced(tmp_path, ["source"], files=files)
    cases = cases_in(audited)
    assert [(case["value"], case["label"]) for case in cases[:2]] == [("web", "no"), ("web", "yes")]
    case = cases[1]
    others = [label for _, label, source in rows if source != "web"]
    assert case["rows"] == 200
    assert case["rate"] == 0.8
    assert case["rate elsewhere"] == round(others.count("yes") / len(others), 3)
    assert {case["value"] for case in cases} == {"web", "mail", "phone"} & {case["value"] for case in cases}
    assert "fax" not in {case["value"] for case in cases}, "20 rows may be all of one label by chance"
    for case in cases:
        inside = [label for _, label, source in rows if source == case["value"]]
        outside = [label for _, label, source in rows if source != case["value"]]
        table = [[part.count(case["label"]), len(part) - part.count(case["label"])] for part in (inside, outside)]
        assert abs(case["rate"] - case["rate elsewhere"]) >= 0.1
        assert fisher_exact(table).pvalue * 8 < 0.01


def test_slices_that_are_alike_are_none_and_so_are_those_of_chance(tmp_path):
    assert cases_in(sliced(tmp_path, ["source"], sources={"web": (0.5, 200), "mail": (0.52, 300)})[1]) == []
    assert cases_in(sliced(tmp_path, ["text"])[1]) == [], "a slice for each row"


def test_rows_keep_their_slice_when_they_are_divided_and_cleaned(tmp_path):
    whole = cases_in(sliced(tmp_path, ["source"])[1])
    assert cases_in(sliced(tmp_path, ["source"], "data/cleaning=standard", "data.split.method=hash")[1]) == whole


def test_a_column_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    with pytest.raises(ConfigError, match="sorce") as error:
        sliced(tmp_path, ["sorce"])
    assert "Did you mean source?" in str(error.value)


AUDIT = Audit(
    {"train": 900, "val": 100},
    {},
    {},
    [],
    {},
    [Finding("leaks", 20, ""), Finding("spellings", 3, "")],
    {"cues": "no labels"},
)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("leaks", True),
        ("leaks=19", True),
        ("leaks=20", False),
        ("leaks=1.9%", True),
        ("leaks=2%", False),
        ("markup", False),
        ("markup, leaks = 20 ,spellings=3", False),
        ("markup,spellings=2", True),
    ],
)
def test_a_gate_opens_at_the_most_that_it_accepts(text, refused):
    gates = gates_of(text)
    if not refused:
        refuse_findings(AUDIT, gates)
        return
    with pytest.raises(DataError, match="which --fail-on refuses"):
        refuse_findings(AUDIT, gates)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("leak", "Did you mean leaks?"),
        ("leaks=", "leaks=NUMBER or leaks=PERCENT%"),
        ("leaks=-1", "leaks=NUMBER"),
        ("leaks=1.5", "leaks=NUMBER"),
        ("spellings=1%", "not rows"),
        ("", "takes split"),
    ],
)
def test_what_is_no_gate_is_refused_with_what_is(text, words):
    with pytest.raises(ConfigError) as error:
        gates_of(text)
    assert words in str(error.value)


def test_a_kind_that_was_not_looked_for_is_no_kind_that_is_absent():
    with pytest.raises(ConfigError, match="no labels"):
        refuse_findings(AUDIT, gates_of("cues"))
