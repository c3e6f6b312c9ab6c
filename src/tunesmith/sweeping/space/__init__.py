"""What is varied: reading and describing a search space."""
