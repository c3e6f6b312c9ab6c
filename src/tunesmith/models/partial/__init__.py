"""Methods that train a part of a network's own weights, one file each."""
