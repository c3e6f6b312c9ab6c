import bz2
import csv
import gzip
import io
import json
import subprocess

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.sources.json_array import JsonArray
from tunesmith.data.sources.packed import fed, plain_name, unpacked
from tunesmith.data.sources.records import read_records, records_of
from tunesmith.errors import DataError


def zstd(content: bytes) -> bytes:
    return pyarrow.Codec("zstd").compress(content, asbytes=True)


PACKED = {"gz": gzip.compress, "zst": zstd}
ROWS = [{"text": f"a film {i} ä", "label": str(i % 2)} for i in range(2000)]


def as_csv():
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("text", "label"), *((row["text"], row["label"]) for row in ROWS)])
    return file.getvalue()


WRITTEN = {
    "csv": as_csv(),
    "jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    "conll": "ä O\nb B\n\nc O\n",
    "python": 'topics = {"x": "ä b"}\n',
}


@pytest.mark.parametrize("ending", list(PACKED))
@pytest.mark.parametrize("kind", list(WRITTEN))
def test_a_packed_file_gives_the_records_and_lines_of_the_file_in_it(tmp_path, kind, ending):
    plain, packed = tmp_path / "rows", tmp_path / f"rows.{ending}"
    plain.write_text(WRITTEN[kind], encoding="utf-8", newline="")
    packed.write_bytes(PACKED[ending](plain.read_bytes()))
    assert list(read_records(packed, kind)) == list(read_records(plain, kind))


@pytest.mark.parametrize("ending", list(PACKED))
def test_a_packed_array_gives_its_records(tmp_path, ending):
    (tmp_path / "a").write_bytes(PACKED[ending](json.dumps(ROWS).encode()))
    assert [record for _, record in records_of(JsonArray(), tmp_path / "a")] == ROWS


def test_the_first_bytes_count_and_not_the_name(tmp_path):
    (tmp_path / "a.csv").write_bytes(gzip.compress(b"text\none\n"))
    (tmp_path / "b.csv.gz").write_bytes(b"text\none\n")
    assert list(read_records(tmp_path / "a.csv", "csv")) == list(read_records(tmp_path / "b.csv.gz", "csv"))


@given(content=st.binary(max_size=300), parts=st.integers(1, 3), ending=st.sampled_from(list(PACKED)))
def test_any_bytes_come_back_also_from_packed_parts_put_together(tmp_path_factory, content, parts, ending):
    path = tmp_path_factory.mktemp("packed") / f"a.{ending}"
    path.write_bytes(PACKED[ending](content) * parts)
    with unpacked(path) as file:
        assert file.read() == content * parts


@pytest.mark.parametrize("ending", list(PACKED))
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_file_cut_off_is_refused_with_its_name_and_the_next_step(tmp_path, ending, kept):
    packed = PACKED[ending](as_csv().encode())
    path = tmp_path / f"rows 1.csv.{ending}"
    path.write_bytes(packed[: int(len(packed) * kept)])
    with pytest.raises(DataError) as refusal:
        list(read_records(path, "csv"))
    name = {"gz": "gzip", "zst": "zstd"}[ending]
    assert str(refusal.value).startswith(f"{path}: packed with {name}, and cut off or damaged: ")
    assert f"`{name} -t '{path}'`" in str(refusal.value)


@pytest.mark.parametrize(("ending", "damage"), [("gz", slice(-8, -4)), ("zst", slice(20, 60))])
def test_a_damaged_file_is_refused(tmp_path, ending, damage):
    packed = bytearray(PACKED[ending](as_csv().encode()))
    packed[damage] = b"\0\xff" * ((damage.stop - damage.start) // 2)
    (tmp_path / "a").write_bytes(packed)
    with pytest.raises(DataError, match="cut off or damaged"):
        list(read_records(tmp_path / "a", "csv"))


def test_a_nul_in_a_packed_file_is_taken_out_by_the_command_told(tmp_path):
    path = tmp_path / "a b.csv.gz"
    path.write_bytes(gzip.compress(b"text\none\0\n"))
    with pytest.raises(DataError, match=r"a b\.csv\.gz:2: a NUL byte") as refusal:
        list(read_records(path, "csv"))
    subprocess.run(str(refusal.value).partition("Leave them out: ")[2], shell=True, check=True)
    assert list(read_records(tmp_path / "a b_clean.csv", "csv")) == [(2, {"text": "one"})]


def test_a_packing_that_is_not_read_is_told_with_its_command(tmp_path):
    (tmp_path / "a.csv.bz2").write_bytes(bz2.compress(b"text\none\n"))
    with pytest.raises(DataError, match=r"compressed with bzip2, which is not read\. Write it out: bzip2 -dc"):
        list(read_records(tmp_path / "a.csv.bz2", "csv"))


def test_commands_are_fed_what_is_in_a_file(tmp_path):
    plain, packed = tmp_path / "a", tmp_path / "a.gz"
    plain.write_bytes(b"one\n")
    packed.write_bytes(gzip.compress(b"one\n"))
    for path in (plain, packed):
        assert subprocess.run(fed(path, "cat"), shell=True, check=True, capture_output=True).stdout == b"one\n"
    assert plain_name(packed) == plain == plain_name(plain)
