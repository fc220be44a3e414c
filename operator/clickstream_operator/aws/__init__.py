"""The edge to AWS: sessions, calls, limits, errors, tags, policies. Knows no pipeline."""
