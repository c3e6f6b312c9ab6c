import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.sources.records import records_of
from tunesmith.data.sources.text import PlainText
from tunesmith.errors import DataError

line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n\ufeff"), max_size=20)


@given(lines=st.lists(line, max_size=8), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_each_line_that_is_not_blank_is_a_text(lines, end, tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text(end.join(lines), encoding="utf-8", newline="")
    expected = [(number, {"text": text}) for number, text in enumerate(lines, 1) if text.strip()]
    assert list(records_of(PlainText(), path)) == expected


def test_a_nul_is_refused_with_its_line(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\n\ntwo\0\n")
    with pytest.raises(DataError, match=r"a\.txt:3: a NUL byte"):
        list(records_of(PlainText(), tmp_path / "a.txt"))
