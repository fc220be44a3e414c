"""Runs of signs that stand for bytes: base64, base32, base85, hexadecimal digits, lists of numbers.

`RUNS` finds them and takes them apart; `texts_of_bytes` says which texts are in the bytes,
compressed or not.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shared.packed import expand, inflate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Run = tuple[re.Pattern[str], Callable[[str], Iterator[bytes]]]

_ALPHABET: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_URL_SAFE: Final = str.maketrans("-_", "+/")
_FROM_Z85: Final = str.maketrans(
    string.digits + string.ascii_lowercase + string.ascii_uppercase + ".-:+=^!/*?&<>()[]{}@%$#",
    string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~",
)
"""The signs of ZeroMQ's RFC 32 to those of RFC 1924."""


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
_MAYBE_BASE64: Final = re.compile(rf"(?:{_ASCII_GROUP}){{2}}")
_MAYBE_HEX: Final = re.compile(r"(?:[2-7][0-9A-Fa-f][ :]?){6}|[0-9A-Fa-f]{24}")
_SHORTEST_RUN: Final = 8
_SHORTEST_LONG_RUN: Final = 16
_LONG_RUN: Final = re.compile(r"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{16,}")
"""From here on compressed text may be in it."""
_HEX_RUN: Final = re.compile(r"[0-9A-Fa-f]{12,}")
_BASE32_RUN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z2-7]{16,}|[a-z2-7]{16,}|[0-9A-V]{16,}|[0-9a-v]{16,})(?![A-Za-z0-9])"
)
_NUMBER: Final = r"(?:0[xX]|[uU]\+)?[0-9A-Fa-f]{2,8}"
_NUMBERS: Final = re.compile(
    rf"(?<![\w.]){_NUMBER}([ ,;:\-]{{1,2}})(?:{_NUMBER}\1){{4,}}{_NUMBER}(?![\w.])"
)
_SHORTEST_LIST: Final = 6
_BASE85_RUN: Final = re.compile(r"(?<![^\s])[!-~]{20,}(?![^\s])")
_OF_BASE85: Final = re.compile(r"[!$()*;<>@^`{|}~][^ ]*[!$()*;<>@^`{|}~]")
_PACKED: Final = (b"\x1f", b"x")
"""First bytes of gzip and zlib."""
_UUENCODED: Final = re.compile(r"^begin [0-7]{3,4} .*\n(?:[ -`]{1,80}\r?\n)+", re.MULTILINE)
_READABLE: Final = re.compile(
    rb"[\x09\x0a\x0d\x20-\x7e]{6}|(?:[\x20-\x7e]\x00){6}|(?:\x00[\x20-\x7e]){6}"
)
_UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]+")
_SHORTEST_PART: Final = 6
_CERTAIN: Final = 24


def has_runs(text: str) -> bool:
    """Return whether a text may hold a run that holds text."""
    size = len(text)  # Gates by size and count, as this is asked for each new text of each event.
    if size < _SHORTEST_RUN:
        return False
    if _MAYBE_BASE64.search(text) is not None or _MAYBE_HEX.search(text) is not None:
        return True
    if size < _SHORTEST_LONG_RUN:
        return False
    return (
        any(_is_mixed(run) for run in _LONG_RUN.findall(text))
        or (
            max(map(text.count, " ,;:-")) >= _SHORTEST_LIST - 1
            and _NUMBERS.search(text) is not None
        )
        or has_whole_runs(text)
    )


def has_whole_runs(text: str) -> bool:
    """Return whether a text may hold base85 or uuencoded lines."""
    return (_OF_BASE85.search(text) is not None and _BASE85_RUN.search(text) is not None) or (
        "begin" in text and _UUENCODED.search(text) is not None
    )


def _is_mixed(run: str) -> bool:
    """Return whether a long run is no word: base64 of compressed text has capitals, base32 none."""
    return not (run.islower() or run.isupper()) or _BASE32_RUN.search(run) is not None


