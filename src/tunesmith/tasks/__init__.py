"""What a model can be trained to do: a file for each task, with all that is its own."""
