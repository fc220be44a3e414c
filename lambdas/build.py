"""Build the functions' packages: `python lambdas/build.py --output build/lambdas`.

The same sources give the same bytes on any machine: fixed times, order and permissions, no byte
code, and entries stored rather than deflated, because zlib's output differs between its versions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SOURCES = Path(__file__).resolve().parent
FUNCTIONS = ("processor", "detector", "collector")
TOOLS = {"redrive": ("redrive", "processor")}
"""Packages that a person runs (`PYTHONPATH=redrive.zip python -m redrive`), with their folders."""
_LIBRARIES = ("shared", "clickstream_layout")
"""Folders that every package has."""
SCRIPTS: Final = SOURCES.parent / "build" / "web"
"""Folder that `web/build.py` writes the script of web pages to."""
_SERVED: Final = {"collector": ("clickstream.js", "clickstream.mjs")}
"""Files of the script that a function answers with."""
_SUFFIXES = frozenset({".py", ".json"})
_EPOCH = (1980, 1, 1, 0, 0, 0)  # The earliest time that a zip file can hold.
_FILE_MODE = 0o100644 << 16
_UNIX = 3


def build_package(function: str, output: Path, scripts: Path) -> dict[str, str | int]:
    """Write the zip of a function and return its manifest entry."""
    path = write_zip(function, (function,), output, scripts)
    content = path.read_bytes()
    return {
        "file": path.name,
        "handler": f"{function}.handler.handle",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def write_zip(name: str, folders: Iterable[str], output: Path, scripts: Path) -> Path:
    """Write the zip of some folders and what they share; returns its path."""
    path = output / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as package:
        for inner, source in _list_files(folders, scripts):
            entry = zipfile.ZipInfo(inner, _EPOCH)
            entry.external_attr = _FILE_MODE
            entry.create_system = _UNIX
            package.writestr(entry, source.read_bytes())
    return path


def _list_files(folders: Iterable[str], scripts: Path) -> list[tuple[str, Path]]:
    folders = tuple(folders)
    found = [
        (path.relative_to(SOURCES).as_posix(), path)
        for folder in (*folders, *_LIBRARIES)
        for path in (SOURCES / folder).rglob("*")
        if path.suffix in _SUFFIXES
    ]
    served = [
        (f"{folder}/{name}", scripts / name)
        for folder in folders
        for name in _SERVED.get(folder, ())
    ]
    return sorted(found + served)


def build(output: Path, scripts: Path = SCRIPTS) -> dict[str, dict[str, str | int]]:
    """Write all packages and `manifest.json` into a folder; returns the manifest.

    Raises:
        FileNotFoundError: the script of web pages is not built.
    """
    output.mkdir(parents=True, exist_ok=True)
    manifest = {function: build_package(function, output, scripts) for function in FUNCTIONS}
    for tool, folders in TOOLS.items():
        write_zip(tool, folders, output, scripts)
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    (output / "manifest.json").write_text(text, encoding="utf-8")
    return manifest


def main() -> None:
    """Build from the command line."""
    parser = argparse.ArgumentParser(description="Build the Lambda packages.")
    parser.add_argument("--output", type=Path, required=True, help="folder for the packages")
    parser.add_argument("--quiet", action="store_true", help="print no checksums")
    given = parser.parse_args()
    output = given.output
    try:
        built = build(output)
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is not there: run make lambdas, or python web/build.py first")
    for function, entry in built.items():
        if given.quiet:
            continue
        print(f"{function}: {output / str(entry['file'])} {entry['bytes']} bytes {entry['sha256']}")


if __name__ == "__main__":
    main()
