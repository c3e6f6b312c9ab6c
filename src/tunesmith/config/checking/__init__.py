"""Checks whether a config can be run: keys, types, classes and combinations."""
