"""Entry point of `kubectl_complete-clickstream`, which kubectl asks for the plugin's completions.

kubectl hands it the words after `kubectl clickstream`, the last of them incomplete, and reads lines
of candidates, each with a tab and its help, and at the end the directive of its completion library
(kubectl, "Extend kubectl with plugins", "Shell completion for plugins").
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click
from click.shell_completion import ShellComplete

from clickstream_operator.cli.app import app

_DEFAULT: Final = 0
_NO_FILES: Final = 4


def main() -> None:
    """Print the completions of the command line."""
    click.echo("\n".join(completions(sys.argv[1:])))


def completions(words: Sequence[str]) -> list[str]:
    """Lines that kubectl reads: candidates with their help, then the directive."""
    *before, incomplete = words or ("",)
    asked = ShellComplete(app, {}, "kubectl clickstream", "_CLICKSTREAM_COMPLETE")
    items = asked.get_completions(list(before), incomplete)
    lines = [
        f"{item.value}\t{item.help}" if item.help else str(item.value)
        for item in items
        if item.type == "plain"
    ]
    files = any(item.type in {"file", "dir"} for item in items)
    return [*lines, f":{_DEFAULT if files else _NO_FILES}"]


if __name__ == "__main__":
    main()
