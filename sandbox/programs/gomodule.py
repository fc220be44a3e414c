"""Programs that are built from a Go module of ours, whose go.sum pins every source."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.processes.process import tail
from sandbox.processes.progress import say, step
from sandbox.programs import cache, toolchain

_GO = re.compile(r"^go (\d+)\.(\d+)", re.MULTILINE)


def required(source: Path, module: str) -> str:
    """Return the version of `module` that the go.mod in `source` requires, such as `v1.37.2`."""
    found = re.search(
        rf"^\s*(?:require )?{re.escape(module)} (v\d+\.\d+\.\d+)\b",
        (source / "go.mod").read_text(),
        re.MULTILINE,
    )
    if found is None:
        raise SandboxError(f"{source / 'go.mod'} requires no release of {module}.")
    return found[1]


def build(
    source: Path,
    binary: Path,
    *,
    link_flags: str,
    what: str,
    minutes: int,
    package: str = ".",
    tags: str = "",
    corrected: tuple[str, Path] | None = None,
) -> None:
    """Build `package` of the module in `source` into the file `binary`.

    Args:
        source: folder of go.mod and go.sum.
        binary: the file to make.
        link_flags: for the linker, such as versions to stamp.
        what: what is built, with its version, for the person who waits.
        minutes: what it takes about on 2 cores with empty caches.
        package: what of the module to build.
        tags: build tags, with commas between.
        corrected: a required module, and the folder with the source that is compiled in its place.

    Raises:
        SandboxError: there is no Go, or the build failed; with the end of its log.
    """
    log = binary.with_name("build.log")
    command = [go(source), "build", "-v", "-trimpath", "-mod=readonly", "-buildvcs=false"]
    command += ["-tags", tags, "-ldflags", link_flags, "-o", str(binary)]
    say(f"The next step is needed once and takes about {minutes} min on 2 cores.")
    with (
        step(f"Building {what}", partial(_current_package, log)),
        log.open("wb") as output,
        tempfile.TemporaryDirectory() as scratch,
    ):
        code = subprocess.run(
            [*command, *_modfile(source, Path(scratch), corrected), package],
            cwd=source,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code:
        kept = cache.root() / f"{binary.name}-build.log"
        log.replace(kept)
        raise SandboxError(f"go build of {what} failed.\n{tail(kept)}")
    log.unlink()


def folder_of(source: Path, module: str) -> Path:
    """Return the folder that holds the source of `module`, in the version that go.mod requires."""
    done = subprocess.run(
        [go(source), "mod", "download", "-json", f"{module}@{required(source, module)}"],
        cwd=source,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r'^\s*"Dir": "(.+)"', done.stdout, re.MULTILINE)
    if found is None:
        raise SandboxError(f"The source of {module} could not be had.\n{done.stdout}{done.stderr}")
    return Path(found[1])


def go(source: Path) -> str:
    """Return the `go` program for the module in `source`."""
    found = _GO.search((source / "go.mod").read_text())
    if found is None:
        raise SandboxError(f"{source / 'go.mod'} has no go line.")
    return toolchain.locate(minimum=(int(found[1]), int(found[2])))


def environment() -> dict[str, str]:
    """The caller's environment without the Go settings that could make another build of it."""
    fixed = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
    return {**os.environ, **fixed}


def _modfile(source: Path, scratch: Path, corrected: tuple[str, Path] | None) -> list[str]:
    if corrected is None:
        return []
    module, folder = corrected
    line = f"\nreplace {module} => {folder}\n"
    (scratch / "go.mod").write_text((source / "go.mod").read_text() + line)
    (scratch / "go.sum").write_bytes((source / "go.sum").read_bytes())
    return [f"-modfile={scratch / 'go.mod'}"]


def _current_package(log: Path) -> str:
    """Return the last package that `go build -v` named."""
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1].removeprefix("go: ") if lines else ""
