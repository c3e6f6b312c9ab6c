"""Contract suites: what holds of every implementation of a protocol, ours and a user's own, to be run by pytest."""

from pathlib import Path

import pytest

# So that a failed assertion shows its values, as in a test file.
pytest.register_assert_rewrite(*(f"{__name__}.{file.stem}" for file in Path(__file__).parent.glob("[a-z]*.py")))
