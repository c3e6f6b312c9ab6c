"""Rows that are in several folds of one division are refused; further divisions have them again."""

import pytest

from tunesmith.errors import FilesError
from tunesmith.reporting.sweep.crossval import check_once


def rows(*ids):
    return [{"id": row_id} for row_id in ids]


def test_a_row_in_two_folds_is_refused_and_one_in_two_divisions_is_not():
    check_once([rows("a", "b"), rows("c"), rows("a"), rows("b", "c")], 2)
    with pytest.raises(FilesError, match="1 rows are in several folds of one division, such as id 'b'"):
        check_once([rows("a", "b"), rows("b")], 2)
