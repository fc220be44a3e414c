"""Picture of the operator's packages and what each imports, from the code."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Final

import grimp

_ROOT: Final = "clickstream_operator"
#: What a package must not know unless it is the one that speaks to it.
_SDKS: Final[Mapping[str, str]] = {
    "kopf": "Kopf",
    "boto3": "SDK of AWS",
    "kubernetes": "Kubernetes client",
}
_PROGRAMS: Final[Mapping[str, str]] = {
    "__main__": "The command",
    "smoke_test": "The check of helm test",
    "settings": "Settings of the process",
}


def packages_picture() -> str:
    """A Mermaid flowchart: an arrow means "imports"; one that follows from others is left out."""
    uses = _uses()
    lines = ["flowchart TD"]
    lines += [f'  {_node(name)}["{name}<br/>{_purpose(name)}"]' for name in sorted(uses)]
    lines += [f"  {name}([{label}])" for name, label in _SDKS.items()]
    lines += [
        f"  {_node(name)} --> {_node(other)}"
        for name in sorted(uses)
        for other in sorted(_direct(name, uses))
    ]
    return "\n".join(lines)


def _uses() -> dict[str, set[str]]:
    """Packages and SDKs that each package imports itself."""
    graph = grimp.build_graph(_ROOT, include_external_packages=True, cache_dir=None)
    uses: dict[str, set[str]] = {
        child.rpartition(".")[2]: set() for child in graph.find_children(_ROOT)
    }
    for module in sorted(graph.find_descendants(_ROOT)):
        name = module.split(".")[1]
        for imported in graph.find_modules_directly_imported_by(module):
            other = imported.split(".")[1] if imported.startswith(f"{_ROOT}.") else imported
            if other != name and (other in uses or other in _SDKS):
                uses[name].add(other)
    return uses


def _direct(name: str, uses: Mapping[str, set[str]]) -> set[str]:
    """Imports of `name` that none of its imports leads to; an SDK always."""
    found = uses[name]
    through = {far for near in found if near in uses for far in _reached(near, uses)}
    return {other for other in found if other in _SDKS or other not in through}


def _reached(name: str, uses: Mapping[str, set[str]]) -> set[str]:
    found = set(uses.get(name, ()))
    return found | {far for near in found for far in _reached(near, uses)}


def _purpose(name: str) -> str:
    """The first words of a package's sentence."""
    if name in _PROGRAMS:
        return _PROGRAMS[name]
    sentence = importlib.import_module(f"{_ROOT}.{name}").__doc__ or ""
    return re.split(r"[:;.]", sentence, maxsplit=1)[0]


def _node(name: str) -> str:
    return name.strip("_")
