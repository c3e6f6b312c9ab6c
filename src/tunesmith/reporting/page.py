"""What HTML pages have in common: they are filled in with every value escaped, and load nothing."""

from __future__ import annotations

from typing import Any

import jinja2

from tunesmith.reporting.blocks import Document, cell_text
from tunesmith.reporting.drawing.svg import svg
from tunesmith.terminal import printable

TEMPLATE = "report.html.j2"


def page_environment() -> jinja2.Environment:
    """The templates of `reporting/templates`: a missing value is an error, and control characters become spaces."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tunesmith.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_without_control_characters,
    )
    environment.filters |= {"cell_text": cell_text, "svg": svg}
    return environment


def render_page(document: Document) -> str:
    """Write a report as a page that opens from disk; everything in it is escaped."""
    return page_environment().get_template(TEMPLATE).render(document=document)


def _without_control_characters(value: Any) -> Any:
    """A plain text as it may be shown; what is marked as a part of the page stays as it is."""
    return printable(value) if type(value) is str else value
