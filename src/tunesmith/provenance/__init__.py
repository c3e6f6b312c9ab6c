"""Where a result comes from: code, packages, hardware, data, weights; and what differs between two."""
