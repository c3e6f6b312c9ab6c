import copy
import pickle

from tunesmith.data.lines import Line, all_numbered, numbered, place_of


def test_a_plain_number_is_a_line_of_the_file_that_is_named():
    assert place_of("a.csv", 3) == "a.csv:3"
    assert numbered(3) == "line 3"
    assert [all_numbered([3], 2), all_numbered([3, 7], 2), all_numbered([3, 7, 9], 2)] == [
        "line 3",
        "lines 3, 7",
        "lines 3, 7, ...",
    ]


def test_a_line_knows_its_file_and_what_is_counted():
    line, row = Line(3, "x/b.csv", within="b.csv"), Line(3, "a.parquet", "row")
    assert (place_of("a.csv", line), place_of("a.csv", row)) == ("x/b.csv:3", "a.parquet, row 3")
    assert (numbered(line), numbered(row)) == ("line 3 of b.csv", "row 3")
    assert (all_numbered([line, Line(4, "c", within="c")], 5), all_numbered([row, row], 5)) == (
        "lines 3 of b.csv, 4 of c",
        "rows 3, 3",
    )
    assert line == 3


def test_copies_know_it_too():
    line = Line(3, "x/b.csv", within="b.csv")
    for other in (pickle.loads(pickle.dumps(line)), copy.deepcopy(line)):
        assert (other, numbered(other), place_of("", other)) == (3, "line 3 of b.csv", "x/b.csv:3")
