"""What is remembered of a run: curves, provenance, and the copy on an experiment tracker."""
