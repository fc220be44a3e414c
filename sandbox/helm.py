"""Helm 3 and Helm 4, built from the modules in `sandbox/helm/`, whose go.sum pins every source.

Both majors are in use: 4 applies on the server's side and waits by kstatus, 3 does neither.
"""

from __future__ import annotations

import os
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox import cache, toolchain
from sandbox.binaries import version as kubernetes_version
from sandbox.errors import SandboxError
from sandbox.processes import tail
from sandbox.progress import say, step

MAJORS: Final = (3, 4)
_HOMES: Final = ("CACHE", "CONFIG", "DATA")

_SOURCE: Final = Path(__file__).parent / "helm"
_REQUIRED: Final = re.compile(r"^\s*helm\.sh/helm/v\d+ (v\d+\.\d+\.\d+)", re.MULTILINE)
_GO: Final = re.compile(r"^go (\d+)\.(\d+)", re.MULTILINE)


def version(major: int) -> str:
    """Return the release of a major that its go.mod requires, such as `v4.3.1`."""
    return _found(_REQUIRED, major)[1]


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
    numbers = _found(_GO, major)
    go = toolchain.locate(minimum=(int(numbers[1]), int(numbers[2])))
    log = folder / "build.log"
    command = [go, "build", "-trimpath", "-mod=readonly", "-buildvcs=false"]
    command += ["-ldflags", _link_flags(major), "-o", str(folder / "helm")]
    command.append(f"helm.sh/helm/v{major}/cmd/helm")
    say("The next step is needed once and takes about 2 minutes on 2 cores.")
    with step(f"Building Helm {version(major)}"), log.open("wb") as output:
        code = subprocess.run(
            command,
            cwd=_SOURCE / str(major),
            env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
            | {"GOFLAGS": ""},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code:
        kept = cache.root() / f"helm{major}-build.log"
        log.replace(kept)
        raise SandboxError(f"go build of Helm {major} failed.\n{tail(kept)}")
    log.unlink()


def _found(pattern: re.Pattern[str], major: int) -> re.Match[str]:
    found = pattern.search((_SOURCE / str(major) / "go.mod").read_text())
    if found is None:
        raise SandboxError(f"{_SOURCE / str(major) / 'go.mod'}: no match for {pattern.pattern}")
    return found


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
        """Return the objects of `helm template`, in its order; `args` are further options."""
        text = self.run("template", release, str(chart), *args).stdout
        return [one for one in yaml.safe_load_all(text) if one is not None]
