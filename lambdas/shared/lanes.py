"""Lanes and watermarks: the two terms every exactly-once protocol here is written in.

A lane is one shard of one life of the stream (epoch, shard id). Which one a record belongs to is
read from the record alone, so that it is the same whatever the function was told and whenever: a
stream of the same name takes the place of a deleted one while batches of the old one still come.

Sequence numbers of Kinesis begin, in base 16, with a 2 and nine digits for the second in which the
shard was made. AWS shows it in every example and promises it nowhere. Nothing relies on the meaning
of those digits, or on a later life having greater ones, only on their being the same throughout a
shard's life and others in another life; for numbers of any other form the epoch is the config's.

Kinesis delivers a lane in order with growing sequence numbers, so "applied up to" is one number,
the watermark. Its unit is the Kinesis record: the events of one KPL aggregate or JSON array share
the record's sequence number and are applied or dropped together.

Sequence numbers have up to 56 digits (Kinesis API Reference, "Record"), DynamoDB numbers 38
(DynamoDB Developer Guide, "Supported data types and naming rules"): watermarks are 24-byte
big-endian binaries, which DynamoDB compares as unsigned bytes.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property

WATERMARK_BYTES = 24
LANE_CODE_LENGTH = 8
NOTHING = -1
_LIFE_BIT, _LAYOUT_BIT = 148, 184
_LAYOUT = 2
"""The watermark of a lane or item to which nothing has been applied."""


@dataclass(frozen=True)
class Lane:
    """One shard of one life of the stream."""

    epoch: str
    shard: str

    @cached_property
    def code(self) -> str:
        """Eight base32 characters that stand for the lane in keys and attribute names."""
        digest = hashlib.sha256(f"{self.epoch}/{self.shard}".encode()).digest()
        return base64.b32encode(digest).decode()[:LANE_CODE_LENGTH].lower()


def lane_of(shard: str, sequence: int, stream_epoch: str) -> Lane:
    """Return the lane of a record; `stream_epoch` counts only where `life_of` tells nothing."""
    life = life_of(sequence)
    return Lane(stream_epoch if life is None else f"{life:x}", shard)


def life_of(sequence: int) -> int | None:
    """Return what tells a shard's life in a sequence number: the second in which it was made.

    None when the number has another form.
    """
    if sequence >> _LAYOUT_BIT != _LAYOUT:
        return None
    return (sequence >> _LIFE_BIT) - (_LAYOUT << _LAYOUT_BIT - _LIFE_BIT)


def encode_watermark(sequence: int) -> bytes:
    """Return a sequence number as 24 bytes whose byte order is the number's order.

    Raises:
        OverflowError: the number is negative or longer than 192 bits; Kinesis makes none.
    """
    return sequence.to_bytes(WATERMARK_BYTES, "big")


def decode_watermark(value: bytes) -> int:
    """Return the sequence number that `encode_watermark` was given."""
    return int.from_bytes(value, "big")
