"""E-mail addresses in text, and what only looks like one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_AT: Final = r"(?:@|%(?:25)*40|\\u0040)"
_LOCAL: Final = r"[A-Za-z0-9.!#$%*+^_`|~\-\u00a1-\uffff]"
_INNER: Final = r"[A-Za-z0-9.\-\u00a1-\uffff]"
_EDGE: Final = r"[A-Za-z0-9\u00a1-\uffff]"
# The look-behind starts a match only where a run of such characters starts: linear time.
_EMAIL: Final = re.compile(
    rf"(?<!{_LOCAL}){_LOCAL}+{_AT}"
    rf"(?P<domain>{_EDGE}(?:{_INNER}{{0,253}}{_EDGE})?|\[[0-9A-Fa-f:.IPv]{{2,50}}\])"
)
_QUOTED: Final = re.compile(rf'"[^"\r\n]{{1,64}}"@{_EDGE}{_INNER}{{0,253}}')
_LABEL: Final = re.compile(r"\.(xn--[A-Za-z0-9\-]+|[^\W\d_]{2,})")
_VERSION: Final = re.compile(r"v?[0-9]+\.[0-9]+(?:[.\-+]|$)")
_RETINA: Final = re.compile(r"[1-9](?:\.[0-9])?x\.", re.IGNORECASE)
_FILES: Final = frozenset(
    {
        "avif", "bmp", "cjs", "css", "csv", "dll", "eot", "exe", "gif", "gz", "htm", "html", "ico",
        "jar", "jpeg", "jpg", "js", "json", "jsx", "less", "mjs", "pdf", "php", "png", "scss",
        "svg", "tgz", "tif", "tiff", "ts", "tsx", "ttf", "txt", "wasm", "webm", "webp", "woff",
        "xml", "yaml", "yml",
    }
)  # fmt: skip
"""Endings of file names that are no top-level domains."""


def hide_emails(text: str, stand_in: Callable[[str], str]) -> str:
    """Return text with each e-mail address replaced by what `stand_in` makes of it.

    The domain must end in letters that no file name ends in, so that the version of a package
    (`react@18.2.0`) and an image for another resolution (`logo@2x.png`) are left. The sign may be
    percent-encoded any number of times, or escaped as in JSON.
    """
    if "@" not in text and "40" not in text:
        return text
    if '"@' in text:
        text = _QUOTED.sub(lambda match: stand_in(match[0]), text)

    def hide(match: re.Match[str]) -> str:
        return stand_in(match[0]) if _is_domain(match["domain"]) else match[0]

    return _EMAIL.sub(hide, text)


def _is_domain(domain: str) -> bool:
    if domain.startswith("["):
        return True
    if _VERSION.match(domain) or _RETINA.match(domain):
        return False
    return any(label.lower() not in _FILES for label in _LABEL.findall(domain))
