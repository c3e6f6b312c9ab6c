"""What a record is told by that cannot be an example."""


class MalformedError(ValueError):
    """A record that cannot be an example; the message says why and what to do."""
