"""What a sweep leaves on disk while it runs."""
