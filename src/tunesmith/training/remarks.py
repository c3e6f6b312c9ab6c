"""What has to be said of measured numbers, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from tunesmith.models.module import Outputs


def remarks(passes: Sequence[Outputs]) -> list[str]:
    """What a reader of the metrics of some evaluation passes could be misled by: those that have no value."""
    undefined = [name for outputs in passes for name in outputs.metrics if name not in outputs.defined_metrics]
    if not undefined:
        return []
    return [f"without a value on these rows, and left out of the results: {', '.join(undefined)}"]
