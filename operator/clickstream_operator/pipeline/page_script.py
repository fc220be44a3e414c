"""The script that the collector serves, as pages write it. Pure.

Names and integrity follow from its content, as the collector derives them
(`lambdas/collector/script_files.py`).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from typing import Final

from clickstream_operator.api.v1alpha1 import Spec

_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class PageScript:
    """The classic script of the collector's package."""

    digest: str
    """Part of its immutable name."""
    integrity: str
    """Value of the attribute `integrity` (W3C, "Subresource Integrity")."""

    @classmethod
    def of(cls, content: bytes) -> PageScript:
        """The script with a content."""
        integrity = base64.b64encode(hashlib.sha384(content).digest()).decode()
        return cls(hashlib.sha256(content).hexdigest()[:_DIGITS], f"sha384-{integrity}")

    def snippet(self, url: str, spec: Spec) -> str:
        """The element that a page has in its head; `url` is that of the stable name."""
        attributes = {
            "src": f"{url.removesuffix('.js')}.{self.digest}.js",
            "integrity": self.integrity,
            "crossorigin": "anonymous",
        }
        if spec.collector.consent:
            attributes["data-consent"] = spec.collector.consent
        if not spec.collector.respect_global_privacy_control:
            attributes["data-gpc"] = "ignore"
        written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
        return f"<script defer {written}></script>"
