"""What is wrong with data, told before anything is trained on it: `tunesmith audit`."""
