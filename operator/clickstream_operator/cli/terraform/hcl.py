"""HCL: blocks and values as text that Terraform reads. Pure.

Syntax: HashiCorp, "HCL Native Syntax Specification"; layout as `terraform fmt` has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Raw:
    """An expression that is written as it stands, such as a reference."""

    text: str


@dataclass(frozen=True, slots=True)
class Json:
    """A document that the resource takes as a string of JSON."""

    document: Any


@dataclass(frozen=True, slots=True)
class Block:
    """A block: its type, its labels, then arguments, then blocks inside."""

    type: str
    labels: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    blocks: Sequence[Block] = ()


def written(blocks: Sequence[Block]) -> str:
    """Blocks as a file."""
    return "\n".join("\n".join(_lines(one, "")) + "\n" for one in blocks)


def _lines(block: Block, indent: str) -> Iterator[str]:
    head = " ".join([block.type, *(f'"{one}"' for one in block.labels)])
    if not block.arguments and not block.blocks:
        yield f"{indent}{head} {{}}"
        return
    yield f"{indent}{head} {{"
    inside = indent + _INDENT
    yield from _aligned(block.arguments, inside)
    for number, one in enumerate(block.blocks):
        if number or block.arguments:
            yield ""
        yield from _lines(one, inside)
    yield f"{indent}}}"


def _aligned(members: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Arguments, of which neighbours on one line have their signs below one another."""
    texts = {_name(key): expression(value, indent) for key, value in members.items()}
    group: list[str] = []
    groups: list[list[str]] = []
    for key, text in texts.items():
        if "\n" in text:
            groups += [group, [key]]
            group = []
        else:
            group.append(key)
    for keys in [*groups, group]:
        width = max(map(len, keys), default=0)
        yield from (f"{indent}{key.ljust(width)} = {texts[key]}" for key in keys)


def _name(key: str) -> str:
    return key if _IDENTIFIER.fullmatch(key) else text(key)


def expression(value: Any, indent: str = "") -> str:
    """A value as an expression.

    Raises:
        TypeError: no expression stands for it.
    """
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Json):
        return f"jsonencode({expression(value.document, indent)})"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        whole = isinstance(value, float) and value.is_integer()
        return str(int(value)) if whole else json.dumps(value)
    if isinstance(value, str):
        return text(value)
    inside = indent + _INDENT
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return "{\n" + "\n".join(_aligned(value, inside)) + f"\n{indent}}}"
    if isinstance(value, Sequence | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        parts = [expression(one, inside) for one in items]
        if not any(isinstance(one, Mapping | list | tuple) for one in items):
            return f"[{', '.join(parts)}]"
        return "[\n" + "".join(f"{inside}{part},\n" for part in parts) + f"{indent}]"
    raise TypeError(f"no expression for {type(value).__name__}")


def text(value: str) -> str:
    """A quoted string in which nothing is a template."""
    quoted = json.dumps(value, ensure_ascii=False)
    # JSON leaves the delete character as it is, HCL takes every escape of JSON but the slash.
    return quoted.replace("${", "$${").replace("%{", "%%{")