def _bytes_of_run(run: str) -> Iterator[bytes]:
    if _MAYBE_HEX.search(run):
        for found in _HEX_RUN.findall(run):
            for start in (0, 1):
                digits = found[start:]
                yield bytes.fromhex(digits[: len(digits) // 2 * 2])
    for found in _BASE32_RUN.findall(run):
        yield from _bytes_of_base32(found.upper())
    signs = run.rstrip("=").translate(_URL_SAFE)
    for start in range(4):
        part = signs[start:]
        if len(part) % 4 == 1:
            part = part[:-1]
        yield binascii.a2b_base64(part + "=" * (-len(part) % 4))


def _bytes_of_base32(digits: str) -> Iterator[bytes]:
    whole = digits[: len(digits) - (len(digits) % 8 in (1, 3, 6))]
    padded = whole + "=" * (-len(whole) % 8)
    for decode in (base64.b32decode, base64.b32hexdecode):
        with suppress(binascii.Error):  # A sign of the other alphabet.
            yield decode(padded)


def _bytes_of_numbers(run: str) -> Iterator[bytes]:
    numbers = re.findall(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{2,8}", run)
    for base in (16, 10, 2):
        with suppress(ValueError):  # A digit of another base.
            yield from bytes_of_list([int(number, base) for number in numbers])


def bytes_of_list(numbers: Sequence[int]) -> Iterator[bytes]:
    """Yield the bytes that a list of bytes, signed or not, or of code points may stand for."""
    if len(numbers) < _SHORTEST_LIST:
        return
    low, high = min(numbers), max(numbers)
    if low >= -128 and high <= 255:  # noqa: PLR2004 - what one byte may be
        yield bytes(number & 255 for number in numbers)
    elif low >= 0 and high <= 0x10FFFF:  # noqa: PLR2004 - the last code point
        yield "".join(map(chr, numbers)).encode("utf-8", "replace")


def _bytes_of_base85(run: str) -> Iterator[bytes]:
    if run.startswith("<~"):
        run = run.removeprefix("<~").removesuffix("~>")
    decoders: tuple[Callable[[str], bytes], ...] = (
        base64.a85decode,
        base64.b85decode,
        lambda signs: base64.b85decode(signs.translate(_FROM_Z85)),
    )
    for decode in decoders:
        with suppress(ValueError):  # A sign of another alphabet, or more than four bytes in five.
            head = decode(run[:10])
            if head.isascii() or head[:1] in _PACKED:
                yield decode(run)


def _bytes_of_lines(block: str) -> Iterator[bytes]:
    parts = []
    for line in block.splitlines()[1:]:
        with suppress(binascii.Error):
            parts.append(binascii.a2b_uu(line))
    yield b"".join(parts)


RUNS: Final[tuple[Run, ...]] = (
    (_NUMBERS, _bytes_of_numbers),
    (re.compile(r"[A-Za-z0-9+/_\-]{8,}={0,6}"), _bytes_of_run),
)
"""Patterns of runs, and what takes a run apart into the bytes that it may stand for."""
WHOLE_RUNS: Final[tuple[Run, ...]] = (
    (_UUENCODED, _bytes_of_lines),
    (_BASE85_RUN, _bytes_of_base85),
)
"""The same of encodings with signs that mean something in URLs and names: found before those."""


def texts_of(pieces: Iterator[bytes]) -> Iterator[tuple[str, bool]]:
    """Yield the texts that bytes may hold, and whether each is whole or a part of other bytes.

    Raises:
        UnreadablePackedError: they hold compressed data that can't be searched.
    """
    for data in pieces:
        for text, whole in texts_of_bytes(data):
            yield text, whole
            if whole and len(text) >= _CERTAIN:  # By chance no other start makes text as well.
                return


def texts_of_bytes(data: bytes) -> Iterator[tuple[str, bool]]:
    """Yield the readable texts that bytes hold, compressed or not, and whether they are all.

    Raises:
        UnreadablePackedError: they are compressed, and can't be searched.
    """
    expanded = expand(data)
    if expanded is None and not data.isascii():
        inflated = inflate(data)
        if inflated is not None:
            yield from _texts_in(inflated)
    yield from _texts_in(data if expanded is None else expanded)


def _texts_in(data: bytes) -> Iterator[tuple[str, bool]]:
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
