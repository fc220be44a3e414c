"""How the blocks of the pages are run: each as it stands, but for what `plan.yaml` says.

`plan.yaml` has the pages by path, and for each the blocks that need something, by their beginning:

- ``cannot``: the reason why it can't run here; the block is left out
- ``helm``: the only major of Helm that the block is for
- ``instead``: text of the block -> text that runs, for placeholders and for what must end
- ``before``, ``after``: commands that set the scene, and that check it
- ``prints``: patterns, each of which the output must match
- ``output``: false where the output below the block is of another run, with the reason in a comment
- ``vary``: patterns of what else differs from run to run in the output that the page shows
- ``exit``: the exit code that the page says, where it is not 0
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.docs.blocks import PAGES, Block, blocks

_PLAN: Final = Path(__file__).with_name("plan.yaml")
#: In every page; a reader puts in the words of an alert.
_PLACEHOLDERS: Final = {r"\bNAMESPACE\b": "analytics", r"\bNAME\b": "shop"}


class PlanError(Exception):
    """`plan.yaml` names a page or a block that is not there."""


@dataclass(frozen=True)
class Step:
    """One block, and how it is run."""

    block: Block
    begins: str = ""
    cannot: str = ""
    helm: int = 0
    instead: dict[str, str] = field(default_factory=dict)
    before: str = ""
    after: str = ""
    prints: list[str] = field(default_factory=list)
    output: bool = True
    vary: list[str] = field(default_factory=list)
    exit: int = 0

    @property
    def commands(self) -> str:
        """What is run.

        Raises:
            PlanError: the block lacks a text that something else is to stand for.
        """
        text = self.block.commands
        for old, new in self.instead.items():
            if old not in text:
                raise PlanError(f"The block of line {self.block.line} has no {old!r}.")
            text = text.replace(old, new)
        for placeholder, word in _PLACEHOLDERS.items():
            text = re.sub(placeholder, word, text)
        return text


def plan() -> dict[str, list[dict[str, Any]]]:
    """Entries by page."""
    found: dict[str, list[dict[str, Any]]] = yaml.safe_load(_PLAN.read_text(encoding="utf-8"))
    return found


def steps(page: str) -> list[Step]:
    """All blocks of a page in their order.

    Raises:
        PlanError: an entry fits no block, or the page is none of those that are run.
    """
    if page not in PAGES:
        raise PlanError(f"{page} is no page with commands to paste.")
    entries = list(plan().get(page, []))
    found = []
    for block in blocks(page):
        entry = next((one for one in entries if block.commands.startswith(one["begins"])), None)
        if entry is None:
            found.append(Step(block))
            continue
        entries.remove(entry)
        found.append(Step(block, **entry))
    if entries:
        raise PlanError(f"{page} has no block that begins with {entries[0]['begins']!r}.")
    return found
