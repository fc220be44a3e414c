"""Records packed as the Kinesis Producer Library does it: many in one record of the stream. Pure.

Format: "Kinesis Producer Library aggregated record format" of the library's repository, with the
messages as protobuf encodes them. One aggregate takes up to 25 KB, the unit in which Kinesis bills
a record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"\xf3\x89\x9a\xc2"
MOST_BYTES: Final = 25_000
"""Bytes of an aggregate at most, unless one record alone is larger."""
_LANES: Final = 32
_KEYS, _RECORDS = 1, 3
_INDEX, _DATA = 1, 3
_BYTES: Final = 2
_LOW: Final = 0x7F


@dataclass(frozen=True, slots=True)
class Packed:
    """One record of the stream, and the number of events in it."""

    partition_key: str
    data: bytes
    events: int


def alone(records: Iterable[tuple[str, bytes]]) -> Iterator[Packed]:
    """Each record (partition key, data) as it is."""
    for key, data in records:
        yield Packed(key, data, 1)


def aggregated(records: Iterable[tuple[str, bytes]]) -> Iterator[Packed]:
    """Records packed together; those of one partition key stay in their order.

    A partition key always goes to the same key of the stream, and so to the same shard.
    """
    waiting: dict[str, list[tuple[str, bytes]]] = {}
    sizes: dict[str, int] = {}
    for key, data in records:
        lane = _lane(key)
        size = len(key) + len(data) + 16
        if waiting.get(lane) and sizes[lane] + size > MOST_BYTES:
            yield _pack(lane, waiting.pop(lane))
            sizes[lane] = 0
        waiting.setdefault(lane, []).append((key, data))
        sizes[lane] = sizes.get(lane, 0) + size
    for lane, left in waiting.items():
        yield _pack(lane, left)


def _lane(key: str) -> str:
    digest = hashlib.sha256(key.encode()).digest()
    return f"lane-{digest[0] % _LANES}"


def _pack(lane: str, records: list[tuple[str, bytes]]) -> Packed:
    keys = list(dict.fromkeys(key for key, _ in records))
    numbers = {key: number for number, key in enumerate(keys)}
    body = b"".join(_field(_KEYS, key.encode()) for key in keys)
    for key, data in records:
        index = bytes([_INDEX << 3]) + _varint(numbers[key])
        body += _field(_RECORDS, index + _field(_DATA, data))
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    return Packed(lane, MAGIC + body + digest, len(records))


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > _LOW:
        found.append(value & _LOW | _LOW + 1)
        value >>= 7
    return bytes([*found, value])
