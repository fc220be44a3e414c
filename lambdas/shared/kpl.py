"""Records aggregated by the Kinesis Producer Library.

Format: the magic number, a protobuf message, the MD5 of the message (amazon-kinesis-producer,
"KPL Aggregated Record Format"). Only field 3 (records) and in it field 3 (data) matter here.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\xf3\x89\x9a\xc2"
_DIGEST_BYTES = 16
_RECORDS_FIELD = 3
_DATA_FIELD = 3
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_SHIFT = 63


def split(data: bytes, most: int) -> list[bytes] | None:
    """Return the user records of an aggregate; None when the data is not an aggregate.

    As in the reference implementation, a magic number whose digest does not match is plain data.
    Of more than `most` user records the first `most` + 1 are returned.

    Raises:
        ValueError: the digest matches but the message cannot be read.
    """
    if not data.startswith(MAGIC) or len(data) < len(MAGIC) + _DIGEST_BYTES:
        return None
    message, digest = data[len(MAGIC) : -_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if hashlib.md5(message, usedforsecurity=False).digest() != digest:
        return None
    bodies = (body for field, body in _fields(message) if field == _RECORDS_FIELD)
    return [_user_data(body) for body in islice(bodies, most + 1)]


def _user_data(record: bytes) -> bytes:
    for field, body in _fields(record):
        if field == _DATA_FIELD:
            return body
    raise ValueError("a record without data")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (field number, body) of each length-delimited field; others are skipped."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        field, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            _, position = _varint(message, position)
        elif wire == _BYTES:
            length, position = _varint(message, position)
            end = position + length
            if end > len(message):
                raise ValueError("the message is cut")
            yield field, message[position:end]
            position = end
        elif wire in (_FIXED64, _FIXED32):
            position += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError("unknown wire type")


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message) and shift <= _LONGEST_SHIFT:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit of a varint
            return value, position
        shift += 7
    raise ValueError("the message is cut")
