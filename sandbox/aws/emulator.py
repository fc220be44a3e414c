"""The AWS side: ministack in a virtual environment of its own, on one loopback port.

It keeps its state in memory, runs Lambda functions as child processes with its own interpreter, and
takes a 12-digit access key for the account of that number.
"""

from __future__ import annotations

from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.errors import SandboxError
from sandbox.processes.ports import LOOPBACK, Reservation
from sandbox.processes.run import Program
from sandbox.programs import toolchain

NAME = "ministack"
ACCOUNT = "123456789012"
REGION = "us-east-1"

_LOCK = Path(__file__).parents[2] / "locks" / "emulator.txt"
_SCRIPT = Path(__file__).with_name("corrected_emulator.py")
_TIMEOUT = 10.0


def locate() -> Path:
    """Return the interpreter that has ministack; the first call on a machine installs it."""
    name = "Installing the AWS emulator (ministack)"
    return toolchain.environment("emulator", _LOCK, name) / "bin" / "python"


class Emulator:
    """One ministack; `enforce` makes it refuse what the caller's IAM policies do not allow."""

    def __init__(self, python: Path, *, enforce: bool) -> None:
        self._python = python
        self._enforce = enforce
        self._port = Reservation()
        self.endpoint = f"http://{self._port.address}"

    def program(self) -> Program:
        """Return the program to start; starting it again serves an empty state on the same port."""
        return Program(
            name=NAME,
            # Without -P the modules of this package would be top-level modules of the emulator.
            command=[str(self._python), "-P", str(_SCRIPT)],
            address=self.endpoint,
            ready=self._ready,
            environment={
                "AUTH": str(self._enforce).lower(),
                "BIND_HOST": LOOPBACK,  # Its default is every interface.
                "GATEWAY_PORT": str(self._port.port),
                "IOT_MTLS_ENABLED": "0",
                "LAMBDA_EXECUTOR": "local",
                "MINISTACK_ACCOUNT_ID": ACCOUNT,
                "MINISTACK_HOST": LOOPBACK,
                "MINISTACK_REGION": REGION,
                "PERSIST_STATE": "0",
                "PYTHONNOUSERSITE": "1",
                "PYTHONUNBUFFERED": "1",
                "S3_PERSIST": "0",
                "SFTP_ENABLED": "0",
            },
        )

    def reset(self) -> None:
        """Wipe every service of every account."""
        try:
            self._call("POST", "/_ministack/reset")
        except OSError as error:
            raise SandboxError(f"The AWS emulator could not be reset: {error}") from error

    def release_port(self) -> None:
        """Drop the reservation of the port."""
        self._port.release()

    def _ready(self) -> bool:
        try:
            self._call("GET", "/_ministack/ready")
        except OSError:
            return False
        return True

    def _call(self, method: str, path: str) -> None:
        request = Request(self.endpoint + path, method=method)  # noqa: S310 http on loopback
        with build_opener(ProxyHandler({})).open(request, timeout=_TIMEOUT):
            return
