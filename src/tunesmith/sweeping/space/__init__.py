"""What is varied: the grammar of a search space, and its reading."""
