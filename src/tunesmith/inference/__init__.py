"""Uses a finished run: predict, evaluate, export."""
