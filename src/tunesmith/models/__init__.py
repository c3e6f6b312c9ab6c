"""Weights, heads, methods, and one training step."""
