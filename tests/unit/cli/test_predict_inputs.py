import pytest

from tunesmith.cli.predict import main, read_questions
from tunesmith.config.schema import Data
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

TASK, COMMAS = task_named("classification"), Data(path="-", format="csv")


def test_a_tsv_has_tabs_and_no_quoting_whatever_the_run_s_own_data_had(tmp_path):
    path = tmp_path / "new.tsv"
    path.write_text('text\tid\n"so\t1\nit ends"\t2\n')
    assert [example.text for example in read_questions(str(path), TASK, COMMAS)] == ['"so', 'it ends"']


def test_another_delimiter_is_suggested_as_the_flag_that_reads_it(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("text;id\na, b;1\n")
    with pytest.raises(DataError, match="--delimiter semicolon reads the header as 'text', 'id'"):
        list(read_questions(str(path), TASK, COMMAS))
    changed = COMMAS.model_copy(update={"delimiter": "semicolon"})
    assert [example.text for example in read_questions(str(path), TASK, changed)] == ["a, b"]


def test_the_help_ends_with_examples_and_nothing_before_them(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "\n\nexamples:\n  tunesmith predict RUN" in capsys.readouterr().out
