"""The operator's image: what builds it, what it holds, how it runs without a cluster."""
