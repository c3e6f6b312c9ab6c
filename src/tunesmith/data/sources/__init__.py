"""Formats of files with records: one file each, behind one protocol."""
