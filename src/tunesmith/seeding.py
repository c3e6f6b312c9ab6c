"""Derives a separate seed for each use of randomness from the run's seed."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed that depends only on the run's seed and the stream's name.

    Streams are independent, so an extra consumer of random numbers (a callback, a logger, another validation)
    never shifts data order, initialisation or dropout.

    Args:
        seed: The run's seed.
        names: Name of the stream, e.g. `("data", epoch)`.
    """
    key = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
