"""The programs that the sandbox runs: located, or built into the cache."""
