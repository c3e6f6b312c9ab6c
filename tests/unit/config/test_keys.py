import pytest

from tunesmith.config.keys import accepts


@pytest.mark.parametrize(
    ("key", "taken", "refused"),
    [
        ("model.dropout", [0, 0.5, None], [1, 1.0, -0.1, "much"]),
        ("data.batch_size", [1, 64], [0, -1, 1.5]),
        ("seed", [0, 2**32 - 1], [-1, 2**32]),
        ("optimizer.betas", [[0.9, 0.95], "anything"], []),
        ("no.such.key", [0, "x", None], []),
    ],
)
def test_a_key_takes_what_its_field_takes(key, taken, refused):
    assert all(accepts(key, value) for value in taken)
    assert not any(accepts(key, value) for value in refused)
