"""What a run is: the schema, its composition from files and overrides, and every check before anything starts."""
