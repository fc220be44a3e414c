"""Where the four programs of the Kubernetes control plane come from.

In order: `$KUBEBUILDER_ASSETS`, the cache, the project's official releases (when the network allows
and every published checksum matches), and a build from source. The last needs only a Go module
proxy, which is why the sandbox also starts where nothing but package registries can be reached.
"""

from __future__ import annotations

import os
import re
import subprocess
from functools import partial
from pathlib import Path

from sandbox import cache, released, toolchain
from sandbox.errors import SandboxError
from sandbox.processes import tail
from sandbox.progress import say, step

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")

_SOURCE = Path(__file__).parent / "controlplane"
_SOURCES = ("go.mod", "go.sum", "main.go")
_REQUIRED_VERSION = re.compile(r"^\s*k8s\.io/kubernetes (v\d+\.\d+\.\d+)$", re.MULTILINE)
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def version() -> str:
    """Return the Kubernetes version that `go.mod` requires, such as `v1.37.2`."""
    found = _REQUIRED_VERSION.search((_SOURCE / "go.mod").read_text())
    if found is None:
        raise SandboxError(f"{_SOURCE / 'go.mod'} requires no release of k8s.io/kubernetes.")
    return found[1]


def locate() -> Path:
    """Return a folder that holds all of `PROGRAMS`; the first call on a machine may build them."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        missing = [name for name in PROGRAMS if not os.access(Path(assets) / name, os.X_OK)]
        if not missing:
            return Path(assets)
        say(f"KUBEBUILDER_ASSETS is not used: it lacks {', '.join(missing)}.")
    return cache.entry(_entry_name(), _fill)


def _entry_name() -> str:
    sources = [(_SOURCE / name).read_bytes() for name in _SOURCES]
    return f"controlplane-{cache.digest([*sources, _link_flags().encode()])}"


def _link_flags() -> str:
    # Unstamped, the server calls itself v0.0.0 and clients refuse to negotiate with it.
    major, minor, _ = version().removeprefix("v").split(".")
    stamps = {"gitVersion": version(), "gitMajor": major, "gitMinor": minor}
    return " ".join(
        ["-s", "-w"]
        + [f"-X {pkg}.{key}={value}" for pkg in _VERSION_PACKAGES for key, value in stamps.items()]
    )


def _fill(folder: Path) -> None:
    if not released.download(version(), folder):
        _build(folder)


def _build(folder: Path) -> None:
    go = toolchain.locate(minimum=_go_directive())
    binary = folder / "controlplane"
    log = folder / "build.log"
    command = [go, "build", "-v", "-trimpath", "-mod=readonly", "-buildvcs=false"]
    command += ["-ldflags", _link_flags(), "-o", str(binary), "."]
    say("The next step is needed once and takes about 6 minutes on 2 cores.")
    what = f"Building the Kubernetes {version()} control plane"
    with step(what, partial(_current_package, log)), log.open("wb") as output:
        code = subprocess.run(
            command,
            cwd=_SOURCE,
            # The caller's Go settings could turn a reproducible build into another one.
            env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
            | {"GOFLAGS": ""},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code:
        kept = cache.root() / "controlplane-build.log"
        log.replace(kept)
        raise SandboxError(f"go build of the control plane failed.\n{tail(kept)}")
    log.unlink()
    for name in PROGRAMS:
        (folder / name).symlink_to(binary.name)


def _go_directive() -> tuple[int, int]:
    found = re.search(r"^go (\d+)\.(\d+)", (_SOURCE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise SandboxError(f"{_SOURCE / 'go.mod'} has no go line.")
    return int(found[1]), int(found[2])


def _current_package(log: Path) -> str:
    """Return the last package that `go build -v` named."""
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1].removeprefix("go: ") if lines else ""
