"""`make vulnerabilities` against a list of known vulnerabilities on loopback, in OSV's form."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.audit, pytest.mark.usefixtures("audit_tools")]

ROOT = Path(__file__).parents[2]
ID = "GHSA-aaaa-bbbb-cccc"
KNOWN = {
    "id": ID,
    "modified": "2026-01-01T00:00:00Z",
    "published": "2026-01-01T00:00:00Z",
    "summary": "Made up by a test",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "kopf"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
        }
    ],
}


@pytest.fixture
def served() -> Iterator[tuple[str, set[str]]]:
    """Address of the list, and the packages that were asked for."""
    asked: set[str] = set()

    class List(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question: Any = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = question["package"]["name"]
            asked.add(name)
            answer = json.dumps({"vulns": [KNOWN]} if name == "kopf" else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), List)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def compare(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the target against the list at an address."""

    def run(address: str, *more: str) -> subprocess.CompletedProcess[str]:
        where = f"-s osv --osv-url {address} --cache-dir {tmp_path} --timeout 5"
        return subprocess.run(
            ["make", "-s", "vulnerabilities", f"VULNERABILITY_LIST={where}", *more],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_known_vulnerability_of_a_locked_package_fails(
    served: tuple[str, set[str]], compare: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The package and the vulnerability are named; one that was accepted passes."""
    address, asked = served
    done = compare(address)
    assert done.returncode != 0
    assert "kopf" in done.stdout
    assert ID in done.stdout
    # Of every list of locked packages that people run or develop with.
    assert {"boto3", "duckdb", "ministack", "pytest"} <= asked

    accepted = compare(address, f"ACCEPTED={ID}")
    assert accepted.returncode == 0, accepted.stderr


def test_a_list_that_does_not_answer_fails(
    compare: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """No answer is not the answer that there are none."""
    done = compare("http://127.0.0.1:9")
    assert done.returncode != 0
