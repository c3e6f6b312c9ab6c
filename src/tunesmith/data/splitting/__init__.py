"""How rows are divided into train, validation and test."""
