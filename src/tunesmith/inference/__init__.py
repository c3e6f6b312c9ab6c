"""A finished run at work: load, predict, evaluate, export."""
