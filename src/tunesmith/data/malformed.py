"""The error of a record that cannot become an example."""


class MalformedError(ValueError):
    """A record cannot become an example; the message says why and what to do."""
