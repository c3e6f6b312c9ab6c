"""The records that some rows were read from, read once more."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tunesmith.config.data_files import own_data
from tunesmith.config.schema import Data
from tunesmith.data.files import data_files
from tunesmith.data.sources.hub import with_files
from tunesmith.data.sources.records import records_in, source_of
from tunesmith.data.sources.separated import dialect_of
from tunesmith.data.values import as_text


def records_with(data: Data, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the record of each row as it stands in its file; reading ends with the last of them.

    Args:
        data: The data config.
        ids: The rows' ids, as `read_rows` gives them.

    Raises:
        DataError: A file cannot be read.
    """
    if data.sources:
        own = {
            name: {row.removeprefix(f"{name}/") for row in ids if row.startswith(f"{name}/")} for name in data.sources
        }
        found = {name: records_with(own_data(data, name), of) for name, of in own.items() if of}
        return {f"{name}/{row}": record for name, records in found.items() for row, record in records.items()}
    data = with_files(data)
    source = source_of(data.format, dialect_of(data))
    missing, records = set(ids), {}
    for position, (_, record) in enumerate(records_in(source, data_files(data, source))):
        row_id = as_text(record.get(data.id_column)) if data.id_column else str(position)
        if row_id in missing:
            records[row_id] = record
            missing.remove(row_id)
        if not missing:
            break
    return records
