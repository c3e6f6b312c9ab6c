"""Metrics; reads predictions, trains nothing."""
