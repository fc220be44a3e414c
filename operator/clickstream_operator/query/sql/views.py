"""Views over the lines of the archive."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

#: In the order in which they are made: each reads the ones before, and `raw_lines` or `bad_lines`.
VIEWS: Final = ("archived_events", "events", "page_views", "sessions", "bad_rows")


def view_sql(name: str) -> str:
    """Return the text of a view's query."""
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
