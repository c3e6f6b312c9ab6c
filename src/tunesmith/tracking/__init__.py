"""What is recorded about a run: curves, provenance, and a copy on an experiment tracker."""
