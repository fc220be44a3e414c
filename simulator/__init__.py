"""A simulator of the event source mapping, its faults, and the stores, around the real handlers."""
