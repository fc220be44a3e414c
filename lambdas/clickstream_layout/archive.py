"""Names and compression of the archive's objects, and the envelope of an archived event.

Keys are `<kind>/dt=YYYY-MM-DD/hr=HH/<name>.<events>.<bad rows>.jsonl.gz` (or `.zst`) by the hour of
arrival: how many rows the batch put under `raw/` and under `bad/`. Objects of a redrive and of
earlier versions have the two numbers in their metadata only, as `rows`. An empty object is a fence
of the processor's and holds no rows.
"""

from __future__ import annotations

import calendar
import gzip
import re
import time

RAW, BAD = "raw", "bad"
REPLAYED = "redrive"
"""Epoch, in lanes and names of objects, of bad rows that were replayed."""
FAILED = "failed"
"""Stands in the place of the generation in the name of an object that a redrive appended."""
REFUSED = "refused"
"""Begins what stands there in the name of an object of rows about refused items."""
ENVELOPE = "_clickstream"
"""The one member of an archived event that is ours; a producer's of that name is replaced."""
_ROWS = re.compile(r"\.([0-9]+)\.([0-9]+)\.jsonl\.(?:gz|zst)$")


def folder_of(hour: str) -> str:
    """Return the folder of an hour, given as `YYYY-MM-DDTHH`, inside its kind."""
    day, _, time = hour.partition("T")
    return f"dt={day}/hr={time}"


def hour_of_folder(folder: str) -> int:
    """Return the hour since 1970 of a folder made by `folder_of`."""
    return calendar.timegm(time.strptime(folder, "dt=%Y-%m-%d/hr=%H")) // 3600


def rows_in_name(name: str) -> tuple[int, int] | None:
    """Return the events and bad rows that a key or its suffix tells; None if it does not."""
    found = _ROWS.search(name)
    return (int(found[1]), int(found[2])) if found else None


def decompress(key: str, body: bytes) -> bytes:
    """Return the content of an object, by the suffix of its key.

    Raises:
        RuntimeError: Zstandard before Python 3.14.
    """
    if not key.endswith(".zst"):
        return gzip.decompress(body)
    try:
        from compression import zstd  # type: ignore[import-not-found]  # noqa: PLC0415 - Python 3.14
    except ImportError as error:
        raise RuntimeError(f"{key} is Zstandard: run this with Python 3.14") from error
    data: bytes = zstd.decompress(body)
    return data
