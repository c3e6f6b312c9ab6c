"""Which trial is next and which continues: sampler, pruner, scheduler, study."""
