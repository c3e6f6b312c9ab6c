"""The config of a run: its schema, its composition from files and overrides, and every check before a run starts."""
