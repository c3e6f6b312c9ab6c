"""Whether a config can be run: keys, types, targets and what goes together."""
