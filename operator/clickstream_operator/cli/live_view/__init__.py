"""A page on loopback that shows pipelines and their numbers as they come; it cannot write."""

from clickstream_operator.cli.live_view.server import serve

__all__ = ["serve"]
