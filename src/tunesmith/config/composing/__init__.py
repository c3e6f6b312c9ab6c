"""From a command line, files and defaults to one resolved config, with the place of every value."""
