"""The outline read from the schema's source is the schema."""

from __future__ import annotations

from pydantic import BaseModel

from tunesmith.config.keys import field_at, model_at
from tunesmith.config.outline import REQUIRED, is_text, leaves, outline
from tunesmith.config.schema import RunConfig


def of_classes(model: type[BaseModel], prefix: str = "") -> dict[str, object]:
    """Paths and defaults as pydantic knows them; nodes map to None."""
    found: dict[str, object] = {}
    for name, info in model.model_fields.items():
        path = f"{prefix}{info.alias or name}"
        inner = model_at(path)
        default = REQUIRED if info.is_required() else info.get_default(call_default_factory=True)
        found[path] = None if inner and inner is info.annotation else default
        if inner:
            found |= of_classes(inner, f"{path}.")
    return found


def test_it_is_the_schema() -> None:
    assert {path: None if key.is_node else key.default for path, key in outline().items()} == of_classes(RunConfig)


def test_every_key_is_found_in_the_classes() -> None:
    assert all(field_at(path) is not None for path in leaves())


def test_text_keys() -> None:
    text = {path for path in leaves() if is_text(path)}
    assert {"data.path", "data.delimiter", "model.path", "run.name", "run.dir", "logger.project"} <= text
    assert not {"data.order", "run.tags", "data.where", "optimizer.lr", "trainer.accelerator", "data"} & text
