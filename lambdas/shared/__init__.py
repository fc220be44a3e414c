"""What both functions share: config, decoding, privacy, aggregation, storage protocols, metrics."""
