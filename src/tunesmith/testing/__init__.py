"""Contract suites: what holds of every implementation of a protocol, ours and a user's own, to be run by pytest."""

import pytest

# So that a failed assertion shows its values, as in a test file.
pytest.register_assert_rewrite("tunesmith.testing.judges", "tunesmith.testing.simulation", "tunesmith.testing.sources", "tunesmith.testing.trackers")
