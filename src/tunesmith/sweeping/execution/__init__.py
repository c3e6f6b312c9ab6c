"""How trials run: processes, slots, messages."""
