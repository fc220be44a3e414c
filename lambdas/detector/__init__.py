"""The anomaly detector: session rules on the stream, incidents, alerts."""
