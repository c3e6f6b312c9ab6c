"""What a run shows: its tables and the card of its model."""
