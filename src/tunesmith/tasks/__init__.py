"""The tasks that a model can be trained for: one file per task, with everything specific to it."""
