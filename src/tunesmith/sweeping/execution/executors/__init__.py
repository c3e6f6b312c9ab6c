"""Where trials run: a file for each kind of place, behind one protocol."""
