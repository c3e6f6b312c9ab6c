"""Records a result's origin (code, packages, hardware, data, weights), and compares two records."""
