"""One AWS kind per module: how it is described, seen and changed."""
