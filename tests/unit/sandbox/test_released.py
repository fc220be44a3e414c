"""Released programs are used only if every one matches its published checksum."""

import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.programs import released

VERSION = "v1.37.2"
BASE = f"/release/{VERSION}/bin/linux/amd64"


def archive(*names: str) -> bytes:
    """Return a .tar.gz whose members hold their own names."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as output:
        for name in names:
            member = tarfile.TarInfo(f"controller-tools/envtest/{name}")
            member.size = len(name)
            output.addfile(member, io.BytesIO(name.encode()))
    return packed.getvalue()


class Site(dict[str, bytes]):
    """What the release site serves: path -> content."""

    address: str

    def publish(self, name: str, content: bytes) -> None:
        """Serve a program and its checksum."""
        self[f"{BASE}/{name}"] = content
        self[f"{BASE}/{name}.sha512"] = hashlib.sha512(content).hexdigest().encode()

    def publish_envtest(self, version: str, content: bytes) -> None:
        """Serve an envtest archive and list it in the index."""
        path = f"/envtest-{version}.tar.gz"
        index = json.loads(self.get("/index.yaml", b'{"releases": {}}'))
        index["releases"][version] = {
            f"envtest-{version}-linux-amd64.tar.gz": {
                "hash": hashlib.sha512(content).hexdigest(),
                "selfLink": self.address + path,
            }
        }
        self["/index.yaml"] = json.dumps(index).encode()
        self[path] = content


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Serve a complete release on loopback."""
    content = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = content.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Keep the test output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        content.address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(released, "KUBERNETES", f"{content.address}/release")
        monkeypatch.setattr(released, "ENVTEST_INDEX", f"{content.address}/index.yaml")
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for name in ("kube-apiserver", "kube-controller-manager", "kubectl"):
            content.publish(name, name.encode())
        content.publish_envtest("v1.36.9", archive("etcd-of-another-minor-version"))
        content.publish_envtest("v1.37.0", archive("etcd-of-an-older-patch"))
        content.publish_envtest("v1.37.1", archive("kube-apiserver", "etcd", "kubectl"))
        yield content
        server.shutdown()


def test_a_complete_release_is_used(site: Site, tmp_path: Path) -> None:
    """All four programs, executable, etcd from the newest archive of the minor version."""
    assert released.download(VERSION, tmp_path)
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {
        name: name for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
    }
    assert all(path.stat().st_mode & 0o111 for path in tmp_path.iterdir())


@pytest.mark.parametrize("path", [f"{BASE}/kubectl", "/envtest-v1.37.1.tar.gz"])
def test_a_wrong_checksum_is_refused(site: Site, tmp_path: Path, path: str) -> None:
    """What was changed on the way is not run, and nothing of it stays."""
    site[path] += b"!"
    assert not released.download(VERSION, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [f"{BASE}/kubectl.sha512", f"{BASE}/kubectl", "/index.yaml"])
def test_an_incomplete_release_is_refused(site: Site, tmp_path: Path, path: str) -> None:
    """Without a checksum there is no download."""
    del site[path]
    assert not released.download(VERSION, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_without_etcd_is_refused(site: Site, tmp_path: Path) -> None:
    """An archive that changed its shape is as good as none."""
    site.publish_envtest("v1.37.2", archive("kubectl"))
    assert not released.download(VERSION, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_minor_version_without_archive_is_refused(site: Site, tmp_path: Path) -> None:
    """An etcd of another minor version is not taken."""
    site["/index.yaml"] = b"releases: {v1.36.0: {}}"
    assert not released.download(VERSION, tmp_path)


def test_an_unknown_machine_has_no_release(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It builds from source instead."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert not released.download(VERSION, tmp_path)
