"""Commands in the notes that an installation prints."""

from __future__ import annotations

import re


def commands(notes: str, heading: str) -> list[str]:
    """The numbered commands under a heading; one may have further lines."""
    part = notes.partition(f"\n{heading}")[2]
    part = re.split(r"^\S", part.partition("\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    steps = re.split(r"^  \d\. ", part, flags=re.MULTILINE)[1:]
    return [re.sub(r"^     ", "", one, flags=re.MULTILINE).strip() for one in steps]
