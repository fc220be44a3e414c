"""Helm 3 and Helm 4, built from the modules in `sandbox/helm/`, whose go.sum pins every source.

Both majors are in use: 4 applies on the server's side and waits by kstatus, 3 does neither.
"""

from __future__ import annotations

import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.programs import cache, gomodule
from sandbox.programs.binaries import version as kubernetes_version

MAJORS: Final = (3, 4)
_HOMES: Final = ("CACHE", "CONFIG", "DATA")

_SOURCE: Final = Path(__file__).parent / "helm"


def version(major: int) -> str:
    """Return the release of a major that its go.mod requires, such as `v4.3.1`."""
    return gomodule.required(_SOURCE / str(major), f"helm.sh/helm/v{major}")


def locate(major: int) -> Path:
    """Return the `helm` program of a major; the first call on a machine builds it.

    Raises:
        SandboxError: there is no Go, or the build failed.
    """
    sources = [(_SOURCE / str(major) / name).read_bytes() for name in ("go.mod", "go.sum")]
    key = cache.digest([*sources, _link_flags(major).encode()])
    return cache.entry(f"helm{major}-{key}", partial(_build, major)) / "helm"


def _link_flags(major: int) -> str:
    module = f"helm.sh/helm/v{major}"
    stamps = {f"{module}/internal/version.version": version(major)}
    if major == MAJORS[0]:
        # Unstamped, Helm 3 takes any cluster that it can't ask for Kubernetes 1.20. Helm 4 reads
        # the version of its client library instead.
        kubernetes = kubernetes_version().removeprefix("v").split(".")
        for package in ("pkg/chartutil", "pkg/lint/rules"):
            stamps[f"{module}/{package}.k8sVersionMajor"] = kubernetes[0]
            stamps[f"{module}/{package}.k8sVersionMinor"] = kubernetes[1]
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])


def _build(major: int, folder: Path) -> None:
    gomodule.build(
        _SOURCE / str(major),
        folder / "helm",
        link_flags=_link_flags(major),
        what=f"Helm {version(major)}",
        minutes=2,
        package=f"helm.sh/helm/v{major}/cmd/helm",
    )


class _Strict(yaml.SafeLoader):
    """A loader that refuses a key that is there twice, of which YAML allows one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """A mapping of as many keys as are written."""
        found = super().construct_mapping(node, deep=deep)
        if len(found) != len(node.value):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is there twice", node.start_mark
            )
        return dict(found)


class Helm:
    """One major of Helm with caches of its own in `home`, against the cluster of `kubeconfig`."""

    def __init__(self, major: int, *, home: Path, kubeconfig: Path | None = None) -> None:
        self.major = major
        self._program = locate(major)
        self._environment = {
            "PATH": os.defpath,
            "HOME": str(home),
            **{f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in _HOMES},
            # Without a cluster none may be found by chance.
            "KUBECONFIG": str(kubeconfig or os.devnull),
        }

    def run(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run helm.

        Raises:
            subprocess.CalledProcessError: `check` is true and it failed; the error carries stdout
                and stderr.
        """
        done = subprocess.run(
            [str(self._program), *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
        )
        if check and done.returncode:
            error = subprocess.CalledProcessError(
                done.returncode, done.args, done.stdout, done.stderr
            )
            error.add_note(done.stderr.strip())
            raise error
        return done

    def render(self, chart: Path, *args: str, release: str = "clickstream-operator") -> list[Any]:
        """Return the objects of `helm template`, in its order; `args` are further options.

        Raises:
            yaml.constructor.ConstructorError: a key is there twice, which strict parsers refuse.
        """
        text = self.run("template", release, str(chart), *args).stdout
        return [one for one in yaml.load_all(text, Loader=_Strict) if one is not None]
