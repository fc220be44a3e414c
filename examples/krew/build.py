"""Archives of the command line for krew: ``python examples/krew/build.py`` writes build/cli.

One archive for a platform has the locked packages for every Python that is supported: what is the
same for all stands once, a package with compiled parts once for each. It needs such a Python on the
machine: compiled parts can't be imported from a zip. The same sources, and the same zlib, give the
same bytes.
"""

# ruff: noqa: INP001 - a script, not a module of a package

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
PLATFORMS: Final[Mapping[str, str]] = {
    "linux-amd64": "x86_64-manylinux_2_28",
    "linux-arm64": "aarch64-manylinux_2_28",
    "darwin-amd64": "x86_64-apple-darwin",
    "darwin-arm64": "aarch64-apple-darwin",
}
"""Name of a platform as krew has it, and as uv takes it."""
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
COMMANDS: Final = ("kubectl-clickstream", "kubectl_complete-clickstream")
_SHARED: Final = "any"
_SHA: Final = "0" * 64
_MACHINE_FILES: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""Files of an installation that tell of the machine on which it was made."""


def main(arguments: list[str]) -> int:
    """Write an archive for each platform, and the manifest with their sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "cli")
    parser.add_argument("--platform", action="append", choices=sorted(PLATFORMS))
    parser.add_argument("--uv", default="uv")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    sums = {}
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder), given.uv)
        for platform in given.platform or PLATFORMS:
            archive = given.output / archive_name(platform)
            tree = Path(folder) / platform
            install(tree, wheel, platform, given.uv)
            archive.write_bytes(packed(tree))
            sums[platform] = hashlib.sha256(archive.read_bytes()).hexdigest()
            size = archive.stat().st_size / 1e6
            sys.stdout.write(f"{archive}  {size:.1f} MB  sha256 {sums[platform]}\n")
    manifest = given.output / "clickstream.yaml"
    manifest.write_text(filled((HERE / "clickstream.yaml").read_text(encoding="utf-8"), sums))
    sys.stdout.write(f"{manifest}\n")
    return 0


def version() -> str:
    """Version of the project."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(document["project"]["version"])


def archive_name(platform: str) -> str:
    """File name of an archive."""
    return f"kubectl-clickstream-{version()}-{platform}.tar.gz"


def build_wheel(folder: Path, uv: str) -> Path:
    """The wheel of the project."""
    _run(uv, "build", "--wheel", "--quiet", "--out-dir", str(folder / "wheel"), str(ROOT))
    return next((folder / "wheel").glob("*.whl"))


def install(tree: Path, wheel: Path, platform: str, uv: str) -> None:
    """Fill the tree of an archive: the launcher, the licence, packages by Python."""
    by_python = {}
    for python in PYTHONS:
        target = tree / "lib" / python
        options = (
            "--target", str(target), "--python-version", python, "--python-platform",
            PLATFORMS[platform], "--only-binary", ":all:", "--no-deps", "--quiet", "--link-mode",
            "copy", "--no-compile-bytecode",
        )  # fmt: skip
        locked = str(ROOT / "locks" / "cli.txt")
        _run(uv, "pip", "install", *options, "--require-hashes", "-r", locked)
        _run(uv, "pip", "install", *options, str(wheel))
        shutil.rmtree(target / "bin", ignore_errors=True)
        by_python[python] = target
    share(by_python, tree / "lib" / _SHARED)
    for name in COMMANDS:
        shutil.copy(HERE / "launcher.py", tree / name)
    shutil.copy(ROOT / "LICENSE", tree / "LICENSE")


def share(by_python: Mapping[str, Path], shared: Path) -> None:
    """Move what is the same for every Python to one folder, whole packages at a time."""
    shared.mkdir(parents=True)
    folders = list(by_python.values())
    names = sorted({one.name for folder in folders for one in folder.iterdir()})
    for name in names:
        prints = [fingerprint(folder / name) for folder in folders]
        if not all(prints) or len(set(prints)) > 1:
            continue
        shutil.move(folders[0] / name, shared / name)
        for folder in folders[1:]:
            other = folder / name
            shutil.rmtree(other) if other.is_dir() else other.unlink()


def fingerprint(path: Path) -> str:
    """Hash of a file, or of the names and contents below a folder; empty where there is none."""
    if not path.exists():
        return ""
    digest = hashlib.sha256()
    for file in files(path) if path.is_dir() else [path]:
        digest.update(file.relative_to(path.parent).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def files(folder: Path) -> Iterator[Path]:
    """Files below a folder that belong into an archive, in a stable order."""
    for file in sorted(folder.rglob("*")):
        inside = file.parent.name.endswith(".dist-info") and file.name in _MACHINE_FILES
        hidden = file.parent == folder and file.name == ".lock"
        if file.is_file() and not inside and not hidden and "__pycache__" not in file.parts:
            yield file


def packed(tree: Path) -> bytes:
    """The archive of a tree: fixed times, owners, permissions and order."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file in files(tree):
            entry = tarfile.TarInfo(file.relative_to(tree).as_posix())
            entry.size = file.stat().st_size
            entry.mode = 0o755 if file.parent == tree and file.name in COMMANDS else 0o644
            with file.open("rb") as content:
                archive.addfile(entry, content)
    return gzip.compress(plain.getvalue(), compresslevel=9, mtime=0)


def filled(manifest: str, sums: Mapping[str, str]) -> str:
    """The manifest with the sum of each archive that was built."""
    lines = []
    platform = ""
    for line in manifest.splitlines():
        for name in PLATFORMS:
            if f"-{name}.tar.gz" in line:
                platform = name
        if line.strip().startswith("sha256:") and platform in sums:
            lines.append(line.replace(_SHA, sums[platform]))
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _run(*command: str) -> None:
    # Times in the wheel are those of the zip format's beginning.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800"}
    subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own arguments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
