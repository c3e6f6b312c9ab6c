"""Whatever runs a training lives here."""
