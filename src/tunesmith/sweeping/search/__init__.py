"""Which trial is next, and which goes on: sampler, pruner, scheduler, study."""
