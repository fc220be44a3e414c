"""Output: for people on a terminal, plain elsewhere, and documents for programs.

Data goes to standard output, everything else to standard error. rich is loaded only where it draws.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.errors import CliError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_GAP: Final = 2
_TELL_SECONDS: Final = 5.0
_LEAST_TEXT: Final = 20
"""Columns that the last column of a table needs, where its texts are longer."""

COLORS: Final[Mapping[str, str]] = {
    "Ready": "green",
    "ok": "green",
    "Retained": "cyan",
    "warn": "yellow",
    "Creating": "yellow",
    "Updating": "yellow",
    "Pending": "yellow",
    "Drifted": "yellow",
    "Deleting": "yellow",
    "Unknown": "yellow",
    "Blocked": "red",
    "Failed": "red",
    "FAIL": "red",
}
"""Color of a word that stands alone in a cell."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `numeric` aligns to the right; `wide`: only with ``-o wide``."""

    head: str
    numeric: bool = False
    wide: bool = False


def is_terminal() -> bool:
    """Whether a person sees standard output."""
    return sys.stdout.isatty()


def width() -> int:
    """Columns of the terminal; COLUMNS decides where it is set."""
    return shutil.get_terminal_size((80, 24)).columns


def console() -> Console:
    """A console on standard output, of the terminal's width; NO_COLOR is heeded."""
    from rich.console import Console  # noqa: PLC0415 - it takes a tenth of a second

    return Console(width=width(), highlight=False, emoji=False)


def clear() -> None:
    """Empty the terminal for the next picture of a watch; elsewhere pictures follow each other."""
    if is_terminal():
        console().clear()


def note(text: str) -> None:
    """Print a message for people, which is no data; on a terminal in lines of its width."""
    click.echo(_folded(text) if sys.stderr.isatty() else text, err=True)


def print_sentence(text: str, *, color: str | None = None) -> None:
    """Print a sentence that is the answer; on a terminal in lines of its width."""
    click.secho(_folded(text) if is_terminal() else text, fg=color)


def _folded(text: str) -> str:
    return textwrap.fill(text, width(), break_on_hyphens=False, break_long_words=False)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show that something takes its time: a moving sign on a terminal, one line elsewhere."""
    if not sys.stderr.isatty():
        click.echo(text, err=True)
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - only where it draws

    with Console(stderr=True, width=width(), highlight=False, emoji=False).status(text):
        yield


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Show progress; yields a function that takes the number done.

    A bar on a terminal; elsewhere a line now and then.
    """
    if sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - only where it draws
        from rich.progress import Progress  # noqa: PLC0415

        console_ = Console(stderr=True, width=width(), highlight=False, emoji=False)
        with Progress(console=console_, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)
        return
    told = time.monotonic()

    def tell(done: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _TELL_SECONDS:
            told = time.monotonic()
            click.echo(f"{what}: {done:,} of {total:,}", err=True)

    yield tell


def print_markdown(text: str) -> None:
    """Print a page: laid out on a terminal, as it stands elsewhere."""
    if not is_terminal():
        click.echo(text.rstrip())
        return
    from rich.markdown import Markdown  # noqa: PLC0415 - only where it draws

    console().print(Markdown(text, hyperlinks=False))


def print_document(document: Any, form: str) -> None:
    """Print a document as ``json`` or ``yaml``."""
    if form == "json":
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    import yaml  # noqa: PLC0415 - only where it is asked for

    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
    click.echo(text.rstrip())


def hand_over(text: str, file: str | None) -> None:
    """Print a text, or write it to a file that does not exist yet.

    Raises:
        CliError: the file exists.
        OSError: it can't be written.
    """
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        with Path(file).open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise CliError(f"{file} exists already", "choose another name with -o") from error


def print_line(document: Any, text: str, form: str) -> None:
    """Print one result among many: as an object a line for ``json``, else in words."""
    click.echo(json.dumps(document, ensure_ascii=False) if form == "json" else text)


def print_table(
    columns: Sequence[Column], rows: Sequence[Sequence[object]], *, wide: bool = False
) -> None:
    """Print a table, in which nothing is cut.

    On a terminal the last column is folded, and columns without a text are left out; where it has
    no room, each row becomes a block.
    """
    shown = [number for number, column in enumerate(columns) if wide or not column.wide]
    if is_terminal():
        shown = [number for number in shown if any(str(row[number]) for row in rows)]
    heads = [columns[number] for number in shown]
    cells = [[str(row[number]) for number in shown] for row in rows]
    if not is_terminal():
        _print_aligned(heads, cells)
        return
    sizes = _sizes(heads, cells)
    needed = sum(sizes[:-1]) + _GAP * (len(sizes) - 1) + min(sizes[-1], _LEAST_TEXT)
    table = _blocks(heads, cells) if width() < needed else _table(heads, cells)
    console().print(table)


def _table(heads: Sequence[Column], cells: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table  # noqa: PLC0415 - only where it draws

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    last = len(heads) - 1
    for number, column in enumerate(heads):
        table.add_column(
            column.head,
            justify="right" if column.numeric else "left",
            no_wrap=number != last,
            overflow="fold",
        )
    for row in cells:
        table.add_row(*map(colored, row))
    return table


def _blocks(heads: Sequence[Column], cells: Sequence[Sequence[str]]) -> Table:
    """Each row as a block of its cells with their heads."""
    from rich.table import Table  # noqa: PLC0415 - only where it draws

    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for number, row in enumerate(cells):
        if number:
            table.add_row("", "")
        for column, text in zip(heads, row, strict=True):
            if text:
                table.add_row(column.head.lower(), colored(text))
    return table


def colored(text: str) -> str:
    """A text as markup of rich: a known word with its color, anything else as it stands."""
    from rich.markup import escape  # noqa: PLC0415 - only where it draws

    return f"[{COLORS[text]}]{text}[/]" if text in COLORS else escape(text)


def _sizes(heads: Sequence[Column], cells: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([len(column.head), *(len(row[number]) for row in cells)])
        for number, column in enumerate(heads)
    ]


def _print_aligned(heads: Sequence[Column], cells: Sequence[Sequence[str]]) -> None:
    sizes = _sizes(heads, cells)
    for row in ([column.head for column in heads], *cells):
        parts = [
            text.rjust(size) if column.numeric else text.ljust(size)
            for column, text, size in zip(heads, row, sizes, strict=True)
        ]
        click.echo((" " * _GAP).join(parts).rstrip())
