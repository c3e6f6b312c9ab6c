"""Choosing a model before training: what is at hand is measured for minutes, ranked, and written as a sweep."""
