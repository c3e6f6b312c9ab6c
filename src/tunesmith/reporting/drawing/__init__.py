"""Figures drawn without a library: shapes, charts made of them, and the files that they are written to."""
