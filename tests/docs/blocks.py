"""Shell blocks of a page in their order, and what the page says that they print."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
#: Whoever follows these pages pastes their commands; the other pages explain.
PAGES: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "README.md",
        ROOT / "charts" / "clickstream-operator" / "README.md",
        *(ROOT / "docs" / "how-to").glob("*.md"),
        *(ROOT / "docs" / "runbooks").glob("*.md"),
    )
)
_FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```", re.MULTILINE | re.DOTALL
)
#: What differs from run to run: times, ages, addresses, and hashes in names.
_VARYING: Final = (
    (re.compile(r"\b\d+(\.\d+)?(ms|[dhms])\b|\b\d+(\.\d+)? s\b|\d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{32,}\b"), "HASH"),
    (re.compile(r"(?<=[a-z]-)(?=[a-z]*\d)[a-z0-9]{8}(?=-|\b)"), "HASH"),
    # The digest in a name has letters only now and then.
    (re.compile(r"(?<=\bquickstart-)[a-z2-7]{8}\b|(?<=\bshop-)[a-z2-7]{8}\b"), "HASH"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class Block:
    """One block: the page's line of its first command, the commands, and the output shown."""

    line: int
    commands: str
    output: str


def blocks(page: str) -> list[Block]:
    """Blocks in `sh` and `console`; a `text` block beside an `sh` block is its output."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found: list[Block] = []
    previous = ""
    for fence in _FENCE.finditer(text):
        content = textwrap.dedent(fence["text"])
        line = text[: fence.start("text")].count("\n") + 1
        if fence["language"] == "sh":
            found.append(Block(line, content, ""))
        elif fence["language"] == "console":
            commands, output = _session(content)
            found.append(Block(line, commands, output))
        elif fence["language"] == "text" and previous == "sh":
            found[-1] = Block(found[-1].line, found[-1].commands, content)
        previous = fence["language"]
    return found


def manifests(page: str) -> list[str]:
    """Blocks in `yaml`."""
    text = (ROOT / page).read_text(encoding="utf-8")
    fences = [fence for fence in _FENCE.finditer(text) if fence["language"] == "yaml"]
    return [textwrap.dedent(fence["text"]) for fence in fences]


def _session(content: str) -> tuple[str, str]:
    """Commands behind `$`, with their further lines, and the rest."""
    commands: list[str] = []
    output: list[str] = []
    for line in content.splitlines():
        if line.startswith("$ "):
            commands.append(line.removeprefix("$ "))
        elif commands and not output and commands[-1].endswith("\\"):
            commands.append(line)
        else:
            output.append(line)
    return "\n".join(commands) + "\n", "\n".join(output)


def missing(shown: str, printed: str, *, vary: Sequence[str] = ()) -> list[str]:
    """Lines that the page shows and that did not come; `...` stands for any.

    In any order, because resources become ready in any. `vary` are patterns of what also differs
    from run to run.
    """
    left = Counter(_masked(line, vary) for line in printed.splitlines())
    absent = []
    for line in shown.splitlines():
        masked = _masked(line, vary)
        if masked in {"", "..."}:
            continue
        if not left[masked]:
            absent.append(line)
        left[masked] -= 1
    return absent


def _masked(line: str, vary: Sequence[str]) -> str:
    for pattern in vary:
        line = re.sub(pattern, "ANY", line)
    for varying, word in _VARYING:
        line = varying.sub(word, line)
    return line.strip()
