"""Contract suites: what holds of every implementation of a protocol, ours and a user's own, to be run by pytest."""
