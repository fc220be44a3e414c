"""The records that cost a function most, and what they take under the CPU share of its memory.

Each goes through the real function with its own clients against a server on loopback, in a new
container. The CPU time of the process, kernel included, is divided by the share of one CPU that
Lambda gives to the function's default memory: its threads wait for each other's CPU time and not
for the network. What else the machine does changes little.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

from shared import kpl
from tests.lambdas.pipelines import event

_MIB: Final = 1024 * 1024
_ROWS: Final = 10_000


def aggregate(parts: list[bytes]) -> bytes:
    """Return a KPL aggregate of user records."""
    message = b"".join(_field(_field(part)) for part in parts)
    return kpl.MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


def _field(body: bytes) -> bytes:
    length, size = b"", len(body)
    while size > 127:  # noqa: PLR2004 - seven bits a byte
        length += bytes([size & 127 | 128])
        size >>= 7
    return b"\x1a" + length + bytes([size]) + body


def _short(number: int, *, sessions: int) -> dict[str, Any]:
    """Return a page view of about 90 bytes."""
    return {
        "event_type": "page_view",
        "session_id": f"s{number % sessions}",
        "timestamp": 1_795_435_230,
        "page_url": f"/{number % sessions}",
    }


def _array(documents: list[Any]) -> bytes:
    return json.dumps(documents, separators=(",", ":")).encode()[:_MIB]


def records() -> Iterator[tuple[str, bytes]]:
    """Yield what each record holds, and the record; none is larger than Kinesis takes, 1 MiB."""
    yield (
        "10,000 page views, each of a session and a page of its own",
        _array([_short(number, sessions=_ROWS) for number in range(_ROWS)]),
    )
    yield (
        "10,000 page views of 1,249 sessions and pages",
        _array([_short(number, sessions=1_249) for number in range(_ROWS)]),
    )
    yield (
        "10,000 page views of one session",
        _array([_short(number, sessions=1) for number in range(_ROWS)]),
    )
    long = [event(session_id=f"s{number}", page_url=f"/{number}?q=a@b.de&ip=10.1.2.3",
                  note="call 10.1.2.3 or a@b.de, " * 20) for number in range(1_000)]  # fmt: skip
    yield "1,000 long page views with addresses", _array(long)
    user_ids = b"".join(b"user_id=u%06d " % number for number in range(20))
    tokens = base64.b64encode(b"a=%25&#x3c; b:c ?d=e " * 3_000)
    yield "1 MiB of encoded text that is no JSON", (b"{" + tokens * 13)[:_MIB]
    yield (
        "1 MiB of lines that are no JSON between events",
        b"\n".join([b"{}", *[user_ids + b"::1 " * 200] * 960])[:_MIB],
    )
    yield "1 MiB of addresses that are no JSON", (user_ids + b"::1 " * 262_144)[:_MIB]
    yield "1 MiB of one JSON text", json.dumps("a@b 10.1.2.3 ::1 " * 60_000).encode()[:_MIB]
    yield "10,000 user records that are no JSON", aggregate([b"a@b.de 10.1.2.3 ::1 " * 5] * _ROWS)
    yield "262,000 empty user records", aggregate([b""] * 262_000)
    yield "350,000 empty arrays in one", b"[" + b"[]," * 349_000 + b"[]]"
    yield "500,000 numbers in one array", b"[" + b"1," * 500_000 + b"1]"
    yield (
        "an event of 1 MiB of encoded text",
        json.dumps(event(note=(tokens * 13)[: _MIB - 1_000].decode())).encode(),
    )
    yield "an event of 1 MiB", json.dumps(event(note="a@b.de 10.1.2.3 ::1 " * 52_000)).encode()


def detector_records() -> Iterator[tuple[str, bytes]]:
    """Yield records that cost the detector most."""
    views = [_short(number, sessions=_ROWS) for number in range(_ROWS)]
    yield "10,000 page views, each of a session of its own", _array(views)
    views = [_short(number, sessions=_ROWS) | {"user_agent": "bot"} for number in range(9_000)]
    yield "9,000 page views of robots", _array(views)
    views = [_short(number, sessions=_ROWS) | {"page_url": "/checkout"} for number in range(9_000)]
    yield "9,000 sessions that begin with a checkout", _array(views)
    yield "an event of 1 MiB", json.dumps(event(note="a@b.de 10.1.2.3 ::1 " * 52_000)).encode()
    yield "350,000 empty arrays in one", b"[" + b"[]," * 349_000 + b"[]]"
    yield "10,000 user records that are no JSON", aggregate([b"a@b.de 10.1.2.3 ::1 " * 5] * _ROWS)


def crawl(first: int, arrivals: Sequence[float]) -> Iterator[dict[str, Any]]:
    """Yield page views of a robot that keeps no cookies, one for each arrival in epoch seconds."""
    for number, arrival in enumerate(arrivals, first):
        yield event(
            session_id=f"crawl-{number}",
            timestamp=round(arrival * 1000),
            page_url=f"/product/{number % 5000}",
            user_agent="Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        )


def cpu_seconds() -> float:
    """Return the CPU time of this process so far, its kernel time included."""
    spent = os.times()
    return spent.user + spent.system
