"""The pages of the project, and their code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
_SKIPPED: Final = frozenset({"build", "dist", "node_modules"})
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _is_ours(page: Path) -> bool:
    parents = page.relative_to(ROOT).parts[:-1]
    return not any(part.startswith(".") or part in _SKIPPED for part in parents)


PAGES: Final = sorted(page for page in ROOT.rglob("*.md") if _is_ours(page))


def page_id(page: Path) -> str:
    """Of a page in test reports: its path in the project."""
    return page.relative_to(ROOT).as_posix()


def is_by_hand(page: Path) -> bool:
    """Whether a page describes the product of today and is not generated."""
    folder = page.relative_to(ROOT).parts[:-1]
    return page.name != "CHANGELOG.md" and folder in {
        (),
        ("docs", "concepts"),
        ("docs", "how-to"),
        ("docs", "runbooks"),
        ("sandbox",),
    }


BY_HAND: Final = [page for page in PAGES if is_by_hand(page)]
"""Generated pages cannot name what is not there; a decision is of its own day."""


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def code(page: Path) -> str:
    """The code of a page: in the line and in blocks."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"`([^`\n]+)`", text) + _FENCE.findall(text))


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code in a language."""
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
