"""Documents of manifests, each with the lines of its fields.

Read from files, folders and standard input, as YAML or JSON. A key that stands twice is refused:
YAML would keep the last one, and nobody would see it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from clickstream_operator.cli.errors import CliError

STANDARD_INPUT: Final = "-"
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_TOO_DEEP: Final = "the document is nested too deeply; write a flat manifest"


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a manifest."""

    source: str
    """File, or `-` for standard input."""
    line: int
    """Line at which it begins, counted from 1."""
    body: Any
    """The object as it stands, without defaults."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Line of each field, by its path, for example ``spec.metrics[0].name``."""

    def line_of(self, path: str) -> int:
        """Line of a field, or of the nearest one around it."""
        while path and path not in self.lines:
            cut = max(path.rfind("."), path.rfind("["))
            path = path[:cut] if cut > 0 else ""
        return self.lines.get(path, self.line)


def load(sources: Sequence[str], *, recursive: bool = False) -> list[Document]:
    """Documents of files, folders and standard input, in their order; lists are taken apart.

    Raises:
        CliError: a source is not readable, or no YAML.
    """
    found: list[Document] = []
    for source in sources:
        for name, text in _texts(source, recursive=recursive):
            found += _documents(name, text)
    return found


def _texts(source: str, *, recursive: bool) -> Iterator[tuple[str, str]]:
    if source == STANDARD_INPUT:
        yield source, sys.stdin.read()
        return
    path = Path(source)
    files: Iterable[Path] = (path,)
    if path.is_dir():
        pattern = "**/*" if recursive else "*"
        files = sorted(one for one in path.glob(pattern) if one.suffix in _SUFFIXES)
        if not files:
            raise CliError(f"{source}: no manifest in this folder", "name files, or add -R")
    for one in files:
        try:
            yield str(one), one.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise CliError(f"{one}: no UTF-8 text: {error.reason} at byte {error.start}") from error
        except OSError as error:
            raise CliError(f"{one}: {error.strerror}", "name a manifest that exists") from error


def _documents(source: str, text: str) -> Iterator[Document]:
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            lines: dict[str, int] = {}
            _note_lines(source, node, "", lines)
            body = loader.construct_document(node)
            line = node.start_mark.line + 1
            if isinstance(body, dict) and str(body.get("kind", "")).endswith("List"):
                yield from _items(source, line, body, lines)
            elif body is not None:
                yield Document(source, line, body, lines)
    except yaml.YAMLError as error:
        raise CliError(_words(source, error), "write YAML or JSON") from error
    except ValueError as error:
        # A timestamp or a number in a form that YAML knows and Python does not.
        raise CliError(f"{source}: {error}", "put the value in quotes") from error
    except RecursionError as error:
        raise CliError(f"{source}: {_TOO_DEEP}") from error
    finally:
        loader.dispose()


def _items(
    source: str, line: int, body: Mapping[str, Any], lines: Mapping[str, int]
) -> Iterator[Document]:
    for number, item in enumerate(body.get("items") or []):
        stem = f"items[{number}]"
        inside = {
            path.removeprefix(f"{stem}."): at
            for path, at in lines.items()
            if path.startswith(f"{stem}.")
        }
        yield Document(source, lines.get(stem, line), item, inside)


def _note_lines(source: str, node: yaml.Node, path: str, lines: dict[str, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            inside = f"{path}.{name}" if path else name
            at = key.start_mark.line + 1
            if name in seen:
                raise CliError(f"{source}:{at}: {inside} stands twice", "remove one of them")
            seen.add(name)
            lines[inside] = at
            _note_lines(source, value, inside, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            inside = f"{path}[{number}]"
            lines[inside] = item.start_mark.line + 1
            _note_lines(source, item, inside, lines)


def _words(source: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{source}:{mark.line + 1}: {problem}" if mark else f"{source}: {problem}"
