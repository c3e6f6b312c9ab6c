"""Named random streams: every use of randomness has its own seed, derived from the run's."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed that depends on nothing but the run's seed and the stream's name.

    Streams are independent, so that an extra consumer of random numbers (a callback, a logger, another validation)
    never shifts data order, initialisation or dropout.

    Args:
        seed: The run's seed.
        names: What the stream is for, e.g. `("data", epoch)`.
    """
    key = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
