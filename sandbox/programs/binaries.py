"""Sources of the four programs of the Kubernetes control plane.

In order: `$KUBEBUILDER_ASSETS`, the cache, the project's official releases (when the network allows
and every published checksum matches), and a build from source. The last needs only a Go module
proxy, which is why the sandbox also starts where nothing but package registries can be reached.
"""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.processes.progress import say
from sandbox.programs import cache, gomodule, released

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")

_SOURCE = Path(__file__).parent / "controlplane"
_SOURCES = ("go.mod", "go.sum", "main.go")
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def version() -> str:
    """Return the Kubernetes version that `go.mod` requires, such as `v1.37.2`."""
    return gomodule.required(_SOURCE, "k8s.io/kubernetes")


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
    gomodule.build(
        _SOURCE,
        folder / "controlplane",
        link_flags=_link_flags(),
        what=f"the Kubernetes {version()} control plane",
        minutes=6,
    )
    for name in PROGRAMS:
        (folder / name).symlink_to("controlplane")
