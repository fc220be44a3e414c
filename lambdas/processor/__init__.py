"""The stream processor: archive, page, session and counter items, each event exactly once."""
