"""Names and compression of the archive's objects, and the envelope of an archived event.

Keys are `<kind>/dt=YYYY-MM-DD/hr=HH/<name>.jsonl.gz` (or `.zst`) by the hour of arrival. An empty
object is a fence of the processor's and holds no rows.
"""

from __future__ import annotations

import gzip

RAW, BAD = "raw", "bad"
ENVELOPE = "_clickstream"
"""The one member of an archived event that is ours; a producer's of that name is replaced."""


def folder_of(hour: str) -> str:
    """Return the folder of an hour, given as `YYYY-MM-DDTHH`, inside its kind."""
    day, _, time = hour.partition("T")
    return f"dt={day}/hr={time}"


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
