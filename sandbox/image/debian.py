"""A base image made from Debian's archive, for machines that reach no registry."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from sandbox.errors import SandboxError
from sandbox.processes.progress import step
from sandbox.programs import cache

#: The release whose Python is that of the pinned base: 3.13.
_SUITE: Final = "trixie"
_PACKAGES: Final = "python3,python3-pip,ca-certificates"
_MIRROR: Final = "http://deb.debian.org/debian"
_WASTE: Final = ("var/cache/apt", "var/lib/apt/lists", "var/log")
_PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def archive() -> Path:
    """Return the base as an OCI archive; made once and kept in the cache.

    Raises:
        SandboxError: debootstrap or buildah is missing, or failed.
    """
    key = cache.digest([_SUITE.encode(), _PACKAGES.encode(), _MIRROR.encode(), _PATH.encode()])
    return cache.entry(f"image-base-{key}", _fill) / "base.tar"


def _fill(folder: Path) -> None:
    for program in ("debootstrap", "buildah"):
        if shutil.which(program) is None:
            raise SandboxError(f"{program} is missing: apt-get install {program}")
    with step("Making a base image from Debian (about a minute)"), _scratch() as scratch:
        root = Path(scratch) / "root"
        options = ["--variant=minbase", f"--include={_PACKAGES}"]
        run(["debootstrap", *options, _SUITE, str(root), _MIRROR])
        for waste in _WASTE:
            shutil.rmtree(root / waste, ignore_errors=True)
            (root / waste).mkdir()
        builder = buildah(Path(scratch) / "storage")
        container = run([*builder, "from", "scratch"])
        run([*builder, "copy", "--quiet", container, str(root), "/"])
        run([*builder, "config", "--env", _PATH, container])
        run([*builder, "commit", "--quiet", container, f"oci-archive:{folder / 'base.tar'}"])


def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="clickstream-base-")


def buildah(storage: Path) -> list[str]:
    """Return the start of a buildah command that keeps everything below `storage`."""
    places = ["--root", str(storage / "root"), "--runroot", str(storage / "run")]
    return ["buildah", *places, "--storage-driver", "vfs"]


def run(command: list[str]) -> str:
    """Run a command and return what it printed.

    Raises:
        SandboxError: it failed; the message holds the end of its output.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        end = "\n".join((done.stderr or done.stdout).strip().splitlines()[-10:])
        raise SandboxError(f"{command[0]} failed, exit code {done.returncode}:\n{end}")
    return done.stdout.strip()
