"""Encodings that producers, and what stands between them and a stream, put around text."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import html
import json
import lzma
import quopri
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _deflate(text: str) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(text.encode()) + packer.flush()


def _gzip(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def _members(text: str) -> bytes:
    """Return gzip of some members, the text in the last one."""
    return gzip.compress(b"header\n", mtime=0) + _gzip(text)


def _lines(text: str, width: int, between: str) -> str:
    encoded = _base64(text.encode())
    return between.join(encoded[at : at + width] for at in range(0, len(encoded), width))


def _uuencode(text: str) -> str:
    data = text.encode()
    lines = [binascii.b2a_uu(data[at : at + 45]).decode() for at in range(0, len(data), 45)]
    return f"begin 644 a\n{''.join(lines)}`\nend"


def _word(text: str) -> str:
    signs = (sign if sign.isalnum() else f"={ord(sign):02X}" for sign in text)
    return f"=?utf-8?Q?{''.join(signs)}?="


def _signed(data: bytes) -> str:
    return json.dumps([byte - 256 if byte > 127 else byte for byte in data])


ENCODERS: dict[str, Callable[[str], str]] = {
    "JSON text": json.dumps,
    "JSON member": lambda text: json.dumps({"Message": text}),
    "JSON list": lambda text: json.dumps([{"log": text}]),
    "JSON lines": lambda text: json.dumps({"a": 1}) + "\n" + json.dumps({"log": text}) + "\n",
    "JSON of a Node buffer": lambda text: json.dumps({"type": "Buffer", "data": [*text.encode()]}),
    "JSON of a typed array": lambda text: json.dumps(
        {str(at): byte for at, byte in enumerate(text.encode())}
    ),
    "JSON of signed bytes of gzip": lambda text: _signed(_gzip(text)),
    "base64": lambda text: _base64(text.encode()),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64 in lines of 64, CRLF": lambda text: _lines(text, 64, "\r\n"),
    "base64 in lines, escaped": lambda text: _lines(text, 76, "\\n"),
    "base64 in words": lambda text: _lines(text, 76, " "),
    "base64 from a form": lambda text: _base64(text.encode()).replace("+", " "),
    "base64, percent": lambda text: quote(_base64(text.encode()), safe=""),
    "base64 of UTF-16": lambda text: _base64(text.encode("utf-16-le")),
    "base64 of gzip": lambda text: _base64(_gzip(text)),
    "base64 of gzip of members": lambda text: _base64(_members(text)),
    "base64 of gzip of base64": lambda text: _base64(_gzip(_base64(text.encode()))),
    "base64 of zlib": lambda text: _base64(zlib.compress(text.encode())),
    "base64 of deflate": lambda text: _base64(_deflate(text)),
    "base64 of bzip2": lambda text: _base64(bz2.compress(text.encode())),
    "base64 of xz": lambda text: _base64(lzma.compress(text.encode())),
    "base64 of other bytes": lambda text: _base64(b"\x93\xff\0" + text.encode() + b"\xfe\x01"),
    "behind a word": lambda text: f"data:{_base64(text.encode())}",
    "data URL": lambda text: f'url("data:application/json;base64,{_base64(text.encode())}")',
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base32 in lower case": lambda text: base64.b32encode(text.encode()).decode().lower(),
    "base32hex": lambda text: base64.b32hexencode(text.encode()).decode().rstrip("="),
    "base32 of gzip": lambda text: base64.b32encode(_gzip(text)).decode(),
    "base85": lambda text: base64.b85encode(text.encode()).decode(),
    "base85 of zlib": lambda text: base64.b85encode(zlib.compress(text.encode())).decode(),
    "Ascii85": lambda text: base64.a85encode(text.encode()).decode(),
    "Ascii85 of Adobe": lambda text: base64.a85encode(text.encode(), adobe=True).decode(),
    "uuencode": _uuencode,
    "percent": quote,
    "percent, no sign safe": lambda text: quote(text, safe=""),
    "percent, every sign": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent twice": lambda text: quote(quote(text)),
    "percent of JavaScript": lambda text: "".join(f"%u{ord(sign):04x}" for sign in text),
    "form": lambda text: f"payload={quote_plus(text)}&v=1",
    "form of parts": lambda text: (
        f'--x\r\nContent-Disposition: form-data; name="event"\r\n\r\n{text}\r\n--x--'
    ),
    "hexadecimal": lambda text: text.encode().hex(),
    "HEXADECIMAL": lambda text: text.encode().hex().upper(),
    "hexadecimal, apart": lambda text: text.encode().hex(":"),
    "hexadecimal list": lambda text: ", ".join(f"0x{byte:02x}" for byte in text.encode()),
    "hexadecimal of gzip": lambda text: _gzip(text).hex(),
    "hexadecimal of deflate": lambda text: _deflate(text).hex(),
    "decimal": lambda text: " ".join(map(str, text.encode())),
    "binary": lambda text: " ".join(f"{byte:08b}" for byte in text.encode()),
    "code points": lambda text: " ".join(f"U+{ord(sign):04X}" for sign in text),
    "quoted-printable": lambda text: quopri.encodestring(text.encode(), quotetabs=True).decode(),
    "encoded word": _word,
    "encoded word, base64": lambda text: f"=?utf-8?B?{_base64(text.encode())}?=",
    "HTML": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(sign):X};" for sign in text),
    "XML": lambda text: f"<m><d>{html.escape(text)}</d></m>",
    "XML as it is": lambda text: f"<m><![CDATA[{text}]]></m>",
    "escapes": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    "long escapes": lambda text: "".join(f"\\U{ord(sign):08x}" for sign in text),
    "escapes of bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "full width": lambda text: "".join(
        chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text
    ),
    "between what is not seen": "\u200b".join,
}
