"""CBOR of the Smithy RPC v2 protocol: plain data to bytes and back (RFC 8949)."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.parsers import RpcV2CBORParser

_NEGATIVE, _BYTES, _TEXT, _LIST, _MAP = 1, 2, 3, 4, 5
_FALSE, _TRUE, _NULL, _DOUBLE = b"\xf4", b"\xf5", b"\xf6", b"\xfb"
_INLINE: Final = 24
_LENGTHS: Final = ((1 << 8, 24, "B"), (1 << 16, 25, "H"), (1 << 32, 26, "I"), (1 << 64, 27, "Q"))


def decode(body: bytes) -> dict[str, Any]:
    """The map in `body`; botocore has a reader that needs no shape."""
    parser = RpcV2CBORParser()
    data: dict[str, Any] = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
    return data


def encode(value: Any) -> bytes:
    """Bytes of text, numbers, booleans, None, bytes, lists and maps of them."""
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
    if isinstance(value, float):
        return _DOUBLE + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        return _head(_TEXT, len(text)) + text
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    written = io.BytesIO()
    if isinstance(value, Mapping):
        written.write(_head(_MAP, len(value)))
        for key, item in value.items():
            written.write(encode(str(key)) + encode(item))
    elif isinstance(value, Sequence):
        written.write(_head(_LIST, len(value)))
        for item in value:
            written.write(encode(item))
    else:
        raise TypeError(f"no CBOR for {type(value).__name__}")
    return written.getvalue()


def _head(kind: int, number: int) -> bytes:
    if number < _INLINE:
        return bytes([kind << 5 | number])
    for limit, code, form in _LENGTHS:
        if number < limit:
            return bytes([kind << 5 | code]) + struct.pack(f">{form}", number)
    raise OverflowError(number)
