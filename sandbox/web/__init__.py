"""Web pages and real browsers that visit them, on loopback."""
