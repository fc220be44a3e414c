"""The script that pages load, under a name that stays and one that says its content. Pure.

For the path `/clickstream.js` these are `/clickstream.js` and `/clickstream.<digest>.js`, and the
same with `.mjs` for the module. Pages post to the address that they loaded it from.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector import answers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from collector.answers import Answer
    from collector.requests import Request

SUFFIXES: Final = (".js", ".mjs")
"""Suffixes of the classic script and of the module."""
_DIGITS: Final = 16
_STABLE_SECONDS: Final = 3_600
_IMMUTABLE_SECONDS: Final = 31_536_000
_GZIP: Final = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:[;,]|$)")


@dataclass(frozen=True, slots=True)
class _File:
    text: str
    digest: str
    zipped: str
    """The text compressed, in Base64."""

    @classmethod
    def of(cls, text: str) -> _File:
        data = text.encode()
        zipped = base64.b64encode(gzip.compress(data, mtime=0)).decode()
        return cls(text, hashlib.sha256(data).hexdigest()[:_DIGITS], zipped)


class ScriptFiles:
    """The script of one pipeline."""

    def __init__(self, path: str, texts: Mapping[str, str]) -> None:
        """Keep the texts, by suffix; `path` is that of the classic script."""
        stem = path.removesuffix(".js")
        self._files = {suffix: _File.of(text) for suffix, text in texts.items()}
        self._names = re.compile(rf"{re.escape(stem)}(?:\.([0-9a-f]{{{_DIGITS}}}))?(\.m?js)")

    def has(self, path: str) -> bool:
        """Return whether a path is one of the script's, of this version or of another."""
        return self._names.fullmatch(path) is not None

    def answer(self, request: Request) -> Answer | None:
        """Return the answer to a request for the script; None where it is for something else.

        A name of another version gets the script as it is now, and for an hour only: a page that
        pins that version by its integrity refuses it, every other page goes on to count.
        """
        found = self._names.fullmatch(request.path)
        if found is None or found[2] not in self._files:
            return None
        file = self._files[found[2]]
        is_zipped = _GZIP.search(request.headers.get("accept-encoding", "").lower()) is not None
        etag = f'"{file.digest}{"-gzip" if is_zipped else ""}"'
        is_pinned = found[1] == file.digest
        headers = {
            "cache-control": f"public, max-age={_IMMUTABLE_SECONDS}, immutable"
            if is_pinned
            else f"public, max-age={_STABLE_SECONDS}",
            "etag": etag,
            # Lambda's answer to a page of another origin has other headers of CORS.
            "vary": "accept-encoding, origin",
        }
        known = request.headers.get("if-none-match", "")
        if etag in (one.strip().removeprefix("W/") for one in known.split(",")):
            return answers.unchanged(headers)
        return answers.script(
            file.zipped if is_zipped else file.text,
            headers,
            is_zipped=is_zipped,
            is_head=request.method == "HEAD",
        )


def read(folder: Path) -> dict[str, str]:
    """Return the texts of the script in a folder, by suffix; the build puts them into the package.

    A tree from which nothing was built has none.
    """
    paths = {suffix: folder / f"clickstream{suffix}" for suffix in SUFFIXES}
    return {
        suffix: path.read_text(encoding="utf-8") for suffix, path in paths.items() if path.is_file()
    }
