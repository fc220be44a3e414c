"""The script of web pages for people: the element for a page, the module's lines, the files. Pure.

The files travel with the tool; in the tree they are where `make web` builds them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

FILES: Final = ("clickstream.js", "clickstream.mjs", "clickstream.d.ts")
_PACKAGED: Final = Path(__file__).with_name("web")
_IN_THE_TREE: Final = Path(__file__).parents[3] / "build" / "web"
_PINNED: Final = re.compile(r"\.[0-9a-f]{16}(?=\.js$)")
_PIN: Final = ("integrity", "crossorigin")


def folder() -> Path:
    """Folder of the files: in the wheel, or in the tree that it is built from."""
    return _PACKAGED if _PACKAGED.is_dir() else _IN_THE_TREE


def attributes_of(snippet: str) -> dict[str, str]:
    """The attributes of an element that the operator wrote."""
    return {
        name: html.unescape(value) for name, value in re.findall(r'([a-z-]+)="([^"]*)"', snippet)
    }


def element(snippet: str, *, address: str = "", follows: bool = False) -> str:
    """The element for a page.

    Args:
        snippet: the operator's.
        address: scheme, host and port that pages reach the collector by, such as a CDN's; empty for
            the function's own.
        follows: whether the page goes with upgrades, rather than pinning this version.
    """
    attributes = attributes_of(snippet)
    if follows:
        attributes["src"] = _PINNED.sub("", attributes["src"])
        attributes = {name: value for name, value in attributes.items() if name not in _PIN}
    attributes["src"] = _at(address, attributes["src"])
    written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<script defer {written}></script>"


def module(snippet: str, *, address: str = "") -> str:
    """The lines of a module that begin to count."""
    attributes = attributes_of(snippet)
    src = _at(address, _PINNED.sub("", attributes["src"]).removesuffix(".js"))
    options = {
        name.removeprefix("data-"): value
        for name, value in attributes.items()
        if name.startswith("data-")
    }
    return (
        f"import {{ start }} from {json.dumps(f'{src}.mjs')};\n"
        f"const clickstream = start({json.dumps(options) if options else ''});"
    )


def snippet_of(outputs: Mapping[str, Any]) -> str:
    """The operator's element among the outputs of a pipeline; empty where there is none."""
    return str(outputs.get("collectorSnippet") or "")


def _at(address: str, src: str) -> str:
    return f"{address.rstrip('/')}{urlsplit(src).path}" if address else src
