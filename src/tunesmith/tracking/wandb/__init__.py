"""Track a run or a sweep at Weights & Biases."""
