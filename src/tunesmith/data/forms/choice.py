"""Which form the records of a config take."""

from __future__ import annotations

from tunesmith.config.schema import Data
from tunesmith.config.tasks import Traits
from tunesmith.data.forms.form import AsRead, Form


def form_of(data: Data, traits: Traits) -> Form:
    """Return how records become what the task reads.

    Args:
        data: The data config.
        traits: The task's traits.
    """
    if data.template is not None:
        from tunesmith.data.forms.templated import Templated  # with Jinja

        return Templated(data)
    if data.convert is not None:
        from tunesmith.data.forms.converted import Converted

        return Converted(data, takes_conversations="messages_column" in traits.columns)
    return AsRead(data)
