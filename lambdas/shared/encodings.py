"""Text within text: what a string holds once it is decoded, in whatever encodings and nesting.

`decode_step` undoes the encodings that leave text readable where it stands: percent-encoding, HTML
entities, escapes of JSON and of programming languages, quoted-printable, Unicode's forms of
compatibility. `RUN` and `SPACED_HEX` find base64 and hexadecimal digits, `texts_of_run` takes them
apart.
"""

from __future__ import annotations

import binascii
import html
import quopri
import re
import string
import unicodedata
import zlib
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_UNPACKED: Final = 1_048_576
_ALPHABET: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_URL_SAFE: Final = str.maketrans("-_", "+/")
_MOST_READINGS: Final = 12


def _class_of(*, clear: int) -> str:
    """Return the base64 signs whose six bits have none of these set, as a class of a pattern."""
    return f"[{''.join(re.escape(s) for n, s in enumerate(_ALPHABET) if not n & clear)}]"


# Three bytes of ASCII: their highest bits are bits 5, 3 and 1 of the first, second and third sign.
_ASCII_GROUP: Final = (
    _class_of(clear=0b100000)
    + _class_of(clear=0b001000)
    + _class_of(clear=0b000010)
    + r"[A-Za-z0-9+/_\-=]"
)
_MAYBE_BASE64: Final = re.compile(
    rf"(?:{_ASCII_GROUP}){{2}}|H4sI[A-Za-z0-9+/_\-]|eJ[wxyz0-9]|eN[opqrs]"
)
_MAYBE_HEX: Final = re.compile(r"(?:[2-7][0-9A-Fa-f][ :]?){6}")
RUN: Final = re.compile(r"[A-Za-z0-9+/_\-]{8,}={0,2}")
_HEX_RUN: Final = re.compile(r"[0-9A-Fa-f]{12,}")
SPACED_HEX: Final = re.compile(
    r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[ :]){5,}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])"
)
_WRAPPED: Final = re.compile(r"(?<=[A-Za-z0-9+/]{20})\r?\n(?=[A-Za-z0-9+/=]{2})")
_READABLE: Final = re.compile(
    rb"[\x09\x0a\x0d\x20-\x7e]{6}|(?:[\x20-\x7e]\x00){6}|(?:\x00[\x20-\x7e]){6}"
)
_UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]+")
_SHORTEST_PART: Final = 6
_CERTAIN: Final = 24
_QUOTED: Final = re.compile(r"=(?:[0-9A-Fa-f]{2}|\r?\n)")
_ESCAPE: Final = re.compile(
    r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-7]{3})|([\"'/\\nrt]))"
)
_SIGNS: Final = {"n": "\n", "r": "\r", "t": "\t"}
_UNSEEN: Final = dict.fromkeys([0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF])


def may_be_encoded(text: str) -> bool:
    """Return whether a text may hold another one in some encoding."""
    return (
        "%" in text
        or "\\" in text
        or ("&" in text and ";" in text)
        or ("=" in text and _QUOTED.search(text) is not None)
        or text.lstrip()[:1] in ("{", "[", '"')
        or not text.isascii()
        or has_runs(text)
    )


def may_hold_text(text: str) -> bool:
    """Return whether there is any text to be had by decoding."""
    if not may_be_encoded(text):
        return False
    if text.lstrip()[:1] in ("{", "[", '"') or any(True for _ in decodings(text)):
        return True
    runs = [*SPACED_HEX.findall(text), *RUN.findall(text)]
    return any(True for run in runs for _ in texts_of_run(run))


def has_runs(text: str) -> bool:
    """Return whether a text may hold base64 or hexadecimal runs that hold text."""
    return len(text) >= 8 and (  # noqa: PLR2004 - shortest run
        _MAYBE_BASE64.search(text) is not None or _MAYBE_HEX.search(text) is not None
    )


def decodings(text: str) -> Iterator[str]:
    """Yield what a text reads as with one encoding after the other undone, in each order."""
    seen = [text]
    for reading in seen:
        following = [decode_step(reading), _from_quoted_printable(reading)]
        if reading is text and "+" in text:
            following.append(text.replace("+", " "))
        for decoded in following:
            if len(seen) <= _MOST_READINGS and decoded not in seen:
                seen.append(decoded)
                yield decoded


def _from_quoted_printable(text: str) -> str:
    if "=" not in text or _QUOTED.search(text) is None:
        return text
    return quopri.decodestring(text.encode("utf-8", "replace")).decode("utf-8", "replace")


def decode_step(text: str) -> str:
    """Return a text with one layer of each encoding that leaves it readable undone."""
    if "%" in text:
        text = unquote(text, errors="replace")
    if "&" in text:
        text = html.unescape(text)
    if "\\" in text:
        text = _ESCAPE.sub(_unescape, text)
    if "\n" in text:
        text = _WRAPPED.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_UNSEEN))
    return text


def _unescape(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3]
    if number:
        code = int(number, 16)
    elif match[4]:
        code = int(match[4], 8)
    else:
        return _SIGNS.get(match[5], match[5])
    return chr(code) if code < 0xD800 or 0xDFFF < code <= 0x10FFFF else "\ufffd"  # noqa: PLR2004


def texts_of_run(run: str) -> Iterator[tuple[str, bool]]:
    """Yield the texts that a run may hold, and whether each is whole or a part of other bytes."""
    for data in _bytes_of_run(run):
        for text, whole in texts_of_bytes(data):
            yield text, whole
            if whole and len(text) >= _CERTAIN:  # By chance no other start makes text as well.
                return


def _bytes_of_run(run: str) -> Iterator[bytes]:
    if SPACED_HEX.fullmatch(run):
        yield bytes.fromhex(run.replace(":", " "))
        return
    if _MAYBE_HEX.search(run):
        for found in _HEX_RUN.findall(run):
            for start in (0, 1):
                digits = found[start:]
                yield bytes.fromhex(digits[: len(digits) // 2 * 2])
    signs = run.rstrip("=").translate(_URL_SAFE)
    for start in range(4):
        part = signs[start:]
        if len(part) % 4 == 1:
            part = part[:-1]
        yield binascii.a2b_base64(part + "=" * (-len(part) % 4))


def texts_of_bytes(data: bytes) -> Iterator[tuple[str, bool]]:
    """Yield the readable texts that bytes hold, compressed or not, and whether they are all."""
    data = unpack(data) or data
    if _READABLE.search(data) is None:
        return
    for text in _as_texts(data):
        if _UNREADABLE.search(text) is None:
            yield text, True
            return
        for part in _UNREADABLE.split(text):
            if len(part) >= _SHORTEST_PART:
                yield part, False


def _as_texts(data: bytes) -> Iterator[str]:
    yield data.decode("utf-8", "replace")
    if b"\0" in data:
        # Of ASCII in UTF-16 and UTF-32, whatever their order of bytes.
        yield data.replace(b"\0", b"").decode("latin-1")


def unpack(data: bytes, most: int = LARGEST_UNPACKED, *, whole: bool = False) -> bytes | None:
    """Return what gzip or zlib data holds, at most `most` bytes of it; None for other data.

    With `whole`, None also for data that is cut or holds more.
    """
    if data[:3] != b"\x1f\x8b\x08" and (data[:1] != b"x" or int.from_bytes(data[:2]) % 31):
        return None
    # 32: recognise both formats by their header (zlib manual, inflateInit2).
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        unpacked = unpacker.decompress(data, most)
    except zlib.error:
        return None
    return unpacked if unpacker.eof or not whole else None
