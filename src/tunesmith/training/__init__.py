"""Everything that runs a training."""
