"""Tables and pages over finished records."""
