"""Argo CD beside the sandbox: its programs, and one installation of plain processes.

There are no nodes, so nothing runs as a pod: the application controller, the repository server and
the API server are processes on loopback that use the sandbox's API server as their cluster.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.kubernetes.controlplane import healthy
from sandbox.kubernetes.crds import establish
from sandbox.processes.ports import LOOPBACK, Reservation, listening
from sandbox.processes.run import Program
from sandbox.programs import cache, gomodule

NAMESPACE: Final = "argocd"
MODULE: Final = "github.com/argoproj/argo-cd/v3"
PROGRAMS: Final = (
    "argocd",
    "argocd-application-controller",
    "argocd-redis",
    "argocd-repo-server",
    "argocd-server",
)

_SOURCE: Final = Path(__file__).parent / "argocd"
# The repository server runs these for every git source; its image has them on PATH.
_SCRIPTS: Final = ("git-verify-wrapper.sh", "gpg-wrapper.sh")
# Its metrics listener has no flag for the address, and nothing of the sandbox may listen beyond
# loopback.
_CORRECTION: Final = ("controller/appcontroller.go", '"0.0.0.0:%d"', f'"{LOOPBACK}:%d"')
_TIMEOUT: Final = 10.0


def version() -> str:
    """Return the release that `go.mod` requires, such as `v3.6.1`."""
    return gomodule.required(_SOURCE, MODULE)


def locate() -> Path:
    """Return a folder with `PROGRAMS`, scripts and `manifests/`; the first call builds it.

    Raises:
        SandboxError: there is no Go, or the build failed.
    """
    sources = [(_SOURCE / name).read_bytes() for name in ("go.mod", "go.sum", "main.go")]
    key = cache.digest([*sources, _link_flags().encode(), repr(_CORRECTION).encode()])
    return cache.entry(f"argocd-{key}", _fill)


def _link_flags() -> str:
    stamps = {"version": version().removeprefix("v"), "gitTag": version(), "gitTreeState": "clean"}
    return " ".join(
        ["-s", "-w", *(f"-X {MODULE}/common.{name}={value}" for name, value in stamps.items())]
    )


def _fill(folder: Path) -> None:
    source = gomodule.folder_of(_SOURCE, MODULE)
    with tempfile.TemporaryDirectory() as scratch:
        gomodule.build(
            _SOURCE,
            folder / "gitops",
            link_flags=_link_flags(),
            what=f"Argo CD {version()}",
            minutes=6,
            corrected=(MODULE, _corrected(source, Path(scratch) / "source")),
        )
    for name in PROGRAMS:
        (folder / name).symlink_to("gitops")
    for name in _SCRIPTS:
        shutil.copyfile(source / "hack" / name, folder / name)
        (folder / name).chmod(0o755)
    for part in ("crds", "base/config"):
        (folder / "manifests" / part).mkdir(parents=True)
        for manifest in (source / "manifests" / part).glob("*.yaml"):
            if manifest.name != "kustomization.yaml":
                shutil.copyfile(manifest, folder / "manifests" / part / manifest.name)


def _corrected(source: Path, copy: Path) -> Path:
    name, everywhere, loopback = _CORRECTION
    original = (source / name).read_text()
    if original.count(everywhere) != 1:
        raise SandboxError(f"{MODULE} {version()} listens elsewhere than {name} was known to.")
    # The module cache is read-only, and so would a copy with its modes be.
    shutil.copytree(source, copy, copy_function=shutil.copyfile)
    for folder in (copy, *copy.rglob("*/")):
        folder.chmod(0o755)
    (copy / name).write_text(original.replace(everywhere, loopback))
    return copy


class ArgoCD:
    """One Argo CD that deploys into the sandbox it is installed in.

    Args:
        sandbox: a running sandbox.
        settings: entries of the ConfigMap `argocd-cm`, such as a health check.
        helm: folder with a program named `helm`, for applications that are charts.
    """

    def __init__(
        self, sandbox: Sandbox, settings: dict[str, str], *, helm: Path | None = None
    ) -> None:
        self._sandbox = sandbox
        self._settings = settings
        self._programs = locate()
        self._helm = helm
        self._redis, self._repositories, self._api, *self._metrics = (
            Reservation() for _ in range(6)
        )

    @property
    def address(self) -> str:
        """Address of its API server, `127.0.0.1:<port>`."""
        return self._api.address

    def start(self) -> None:
        """Install it and start its processes.

        Raises:
            SandboxError: one of them ended, or was not ready in time.
        """
        kubectl = self._sandbox.kubectl
        manifests = self._programs / "manifests"
        apply = ("apply", "--server-side", "-f")
        kubectl("create", "namespace", NAMESPACE)
        establish(self._sandbox, manifests / "crds")
        kubectl(*apply, str(manifests / "base" / "config"), "-n", NAMESPACE)
        self.configure(self._settings)
        kubectl(*apply, "-", input=json.dumps(_DEFAULT_PROJECT))
        self._sandbox.run.start(self._redis_program(), self._repository_server())
        self._sandbox.run.start(self._controller(), self._server())

    def configure(self, settings: dict[str, str]) -> None:
        """Set entries of `argocd-cm`; the others stay."""
        patch = json.dumps({"data": settings})
        self._sandbox.kubectl("patch", "configmap/argocd-cm", "-n", NAMESPACE, "-p", patch)

    def run(self, *words: str) -> str:
        """Run the CLI against its API server and return what it prints.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        done = subprocess.run(
            [str(self._programs / "argocd"), "--server", self.address, "--plaintext", *words],
            env=self._environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            error = subprocess.CalledProcessError(done.returncode, done.args, done.stdout)
            # Its own message says only that the command failed.
            error.add_note(done.stderr.strip())
            raise error
        return done.stdout

    def links(self, application: str, *, namespace: str, name: str) -> dict[str, str]:
        """Return the deep links that the page of a pipeline shows: address by title."""
        query = urlencode(
            {
                "resourceName": name,
                "namespace": namespace,
                "group": "clickstream.dev",
                "version": "v1alpha1",
                "kind": "ClickstreamPipeline",
            }
        )
        path = f"http://{self.address}/api/v1/applications/{application}/resource/links?{query}"
        with build_opener(ProxyHandler({})).open(path, timeout=_TIMEOUT) as answer:
            links = json.load(answer).get("items", [])
        return {link["title"]: link["url"] for link in links}

    def stop(self) -> None:
        """End its processes."""
        for name in PROGRAMS[1:]:
            self._sandbox.run.stop_component(name)
        for port in (self._redis, self._repositories, self._api, *self._metrics):
            port.release()

    def _environment(self) -> dict[str, str]:
        home = self._sandbox.run.folder / "argocd"
        folders = {
            name: home / name for name in ("home", "tmp", "gnupg", "gpg", "tls", "ssh", "plugins")
        }
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        path = [self._programs, *([self._helm] if self._helm else [])]
        return {
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "KUBECONFIG": str(self._sandbox.kubeconfig),
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_GNUPGHOME": str(folders["gnupg"]),
            "ARGOCD_GPG_DATA_PATH": str(folders["gpg"]),
            "ARGOCD_TLS_DATA_PATH": str(folders["tls"]),
            "ARGOCD_SSH_DATA_PATH": str(folders["ssh"]),
            "ARGOCD_PLUGINSOCKFILEPATH": str(folders["plugins"]),
            # A commit is seen when the test says so, not when its two seconds are over.
            "ARGOCD_SYNC_WAVE_DELAY": "1",
            "HOME": str(folders["home"]),
            "TMPDIR": str(folders["tmp"]),
            "PATH": os.pathsep.join([*map(str, path), os.environ.get("PATH", os.defpath)]),
        }

    def _program(self, name: str, address: str, ready: str | None, *flags: str) -> Program:
        return Program(
            name=name,
            command=[str(self._programs / name), *flags],
            address=address,
            ready=partial(healthy, ready) if ready else partial(listening, address),
            environment=self._environment(),
        )

    def _redis_program(self) -> Program:
        address = self._redis.address
        return self._program("argocd-redis", address, None, f"--address={address}")

    def _repository_server(self) -> Program:
        metrics = self._metrics[0]
        return self._program(
            "argocd-repo-server",
            self._repositories.address,
            None,
            f"--address={LOOPBACK}",
            f"--port={self._repositories.port}",
            f"--metrics-address={LOOPBACK}",
            f"--metrics-port={metrics.port}",
            f"--redis={self._redis.address}",
            "--disable-tls",
            "--client-ca-path=",
            "--revision-cache-expiration=5s",
        )

    def _controller(self) -> Program:
        metrics = self._metrics[1]
        return self._program(
            "argocd-application-controller",
            metrics.address,
            f"http://{metrics.address}/healthz",
            f"--namespace={NAMESPACE}",
            f"--metrics-port={metrics.port}",
            f"--repo-server={self._repositories.address}",
            f"--redis={self._redis.address}",
            "--repo-server-plaintext",
            "--app-resync=10",
            "--app-resync-jitter=0",
            "--self-heal-timeout-seconds=2",
            "--persist-resource-health",
        )

    def _server(self) -> Program:
        metrics = self._metrics[2]
        return self._program(
            "argocd-server",
            self.address,
            f"http://{self.address}/healthz",
            f"--namespace={NAMESPACE}",
            f"--address={LOOPBACK}",
            f"--port={self._api.port}",
            f"--metrics-address={LOOPBACK}",
            f"--metrics-port={metrics.port}",
            f"--repo-server={self._repositories.address}",
            f"--redis={self._redis.address}",
            "--disable-auth",
            "--insecure",
            "--repo-server-plaintext",
        )


_DEFAULT_PROJECT: Final = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AppProject",
    "metadata": {"name": "default", "namespace": NAMESPACE},
    "spec": {
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*", "server": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    },
}
