"""Attribute names of a session item, by lane: written by the processor, read by the detector."""

from __future__ import annotations

WATERMARK_PREFIX = "wm#"
COUNT_PREFIX = "n#"
