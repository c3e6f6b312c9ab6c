"""Reads data and turns it into batches."""
