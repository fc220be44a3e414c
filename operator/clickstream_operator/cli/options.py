"""Options that several commands share, with kubectl's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])


def file_options(function: _Function) -> _Function:
    """``-f``, required and repeatable, and ``-R``: parameters `files` and `recursive`."""
    recursive = click.option(
        "-R", "--recursive", is_flag=True, help="Go through folders inside of folders, too."
    )
    files = click.option(
        "-f",
        "--filename",
        "files",
        multiple=True,
        required=True,
        type=click.Path(allow_dash=True),
        help="Manifest, folder, or - for standard input; may be given several times.",
    )
    return files(recursive(function))
