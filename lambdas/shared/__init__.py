"""Code of both functions: config, decoding, privacy, aggregation, storage protocols, metrics."""
