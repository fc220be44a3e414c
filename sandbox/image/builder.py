"""Build the image with docker, podman or buildah, whichever works here."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sandbox.errors import SandboxError

ROOT: Final = Path(__file__).parents[2]
NAME: Final = "clickstream-operator"

#: Which command shows that a builder works, best first: docker is of no use without its daemon.
_PROBES: Final[dict[str, list[str]]] = {
    "docker": ["docker", "info"],
    "podman": ["podman", "info"],
    "buildah": ["buildah", "--version"],
}
#: What of pip's settings leads to packages; a build in a container must follow the same way.
_PIP_OPTIONS: Final = ("index-url", "extra-index-url", "proxy", "timeout", "trusted-host")
#: What buildah says where its container runtime can't work, such as inside of a container.
_NO_RUNTIME: Final = "while running runtime"
_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"


def choose(wanted: str | None = None) -> str:
    """Return the builder to use: `wanted`, or the first that works.

    Raises:
        SandboxError: none works here.
    """
    candidates = [wanted] if wanted else list(_PROBES)
    for name in candidates:
        if shutil.which(name) and _works(_PROBES[name]):
            return name
    installed = [name for name in candidates if shutil.which(name)]
    found = f"{', '.join(installed)} does not answer (is its daemon running?)" if installed else ""
    raise SandboxError(
        f"No builder of images works here: {found or 'none of ' + ', '.join(candidates)}. "
        "Start Docker, or install podman or buildah (Debian: apt-get install buildah)."
    )


def _works(probe: list[str]) -> bool:
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def build(
    tag: str,
    *,
    program: Sequence[str],
    arguments: Mapping[str, str],
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> None:
    """Build the image `tag` with `program` (a builder, with its global options).

    pip's index and the certificate authorities of this machine reach the build as secrets: they are
    there while pip runs, and in no layer.

    Raises:
        SandboxError: the build failed; the message holds the end of its output.
    """
    with tempfile.TemporaryDirectory(prefix="clickstream-image-") as folder:
        secrets = _secrets(Path(folder))
        command = [
            *program,
            "build",
            *options,
            *(
                word
                for name, path in secrets.items()
                for word in ("--secret", f"id={name},src={path}")
            ),
            *(
                word
                for name, value in arguments.items()
                for word in ("--build-arg", f"{name}={value}")
            ),
            "--tag",
            tag,
            str(ROOT),
        ]
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode:
        end = "\n".join(done.stdout.strip().splitlines()[-15:])
        remedy = (
            "\nNo container runtime works here. Build without one: set BUILDAH_ISOLATION=chroot, "
            "and STORAGE_DRIVER=vfs where overlays can't be mounted, then try again."
            if _NO_RUNTIME in done.stdout
            else ""
        )
        raise SandboxError(
            f"{program[0]} could not build the image; its last lines:\n{end}{remedy}"
        )


def _secrets(folder: Path) -> dict[str, Path]:
    settings = configparser.ConfigParser(interpolation=None)
    settings["global"] = {"cert": _CERTIFICATES}
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    for name in _PIP_OPTIONS:
        found = re.findall(rf"^\S+\.{name}='(.*)'$", listed.stdout, re.MULTILINE)
        if found:
            # The last line wins, as in pip: variables come after files.
            settings["global"][name] = found[-1].replace("\\n", "\n")
    certificates = Path(os.environ.get("SSL_CERT_FILE") or _CERTIFICATES)
    if not certificates.exists():
        return {}
    path = folder / "pip.conf"
    with path.open("w") as file:
        settings.write(file)
    return {"pip.conf": path, "ca.crt": certificates}


def arguments(base: str | None = None) -> dict[str, str]:
    """Return the build arguments that describe this checkout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = {"VERSION": str(project["version"]), "REVISION": _git("rev-parse", "HEAD")}
    # Credentials in the address must not be printed.
    found["SOURCE"] = re.sub(r"//[^/@]*@", "//", _git("remote", "get-url", "origin"))
    found["BASE"] = base or ""
    return {name: value for name, value in found.items() if value}


def _git(*words: str) -> str:
    if shutil.which("git") is None:
        return ""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
