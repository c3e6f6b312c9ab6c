"""The command line: one small module per verb, imported only when its verb is used."""
