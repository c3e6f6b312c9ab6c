"""Writes the model card of a run from its record."""

from __future__ import annotations

import json
import re
from typing import Any

from tunesmith.config.methods import method_label
from tunesmith.config.tasks import TASKS
from tunesmith.reporting.markdown import markdown_text, table_lines
from tunesmith.reporting.run.calibration import calibration_text
from tunesmith.reporting.run.outcome import RESULT_COLUMNS, result_rows
from tunesmith.runs.directory import CALIBRATION_FILE
from tunesmith.runs.record import Record


def model_card(record: Record, *, adapter: bool) -> str:
    """Write a README.md with front matter for the Hugging Face Hub; every number comes from the run's files.

    Args:
        record: The finished run.
        adapter: Whether the folder holds only an adapter.
    """
    config, origin, results = record.config, record.provenance, record.results
    base, task = str(config["model"]["path"] or "random weights"), config["task"]["name"]
    front: dict[str, Any] = {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": TASKS[task].pipeline,
    }
    if "/" in base and not base.startswith(("/", "$")):
        front["base_model"] = base
    sections = {
        f"{config['run']['name']}": _summary(record, base, adapter),
        "Results": _metrics(record),
        "Data": _data(origin, results) + _template(config["data"].get("template")),
        "How it was made": f"```\n{origin.get('command', '')}\n```\n\n{_conditions(origin)}",
    }
    head = "\n".join(f"{key}: {json.dumps(value)}" for key, value in front.items())
    return f"---\n{head}\n---\n" + "".join(f"\n# {title}\n\n{text}\n" for title, text in sections.items())


def _summary(record: Record, base: str, adapter: bool) -> str:
    config, results = record.config, record.results
    kind = "An adapter" if adapter else "A model"
    trained = f"{results['num_trainable_parameters']:,} of {results['num_parameters']:,} parameters trained"
    labels = f" Labels: {', '.join(record.labels)}." if record.labels else ""
    method, name = method_label(config["method"].get("name"), config["method"].get("_target_")), config["task"]["name"]
    stops = _stops(record) if adapter else ""
    return f"{kind} for {name}, made from {base} by `method={method}` ({trained}).{labels}{stops}"


def _stops(record: Record) -> str:
    """Explain how to stop at the learned end of answers: a loaded adapter uses its base's generation config."""
    if not (record.directory.model / "generation_config.json").is_file():
        return ""
    return " Generate with `generation_config=GenerationConfig.from_pretrained(FOLDER)`, which stops where texts end."


def _metrics(record: Record) -> str:
    beside = table_lines(RESULT_COLUMNS, result_rows(record)) if record.intervals or record.baselines else []
    rows = [f"| {name} | {value:.4f} |" for name, value in record.metrics.items()]
    note = f"Weights of step {record.results.get('best_step')}, the best by `{record.results.get('monitor')}`."
    known = [f"- {markdown_text(sentence)}" for sentence in record.warnings]
    said = ["", "What to know of these numbers:", "", *known] if known else []
    metrics = ["| metric | value |", "|---|---|", *rows, "", note, *_calibration(record)]
    return "\n".join([*beside, *[""] * bool(beside), *metrics, *said])


def _calibration(record: Record) -> list[str]:
    """State how far probabilities can be believed, and what makes them better."""
    measured = record.calibration
    if measured is None or measured["temperature"] is None:
        return []
    how = f"Divide logits by the temperature in `{CALIBRATION_FILE}` before taking probabilities"
    return ["", f"{how} ({calibration_text(measured)}; Guo et al. 2017, arXiv:1706.04599). No answer changes."]


def _data(origin: dict[str, Any], results: dict[str, Any]) -> str:
    rows = ", ".join(f"{count:,} {split}" for split, count in results.get("num_rows", {}).items())
    return f"{rows} rows; fingerprint `{origin.get('data', {}).get('fingerprint', '')}`."


def _template(source: str | None) -> str:
    """How a text is made of columns, which whoever asks the model has to do too."""
    if source is None:
        return ""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", source)), default=0))
    return f" A text is made of the columns of a row by this Jinja template:\n\n{fence}\n{source}\n{fence}"


def _conditions(origin: dict[str, Any]) -> str:
    packages = origin.get("packages", {})
    names = ("torch", "transformers", "peft", "tunesmith")
    versions = ", ".join(f"{name} {packages[name]}" for name in names if name in packages)
    python = origin.get("python", {}).get("version", "")
    run = f"Seed {origin.get('seed')}, {origin.get('precision')}, {origin.get('threads')} threads"
    return f"{run}; Python {python}, {versions}."
