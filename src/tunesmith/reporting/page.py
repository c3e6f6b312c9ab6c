"""What HTML pages have in common: they are filled in with every value escaped, and load nothing."""

from __future__ import annotations

from typing import Any

import jinja2

from tunesmith.terminal import printable


def page_environment() -> jinja2.Environment:
    """The templates of `reporting/templates`: a missing value is an error, and control characters become spaces."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("tunesmith.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_without_control_characters,
    )


def _without_control_characters(value: Any) -> Any:
    """A plain text as it may be shown; what is marked as a part of the page stays as it is."""
    return printable(value) if type(value) is str else value
