"""Callbacks of every run: checkpoints, interruption, progress, validations."""
