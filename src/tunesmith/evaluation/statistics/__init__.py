"""How far a metric can be trusted: intervals over rows, and paired tests between runs. No torch."""
