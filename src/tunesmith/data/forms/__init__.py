"""What is made of a record before the task reads it: a text by a template, a conversation of another tool's format."""
