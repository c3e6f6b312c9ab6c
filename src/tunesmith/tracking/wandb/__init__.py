"""A run or a sweep at Weights & Biases."""
