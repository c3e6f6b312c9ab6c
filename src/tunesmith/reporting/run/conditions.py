"""What a run was made from, as chapters of its report: data, config, code and machine, and how to repeat it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tunesmith.reporting.audit import cleaning_lines
from tunesmith.reporting.blocks import Block, Chapter, Listing, Sentence, Verbatim
from tunesmith.reporting.formatting import duration_text
from tunesmith.runs.record import Record

MOST_LABELS = 200
"""Labels that the page lists, the most frequent."""
PACKAGES = ("tunesmith", "torch", "transformers", "peft", "pytorch-lightning", "datasets", "scikit-learn", "numpy")


def data_chapter(record: Record) -> Chapter | None:
    """Build the chapter on the rows: how many of each label and split, and what was cleaned, left out and cut."""
    results = record.results
    rows: Mapping[str, int] = results.get("num_rows", {})
    if not rows:
        return None
    counts: Mapping[str, Mapping[str, int]] = results.get("label_counts", {})
    totals = {label: sum(each.get(label, 0) for each in counts.values()) for each in counts.values() for label in each}
    ordered = sorted(totals, key=lambda label: -totals[label])
    table: list[list[Any]] = [["all rows", *rows.values()]]
    table += [
        [label, *(counts[split].get(label, 0) if split in counts else None for split in rows)]
        for label in ordered[:MOST_LABELS]
    ]
    blocks: list[Block] = [Listing(["label" if counts else "", *rows], table, marked={0})]
    if len(ordered) > MOST_LABELS:
        blocks.append(Sentence(f"The {MOST_LABELS} most frequent of {len(ordered):,} labels."))
    if results.get("cleaned"):
        blocks.append(Listing(["cleaning", "what it did"], [list(line) for line in cleaning_lines(results["cleaned"])]))
    blocks += map(Sentence, _lost(results))
    return Chapter("data", "Data", blocks)


def config_chapter(record: Record) -> Chapter:
    """Build the chapter with every key, those that were overridden first and marked."""
    given = override_of(record)
    values = dict(_flat(record.config))
    keys = sorted(values, key=lambda key: given(key) is None)  # stable: otherwise as in the file
    listing = [[key, _text(values[key]), given(key)] for key in keys]
    marked = {number for number, row in enumerate(listing) if row[2] is not None}
    choices = record.provenance.get("choices", {})
    groups = Listing(["group", "option"], [[group, str(option)] for group, option in choices.items()])
    table = Listing(["key", "value", "override"], listing, "Overridden keys come first.", marked, filtered=True)
    return Chapter("config", "Config", [groups, table] if choices else [table], folded=True)


def override_of(record: Record) -> Callable[[str], str | None]:
    """Return a function from a key to the override that set it, or None."""
    groups = set(record.provenance.get("choices", {}))
    by_key = {}
    for override in record.provenance.get("overrides", ()):
        name, _, _ = str(override).lstrip("+~").partition("=")
        if name.partition("@")[0] not in groups:
            by_key[name] = str(override)

    def given(key: str) -> str | None:
        return next((text for name, text in by_key.items() if key == name or key.startswith(f"{name}.")), None)

    return given


def provenance_chapter(record: Record) -> Chapter | None:
    """Build the chapter on code, packages, machine, data and weights; None if the run ended before they were known."""
    origin = record.provenance
    if not origin:
        return None
    rows = [[name, str(value)] for name, value in _origins(record, origin) if value not in (None, "")]
    return Chapter("provenance", "Where it comes from", [Listing(["", "value"], rows)], folded=True)


def commands_chapter(record: Record) -> Chapter:
    """Build the chapter with the commands that made the run, repeat it and vary it."""
    lines = [str(record.provenance["command"])] if record.provenance.get("command") else []
    blocks: list[Block] = [Verbatim("\n".join(lines))] if lines else []
    if record.status == "completed":
        blocks += [Sentence("To run it again and compare every number:")]
        blocks += [Verbatim(f"tunesmith reproduce {record.argument}")]
    blocks += [Sentence("To vary it, with overrides:"), Verbatim(f"tunesmith train --from {record.argument}")]
    return Chapter("commands", "Commands", blocks)


def cost_facts(record: Record) -> Iterator[tuple[str, str]]:
    """Yield what the run cost, each number with what it is."""
    results = record.results
    if "num_parameters" in results:
        total, trained = results["num_parameters"], results["num_trainable_parameters"]
        yield f"{trained:,}", f"of {total:,} parameters trained"
    if "duration_s" in results:
        memory = f", {results['peak_memory_mb']:,.0f} MB" if "peak_memory_mb" in results else ""
        yield duration_text(results["duration_s"]), f"{results.get('steps', 0):,} steps{memory}"


def _lost(results: Mapping[str, Any]) -> Iterator[str]:
    for split, kinds in results.get("cut", {}).items():
        for what, facts in kinds.items():
            yield (
                f"{split}: {facts['num_rows_cut']:,} of {facts['num_rows']:,} {what} are cut to {facts['limit']:,} "
                f"tokens; {facts['num_tokens_cut']:,} of {facts['num_tokens']:,} tokens are lost."
            )
    for split, count in results.get("num_rows_dropped", {}).items():
        yield f"{split}: {count:,} rows are left out because they are too long."


def _origins(record: Record, origin: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for place in origin.get("repositories", ()):
        changed = " with uncommitted changes" * bool(place.get("dirty"))
        yield f"commit ({', '.join(place.get('holds', ()))})", f"{place.get('commit')}{changed}"
    packages: Mapping[str, str] = origin.get("packages", {})
    yield "Python", origin.get("python", {}).get("version")
    yield "packages", ", ".join(f"{name} {packages[name]}" for name in PACKAGES if name in packages)
    hardware: Mapping[str, Any] = origin.get("hardware", {})
    devices: Sequence[Any] = hardware.get("gpus") or [hardware.get("cpu")]
    yield "machine", ", ".join(str(item) for item in (hardware.get("platform"), *devices) if item)
    yield "threads", origin.get("threads")
    yield "precision", origin.get("precision")
    yield "seed", origin.get("seed")
    yield "data fingerprint", record.results.get("data_fingerprint")
    yield "weights at the start", origin.get("model", {}).get("initial_weights_sha256")
    yield "weights kept", record.results.get("weights_sha256")
    yield "config fingerprint", origin.get("config_fingerprint")
    yield "working directory", origin.get("working_directory")
    yield "started", record.results.get("started")
    yield "resumed", len(origin["resumed"]) if origin.get("resumed") else None


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
