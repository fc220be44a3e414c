"""Released programs are used only if every one has the digest that the repository pins."""

import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.programs import released

VERSION = "v1.37.2"
BASE = f"/release/{VERSION}/bin/linux/amd64"
ARCHITECTURES = ("amd64", "arm64")


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
        """Serve a program and its checksum, for each kind of machine."""
        for architecture in ARCHITECTURES:
            path = f"/release/{VERSION}/bin/linux/{architecture}/{name}"
            self[path] = content
            self[f"{path}.sha512"] = hashlib.sha512(content).hexdigest().encode()

    def publish_envtest(self, version: str, content: bytes) -> None:
        """Serve an envtest archive and list it in the index."""
        path = f"/envtest-{version}.tar.gz"
        index = json.loads(self.get("/index.yaml", b'{"releases": {}}'))
        index["releases"][version] = {
            f"envtest-{version}-linux-{architecture}.tar.gz": {
                "hash": hashlib.sha512(content).hexdigest(),
                "selfLink": self.address + path,
            }
            for architecture in ARCHITECTURES
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


@pytest.fixture
def pins(site: Site, tmp_path: Path) -> Path:
    """What was pinned of that release."""
    path = tmp_path / "released.json"
    released.pin(VERSION, path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the programs go."""
    path = tmp_path / "programs"
    path.mkdir()
    return path


def test_a_pinned_release_is_used(pins: Path, folder: Path) -> None:
    """All four programs, executable, etcd from the newest archive of the minor version."""
    assert released.download(VERSION, folder, pins)
    found = {path.name: path.read_text() for path in folder.iterdir()}
    assert found == {
        name: name for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
    }
    assert all(path.stat().st_mode & 0o111 for path in folder.iterdir())


@pytest.mark.parametrize("path", [f"{BASE}/kubectl", "/envtest-v1.37.1.tar.gz"])
def test_a_wrong_checksum_is_refused(site: Site, pins: Path, folder: Path, path: str) -> None:
    """What was changed on the way is not run, and nothing of it stays."""
    site[path] += b"!"
    assert not released.download(VERSION, folder, pins)
    assert list(folder.iterdir()) == []


def test_a_release_that_was_replaced_with_its_checksums_is_refused(
    site: Site, pins: Path, folder: Path
) -> None:
    """Whoever can change a program where it is published can change its checksum there."""
    site.publish("kubectl", b"of somebody else")
    site.publish_envtest("v1.37.3", archive("etcd"))
    site.publish_envtest("v1.37.1", archive("kube-apiserver", "etcd", "of-somebody-else"))
    assert not released.download(VERSION, folder, pins)
    assert list(folder.iterdir()) == []


def test_what_nobody_pinned_is_not_even_fetched(site: Site, folder: Path, tmp_path: Path) -> None:
    """It is built from source, which go.sum pins."""
    nothing = tmp_path / "nothing.json"
    nothing.write_text("{}")
    before = dict(site)
    site.clear()
    assert not released.download(VERSION, folder, nothing)
    site.update(before)
    assert not released.download("v1.36.0", folder, nothing)


def test_the_file_in_the_repository_pins_by_digest() -> None:
    """Whatever it lists; no address is there without one."""
    listed = json.loads(released.PINS.read_text())
    for machines in listed.values():
        for programs in machines.values():
            assert set(programs) == {
                "etcd", "kube-apiserver", "kube-controller-manager", "kubectl",
            }  # fmt: skip
            for address, digest in programs.values():
                assert address.startswith("https://")
                assert re.fullmatch("[0-9a-f]{128}", digest)


@pytest.mark.parametrize("path", [f"{BASE}/kubectl", "/envtest-v1.37.1.tar.gz"])
def test_an_incomplete_release_is_refused(site: Site, pins: Path, folder: Path, path: str) -> None:
    """A part that is gone leaves nothing behind."""
    del site[path]
    assert not released.download(VERSION, folder, pins)
    assert list(folder.iterdir()) == []


def test_an_archive_without_etcd_is_refused(site: Site, folder: Path, tmp_path: Path) -> None:
    """An archive that changed its shape is as good as none."""
    site.publish_envtest("v1.37.2", archive("kubectl"))
    path = tmp_path / "released.json"
    released.pin(VERSION, path)
    assert not released.download(VERSION, folder, path)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("index", [b"releases: {v1.36.0: {}}", b"releases: {v1.37.0: {}}"])
def test_a_release_without_archive_cannot_be_pinned(
    site: Site, tmp_path: Path, index: bytes
) -> None:
    """An etcd of another minor version, or of another machine, is not taken."""
    site["/index.yaml"] = index
    with pytest.raises(ValueError, match="no envtest release"):
        released.pin(VERSION, tmp_path / "released.json")
    assert not (tmp_path / "released.json").exists()


def test_an_unknown_machine_has_no_release(
    pins: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It builds from source instead."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert not released.download(VERSION, folder, pins)
