"""Build the script of web pages: `python web/build.py --output build/web`.

npm installs what package-lock.json names and runs none of its code but esbuild, terser and the
type checker. The result is kept under `~/.cache/clickstream-operator` by the content of the
sources, so that npm is needed once for each version of them.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).resolve().parent / "clickstream"
FILES: Final = ("clickstream.js", "clickstream.mjs", "clickstream.d.ts")
"""Classic script, module, and types of both."""
_ABSENT: Final = (
    "npm is needed to build the script of web pages: install Node.js 20 or newer "
    "(Debian: apt-get install nodejs npm)"
)


class BuildError(Exception):
    """The script can't be built; the message says what to do."""


class NpmAbsentError(BuildError):
    """There is no npm here, and the script was never built here."""

    def __init__(self) -> None:
        super().__init__(_ABSENT)


def build(output: Path) -> None:
    """Write the files into a folder; what is there already keeps its time.

    Raises:
        BuildError: npm is absent, or failed.
    """
    built = _cache() / f"web-{_digest()[:16]}"
    if not built.is_dir():
        _build(built)
    output.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        content = (built / name).read_bytes()
        target = output / name
        if not target.is_file() or target.read_bytes() != content:
            target.write_bytes(content)


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "clickstream-operator"


def _digest() -> str:
    digest = hashlib.sha256()
    for path in _sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SOURCES).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources() -> list[Path]:
    return sorted([*SOURCES.glob("*.*"), *SOURCES.glob("src/*")])


def _build(target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NpmAbsentError
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="web-") as folder:
        work, result = Path(folder) / "sources", Path(folder) / "result"
        for path in _sources():
            copy = work / path.relative_to(SOURCES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        result.mkdir()
        for command in (
            (npm, "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"),
            (npm, "exec", "--no", "--", "tsc"),
            (npm, "exec", "--no", "--", "node", "build.mjs", str(result)),
        ):
            _run(command, work)
        try:
            result.rename(target)
        except OSError:
            # Somebody else built the same meanwhile.
            if not target.is_dir():
                raise


def _run(command: tuple[str, ...], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        end = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise BuildError(f"{' '.join(command)} failed:\n{end}")


def main() -> None:
    """Build from the command line."""
    parser = argparse.ArgumentParser(description="Build the script of web pages.")
    parser.add_argument("--output", type=Path, required=True, help="folder for the files")
    parser.add_argument("--quiet", action="store_true", help="print no sizes")
    given = parser.parse_args()
    try:
        build(given.output)
    except BuildError as error:
        sys.exit(str(error))
    for name in FILES if not given.quiet else ():
        content = (given.output / name).read_bytes()
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        print(f"{given.output / name} {len(content)} bytes sha384-{digest}")


if __name__ == "__main__":
    main()
