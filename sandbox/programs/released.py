"""The control plane as its projects release it: a download instead of a five-minute build.

Kubernetes publishes each program with its SHA-512. etcd comes out of the envtest archive of the
same minor version, whose SHA-512 is in the envtest index. What has no published checksum, or
another one, is not used.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
import tarfile
import tempfile
from pathlib import Path
from urllib.request import urlopen

import yaml

from sandbox.processes.progress import say, step

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


def download(version: str, folder: Path) -> bool:
    """Put the released programs of Kubernetes `version` into `folder`.

    Returns False, with `folder` left empty, when they cannot be had or verified: no network, no
    release for this machine, or a checksum that does not match.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None or not sys.platform.startswith("linux"):
        return False
    try:
        base = f"{KUBERNETES}/{version}/bin/linux/{architecture}"
        checksums = {name: _text(f"{base}/{name}.sha512") for name in _KUBERNETES_PROGRAMS}
        archive, archive_checksum = _envtest_archive(version, architecture)
        with step(f"Downloading the Kubernetes {version} control plane"):
            for name, checksum in checksums.items():
                _save(f"{base}/{name}", checksum, folder / name)
            with tempfile.NamedTemporaryFile(dir=folder) as packed:
                _save(archive, archive_checksum, Path(packed.name))
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


def _envtest_archive(version: str, architecture: str) -> tuple[str, str]:
    """Return address and SHA-512 of the newest envtest archive of the minor version."""
    minor = ".".join(version.split(".")[:2])
    releases = yaml.safe_load(_text(ENVTEST_INDEX))["releases"]
    candidates = [name for name in releases if re.fullmatch(re.escape(minor) + r"\.\d+", name)]
    if not candidates:
        raise _UnusableError(f"no envtest release of {minor}")
    newest = max(candidates, key=lambda name: int(name.rpartition(".")[2]))
    found = releases[newest].get(f"envtest-{newest}-linux-{architecture}.tar.gz")
    if not found:
        raise _UnusableError(f"no envtest release of {newest} for {architecture}")
    return found["selfLink"], found["hash"]


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
    if seen.hexdigest() != checksum.split(maxsplit=1)[0].lower():
        raise _UnusableError(f"the checksum of {address} does not match")


def _unpack_etcd(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and Path(member.name).name == "etcd":
                content = packed.extractfile(member)
                if content is not None:
                    target.write_bytes(content.read())
                    return
    raise _UnusableError("the envtest archive holds no etcd")
