"""Output of the session: commands, AWS before and after, conditions, Events, verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_INDENT: Final = "   "
_NOTE: Final = 200
_COLOURS: Final = {"PASS": "green", "FAIL": "red", "True": "green", "False": "yellow"}
_QUIET: Final = {("DriftDetected", "False"), ("CredentialsValid", "True")}


class Screen:
    """Prints for a person; plain text, without colour and without moving lines, elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def title(self, number: int, text: str) -> None:
        """The heading of a step."""
        self._print("")
        self._print(f"[bold]{number:>2} {text}[/bold]")

    def say(self, text: str) -> None:
        """One line of prose."""
        self._line(text)

    def command(self, text: str) -> None:
        """A command that a person could type."""
        self._line(f"$ {text}", style="cyan")

    def timeline(self, seconds: float, text: str) -> None:
        """Print a condition that was seen while the session waited."""
        self._line(f"{seconds:5.1f} s  {text}", style="dim")

    def aws(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print values in AWS, side by side."""
        self._table(("in AWS", *columns), rows)

    def rows(self, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table without a frame."""
        self._table(titles, rows)

    def conditions(self, conditions: Iterable[Mapping[str, Any]]) -> None:
        """The conditions that say something."""
        rows = [
            (one["type"], one["status"], one["reason"], one.get("message", ""))
            for one in conditions
            if (one["type"], one["status"]) not in _QUIET
        ]
        self._table(("condition", "status", "reason", "message"), rows)

    def events(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Events since the step began."""
        rows = [(one["type"], one["reason"], _short(one["note"])) for one in events]
        if rows:
            self._table(("event", "reason", "note"), rows)

    def writes(self, writes: Iterable[Mapping[str, Any]]) -> None:
        """Print the operator's writes, and AWS's answers."""
        counts = Counter(
            (one["service"], one["operation"], "" if one["outcome"] == "OK" else one["outcome"])
            for one in writes
        )
        words = ", ".join(
            f"{service} {operation}"
            + (f" x{count}" if count > 1 else "")
            + (f" ({outcome})" if outcome else "")
            for (service, operation, outcome), count in counts.items()
        )
        self._line(f"operator wrote to AWS: {words or 'nothing'}", style="dim")

    def check(self, what: str, found: str, wanted: str, *, right: bool) -> None:
        """Print one check."""
        verdict = "PASS" if right else "FAIL"
        line = what if right else f"{what}: found {found}, wanted {wanted}"
        self._line(Text.assemble((verdict, _COLOURS[verdict]), f"  {line}"))

    def verdict(self, *, right: bool, seconds: float) -> None:
        """Print the result of the step."""
        word = "PASS" if right else "FAIL"
        self._line(Text.assemble((f"{word}", f"bold {_COLOURS[word]}"), f"  in {seconds:.1f} s"))

    def plain(self, text: str) -> None:
        """The words of another program, as they are."""
        for line in text.rstrip().splitlines():
            self._line(line)

    def _table(self, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for number, title in enumerate(titles):
            last = number == len(titles) - 1
            table.add_column(title, overflow="fold", no_wrap=not last)
        for row in rows:
            table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
        if table.row_count:
            self._console.print(Padding(table, (0, 0, 0, len(_INDENT)), expand=False))

    def _line(self, text: str | Text, style: str = "") -> None:
        content = Text(text, style=style) if isinstance(text, str) else text
        self._console.print(Text(_INDENT) + content, soft_wrap=True, highlight=False)

    def _print(self, markup: str) -> None:
        self._console.print(markup, highlight=False, soft_wrap=True)


def _short(note: str) -> str:
    """The beginning of a long note; whole names only."""
    if len(note) <= _NOTE:
        return note
    kept = note[:_NOTE].rpartition(", ")[0]
    return f"{kept}, and {note[len(kept) :].count(', ')} more"
