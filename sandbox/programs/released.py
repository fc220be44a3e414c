"""The control plane as its projects release it: a download instead of a five-minute build.

What is used has the SHA-512 that stands in this repository (``controlplane/released.json``): a
checksum from the place of the download would change with it. Programs that nobody has pinned are
built from source, which ``go.sum`` pins. ``make pin-controlplane`` writes the file anew, to be
reviewed: Kubernetes publishes each program with its SHA-512; etcd comes out of the envtest archive
of the same minor version, whose SHA-512 is in the envtest index.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
import tarfile
import tempfile
from pathlib import Path
from urllib.request import urlopen

import yaml

from sandbox.processes.progress import say, step

PINS = Path(__file__).parent / "controlplane" / "released.json"
KUBERNETES = "https://dl.k8s.io/release"
ENVTEST_INDEX = (
    "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"
)

_CONNECT_TIMEOUT = 3.0
_CHUNK = 1 << 20
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_KUBERNETES_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kubectl")


class _UnusableError(Exception):
    """A download is missing, or is not what its checksum says."""


def download(version: str, folder: Path, pins: Path = PINS) -> bool:
    """Put the released programs of Kubernetes `version` into `folder`.

    Returns False, with `folder` left empty, when they cannot be had or verified: nothing pinned for
    this machine, no network, or another digest than the pinned one.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None or not sys.platform.startswith("linux"):
        return False
    pinned = json.loads(pins.read_text(encoding="utf-8")).get(version, {}).get(architecture)
    if not pinned:
        return False
    try:
        with step(f"Downloading the Kubernetes {version} control plane"):
            for name in _KUBERNETES_PROGRAMS:
                address, digest = pinned[name]
                _save(address, digest, folder / name)
            with tempfile.NamedTemporaryFile(dir=folder) as packed:
                address, digest = pinned["etcd"]
                _save(address, digest, Path(packed.name))
                _unpack_etcd(Path(packed.name), folder / "etcd")
    except (OSError, ValueError, tarfile.TarError, _UnusableError) as error:
        for partial in folder.iterdir():
            partial.unlink()
        reason = getattr(error, "reason", error)
        say(f"The released control plane cannot be used here ({reason}); building it instead.")
        return False
    for program in folder.iterdir():
        program.chmod(0o755)
    return True


def pin(version: str, pins: Path = PINS) -> None:
    """Write addresses and digests of a version into the file, in place of those of others.

    Raises:
        OSError, ValueError: the release, or its envtest archive, cannot be had.
    """
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for architecture in sorted(set(_ARCHITECTURES.values())):
        base = f"{KUBERNETES}/{version}/bin/linux/{architecture}"
        found[architecture] = {
            name: (f"{base}/{name}", _text(f"{base}/{name}.sha512").split(maxsplit=1)[0].lower())
            for name in _KUBERNETES_PROGRAMS
        }
        found[architecture]["etcd"] = _envtest_archive(version, architecture)
    pins.write_text(json.dumps({version: found}, indent=2, sort_keys=True) + "\n", "utf-8")


def _envtest_archive(version: str, architecture: str) -> tuple[str, str]:
    """Return address and SHA-512 of the newest envtest archive of the minor version."""
    minor = ".".join(version.split(".")[:2])
    releases = yaml.safe_load(_text(ENVTEST_INDEX))["releases"]
    candidates = [name for name in releases if re.fullmatch(re.escape(minor) + r"\.\d+", name)]
    if not candidates:
        raise ValueError(f"no envtest release of {minor}")
    newest = max(candidates, key=lambda name: int(name.rpartition(".")[2]))
    found = releases[newest].get(f"envtest-{newest}-linux-{architecture}.tar.gz")
    if not found:
        raise ValueError(f"no envtest release of {newest} for {architecture}")
    return found["selfLink"], found["hash"].lower()


def _text(address: str) -> str:
    with urlopen(address, timeout=_CONNECT_TIMEOUT) as answer:  # noqa: S310 constants above
        text: str = answer.read().decode().strip()
        return text


def _save(address: str, checksum: str, target: Path) -> None:
    seen = hashlib.sha512()
    with urlopen(address, timeout=_CONNECT_TIMEOUT) as answer, target.open("wb") as output:  # noqa: S310
        while chunk := answer.read(_CHUNK):
            seen.update(chunk)
            output.write(chunk)
    if seen.hexdigest() != checksum:
        raise _UnusableError(f"{address} is not what was pinned")


def _unpack_etcd(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and Path(member.name).name == "etcd":
                content = packed.extractfile(member)
                if content is not None:
                    target.write_bytes(content.read())
                    return
    raise _UnusableError("the envtest archive holds no etcd")


if __name__ == "__main__":
    pin(sys.argv[1])
