"""Contract suites: properties of every implementation of a protocol, built-in or a user's own, for pytest."""

from pathlib import Path

import pytest

# Makes failed assertions show their values, as in a test file.
pytest.register_assert_rewrite(*(f"{__name__}.{file.stem}" for file in Path(__file__).parent.glob("[a-z]*.py")))
