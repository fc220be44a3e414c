"""Pages about reasons and alerts, which travel with the tool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PACKAGED: Final = Path(__file__).with_name("runbooks")
_IN_THE_TREE: Final = Path(__file__).parents[3] / "docs" / "runbooks"


def folder() -> Path:
    """Folder of the alerts' runbooks: in the wheel, or in the tree that it is built from."""
    return _PACKAGED if _PACKAGED.is_dir() else _IN_THE_TREE


def alerts() -> dict[str, Path]:
    """Runbook of each alert, by its name."""
    return {path.stem: path for path in sorted(folder().glob("Clickstream*.md"))}


def reasons() -> Mapping[str, str]:
    """Meaning and remedy of each reason, by its name."""
    # The help of a command needs none of them, and the package of the API takes a while to load.
    from clickstream_operator.api.reasons import MEANING  # noqa: PLC0415

    return {reason.value: meaning for reason, meaning in MEANING.items()}


def names() -> list[str]:
    """Everything that has a page: reasons, then alerts."""
    return [*sorted(reasons()), *alerts()]


def text_of(name: str) -> str:
    """The page of a reason or of an alert, as Markdown.

    Raises:
        KeyError: there is no page of this name.
    """
    meaning = reasons().get(name)
    return f"# {name}\n\n{meaning}\n" if meaning else alerts()[name].read_text(encoding="utf-8")
