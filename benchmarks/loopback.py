"""Functions under measurement: against stores without network, or a server on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

from detector.detector import Detector
from processor.processor import Processor
from shared.runtime import Clients
from tests.lambdas.pipelines import KEY, NOW, make_config

_SERVER: Final = """
import http.server
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for each answer, as AWS sends it: two would be read in two turns.
    wbufsize = -1
    disable_nagle_algorithm = True
    def handle_expect_100(self):
        # PutObject waits for it before it sends its body.
        answer = super().handle_expect_100()
        self.wfile.flush()
        return answer
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


_ENVIRONMENT: Final = {
    "AWS_DEFAULT_REGION": "us-east-1",
    **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "any"),
}


@contextmanager
def loopback_clients() -> Iterator[Clients]:
    """Clients of a process that takes every request."""
    with server() as address, mock.patch.dict(os.environ, _ENVIRONMENT, AWS_ENDPOINT_URL=address):
        yield Clients()


@contextmanager
def server() -> Iterator[str]:
    """A process that takes every request; yields its address."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True
    ) as one:
        assert one.stdout is not None  # noqa: S101 - Popen was given a pipe
        try:
            yield f"http://127.0.0.1:{one.stdout.readline().strip()}"
        finally:
            one.terminate()


class Taker:
    """A service without network that takes everything."""

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        """Return an operation that answers with nothing."""
        return lambda **_: {}


def make_processor(dynamodb: Any, s3: Any, threads: int, sqs: Any = None) -> Processor:
    """Return a processor with these stores; its lines go nowhere."""
    return Processor(
        make_config(),
        dynamodb=dynamodb,
        s3=s3,
        sqs=sqs or Taker(),
        hash_key=KEY,
        clock=lambda: NOW,
        threads=threads,
        out=lambda _: None,
    )


def make_detector(dynamodb: Any, sns: Any, threads: int) -> Detector:
    """Return a detector with these stores; its lines go nowhere."""
    return Detector(
        make_config(),
        dynamodb=dynamodb,
        sns=sns,
        hash_key=KEY,
        clock=lambda: NOW,
        threads=threads,
        out=lambda _: None,
    )
