"""Compressed data: recognised by its first bytes, and unpacked up to a limit."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_UNPACKED: Final = 1_048_576
_SHORTEST_DEFLATED: Final = 12
_MOST_MEMORY: Final = 16 * LARGEST_UNPACKED
"""Memory that a dictionary of LZMA or Zstandard may take; their headers may ask for gigabytes."""


_ERRORS: Final = (zlib.error, lzma.LZMAError, OSError, EOFError)


class UnreadablePackedError(ValueError):
    """Compressed data that is damaged, or holds more than may be unpacked."""


def unpack(data: bytes, most: int = LARGEST_UNPACKED) -> bytes | None:
    """Return what gzip or zlib data holds, of all its members; None for other data.

    None also for data that is cut, is followed by something else, or holds more than `most` bytes.
    """
    if not _is_deflated(data):
        return None
    parts = []
    while data:
        # 32: recognise both formats by their header (zlib manual, inflateInit2).
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        try:
            parts.append(unpacker.decompress(data, most + 1))
        except zlib.error:
            return None
        most -= len(parts[-1])
        if most < 0 or not unpacker.eof:
            return None
        # Files of gzip may be put together, and end in NUL to fill a block (RFC 1952, 2.2).
        data = unpacker.unused_data.lstrip(b"\0")
    return b"".join(parts)


def expand(data: bytes) -> bytes | None:
    """Return as much as can be read of compressed data in any known format; None for other data.

    Raises:
        UnreadablePackedError: it can't be read, or holds more than 1 MiB.
    """
    for begins, make in _FORMATS:
        if begins.match(data):
            try:
                return _expand(data, make)
            except _ERRORS as error:
                raise UnreadablePackedError(str(error)) from error
    if _is_deflated(data):  # Two bytes only, which may be chance.
        with suppress(zlib.error):
            return _expand(data, zlib.decompressobj)
    return None


def inflate(data: bytes) -> bytes | None:
    """Return what deflated data without any header holds; None for other data.

    Raises:
        UnreadablePackedError: it holds more than 1 MiB.
    """
    # The second and third bit of the first byte say how the first block is packed: 3 is reserved,
    # and 0 is data as it stands (RFC 1951, 3.2.3).
    if len(data) < _SHORTEST_DEFLATED or data[0] & 0b110 in (0, 0b110):
        return None
    try:
        return _expand(data, partial(zlib.decompressobj, wbits=-zlib.MAX_WBITS))
    except zlib.error:
        return None


def _expand(data: bytes, make: Callable[[], Any]) -> bytes:
    """Return what all members hold, and what stands behind them."""
    parts: list[bytes] = []
    left = LARGEST_UNPACKED
    while data:
        unpacker = make()
        try:
            parts.append(unpacker.decompress(data, left + 1))
        except _ERRORS:
            if not parts:
                raise
            return b"".join([*parts, data])
        left -= len(parts[-1])
        if left < 0:
            raise UnreadablePackedError("more than may be unpacked")
        if not unpacker.eof:
            break
        data = unpacker.unused_data
    return b"".join(parts)


def _is_deflated(data: bytes) -> bool:
    """Return whether data begins as gzip or zlib does (RFC 1952, 2.3.1; RFC 1950, 2.2)."""
    return data[:3] == b"\x1f\x8b\x08" or (
        data[:1] == b"x" and len(data) > 2 and int.from_bytes(data[:2]) % 31 == 0  # noqa: PLR2004
    )


def _make_zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found]  # noqa: PLC0415 - Python 3.14
    except ImportError as error:
        raise UnreadablePackedError("Zstandard before Python 3.14") from error
    return zstd.ZstdDecompressor()


_FORMATS: Final[tuple[tuple[re.Pattern[bytes], Callable[[], Any]], ...]] = (
    (re.compile(rb"\x1f\x8b\x08"), partial(zlib.decompressobj, wbits=zlib.MAX_WBITS | 16)),
    (re.compile(rb"BZh[1-9]1AY&SY"), bz2.BZ2Decompressor),
    (re.compile(rb"\xfd7zXZ\0"), partial(lzma.LZMADecompressor, memlimit=_MOST_MEMORY)),
    (re.compile(rb"\x28\xb5\x2f\xfd"), _make_zstd),
)
