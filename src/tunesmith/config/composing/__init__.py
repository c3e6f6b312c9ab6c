"""Composes a command line, files and defaults into one resolved config, and knows where every value was set."""
