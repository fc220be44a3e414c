"""The proxy as a program of a sandbox."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.aws.strict.client import StrictAws
from sandbox.processes.ports import Reservation
from sandbox.processes.run import Program

NAME: Final = "strict-aws"


class StrictAwsProcess:
    """One proxy in front of `upstream`. `rules`: True for all, or names as `--rules` takes them."""

    def __init__(self, upstream: str, rules: bool | Sequence[str]) -> None:  # noqa: FBT001
        self._upstream = upstream
        self._rules = ["all"] if isinstance(rules, bool) else list(rules)
        self._port = Reservation()
        self.client = StrictAws(f"http://{self._port.address}")

    def program(self) -> Program:
        """Return the program to start."""
        return Program(
            name=NAME,
            command=[
                sys.executable,
                "-m",
                "sandbox.aws.strict",
                f"--listen={self._port.address}",
                f"--upstream={self._upstream}",
                f"--rules={','.join(self._rules)}",
            ],
            address=self.client.endpoint,
            ready=self.client.ready,
            environment={
                "PYTHONPATH": str(Path(__file__).parents[3]),
                "PYTHONDONTWRITEBYTECODE": "1",  # Only what the user runs may write into the tree.
            },
        )

    def release_port(self) -> None:
        """Drop the reservation of the port."""
        self._port.release()
