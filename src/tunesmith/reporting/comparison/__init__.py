"""Compares finished runs by what they predicted for the same rows."""
