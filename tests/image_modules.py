"""Which of our modules the operator runs, by its imports, and which the Dockerfile copies."""

from __future__ import annotations

import importlib.util
import re
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import grimp

ROOT = Path(__file__).parents[1]
PACKAGES = ("clickstream_operator", "clickstream_layout")
PROGRAMS = ("clickstream_operator.__main__", "clickstream_operator.smoke_test")
"""What Pods of the chart start: the operator, and the check behind `helm test`."""
TARGET = "/opt/operator"


def run_by_the_operator() -> set[str]:
    """Paths under `/opt/operator` of every module that a program imports, however indirectly."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    found: set[str] = set()
    rest = set(PROGRAMS)
    while rest:
        name = rest.pop()
        found.add(name)
        parents = {name.rpartition(".")[0]} - {""}
        rest |= (parents | graph.find_modules_directly_imported_by(name)) - found
    return {_path_of(name) for name in found}


def _path_of(name: str) -> str:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin)
    depth = name.count(".") + (2 if path.stem == "__init__" else 1)
    return "/".join(path.parts[-depth:])


def copied_by_the_dockerfile(root: Path = ROOT) -> set[str]:
    """Paths under `/opt/operator` of the modules that its `COPY` instructions bring there."""
    ignored = _ignore_rules((root / ".dockerignore").read_text())
    found: set[str] = set()
    for line in (root / "Dockerfile").read_text().splitlines():
        words = line.split()
        if words[:1] != ["COPY"] or not words[-1].startswith(TARGET) or "--from=build" in words:
            continue
        for source in words[1:-1]:
            for path in _files(root, root / source):
                inside = path.relative_to(root)
                if not _is_ignored(inside.as_posix(), ignored):
                    kept = inside.relative_to(source) if (root / source).is_dir() else inside.name
                    found.add((PurePosixPath(words[-1]) / kept).relative_to(TARGET).as_posix())
    return found


def _files(root: Path, source: Path) -> list[Path]:
    assert source.exists(), f"the Dockerfile copies {source.relative_to(root)}, which is not there"
    return sorted(source.rglob("*.py")) if source.is_dir() else [source]


def _ignore_rules(text: str) -> list[tuple[bool, str]]:
    """Rules as (ignore, pattern); Docker Docs, "Build context", ".dockerignore files"."""
    lines = [line.strip() for line in text.splitlines()]
    return [(line[0] != "!", line.lstrip("!")) for line in lines if line and line[0] != "#"]


def _is_ignored(path: str, rules: list[tuple[bool, str]]) -> bool:
    """Whether the last rule that fits the file, or a folder above it, leaves it out."""
    above = [path, *(each.as_posix() for each in PurePosixPath(path).parents)][:-1]
    ignored = False
    for ignore, pattern in rules:
        # `**/x` fits at any depth; fnmatch's `*` crosses folders, so it is kept from doing so.
        names = [re.sub(r".*/", "", each) if pattern.startswith("**/") else each for each in above]
        flat = pattern.removeprefix("**/")
        if any(fnmatchcase(each, flat) and each.count("/") == flat.count("/") for each in names):
            ignored = ignore
    return ignored
