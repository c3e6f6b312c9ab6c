"""Where trials run: one file per kind of executor, all behind one protocol."""
