"""Reads and writes runs and sweeps on disk."""
