"""Reports on one run: tables and model card."""
