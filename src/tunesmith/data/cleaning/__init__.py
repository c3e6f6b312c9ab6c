"""Small steps that mend texts or leave rows out, each counted; a config lists them under `data.cleaning`."""
