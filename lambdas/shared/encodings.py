"""Text within text: what a string holds once it is decoded, in whatever encodings and nesting.

`decode_step` undoes the encodings that leave text readable where it stands: percent-encoding, HTML
entities, escapes of JSON and of programming languages, quoted-printable, Unicode's forms of
compatibility. `shared.encoded_runs` knows those that take text apart into signs.
"""

from __future__ import annotations

import html
import quopri
import re
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from shared.encoded_runs import RUNS, WHOLE_RUNS, has_runs, texts_of
from shared.packed import UnreadablePackedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_READINGS: Final = 12
_WRAPPED: Final = re.compile(r"(?<=[A-Za-z0-9+/]{20})(?:\r?\n| )(?=[A-Za-z0-9+/=]{2})")
_LOST_PLUS: Final = re.compile(r"(?<=[A-Za-z0-9/]) (?=[A-Za-z0-9/]{20})|(?<=[A-Za-z0-9/]{20}) ")
_QUOTED: Final = re.compile(r"=(?:[0-9A-Fa-f]{2}|\r?\n)")
_ESCAPE: Final = re.compile(
    r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(?:U[0-9A-Fa-f]{4}|u)([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})"
    r"|([0-7]{3})|([\"'/\\nrt]))"
)
_PERCENT_U: Final = re.compile(r"%u([0-9A-Fa-f]{4})")
"""As JavaScript's `escape` writes signs beyond Latin-1, and some writers all."""
_SIGNS: Final = {"n": "\n", "r": "\r", "t": "\t"}
_UNSEEN: Final = dict.fromkeys([0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF])


def may_be_encoded(text: str) -> bool:
    """Return whether a text may hold another one in some encoding."""
    return (
        "%" in text
        or "\\" in text
        or ("&" in text and (";" in text or "&#" in text))
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
    try:
        return any(
            True
            for pattern, bytes_of in (*RUNS, *WHOLE_RUNS)
            for match in pattern.finditer(text)
            for _ in texts_of(bytes_of(match[0]))
        )
    except UnreadablePackedError:
        return True


def decodings(text: str) -> Iterator[str]:
    """Yield what a text reads as with one encoding after the other undone, in each order."""
    seen = [text]
    for reading in seen:
        following = [decode_step(reading), _from_quoted_printable(reading)]
        if " " in reading:  # A form's reader takes the plus of base64 for a space.
            following.append(_LOST_PLUS.sub("+", reading))
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
        text = unquote(_PERCENT_U.sub(_unescape_u, text), errors="replace")
    if "&" in text:
        text = html.unescape(text)
    if "\\" in text:
        text = _ESCAPE.sub(_unescape, text)
    if "\n" in text or " " in text:
        text = _WRAPPED.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_UNSEEN))
    return text


def _unescape_u(match: re.Match[str]) -> str:
    return _sign_of(int(match[1], 16))


def _unescape(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3]
    if number:
        code = int(number, 16)
    elif match[4]:
        code = int(match[4], 8)
    else:
        return _SIGNS.get(match[5], match[5])
    return _sign_of(code)


def _sign_of(code: int) -> str:
    return chr(code) if code < 0xD800 or 0xDFFF < code <= 0x10FFFF else "\ufffd"  # noqa: PLR2004
