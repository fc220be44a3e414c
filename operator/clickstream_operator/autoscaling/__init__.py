"""The loop between resyncs that fits the shards to the load."""
