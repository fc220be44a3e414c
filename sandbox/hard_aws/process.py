"""The proxy as a program of a sandbox."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.hard_aws.client import HardAws
from sandbox.ports import Reservation
from sandbox.run import Program

NAME: Final = "hard-aws"


class HardAwsProcess:
    """One proxy in front of `upstream`. `rules`: True for all, or names as `--rules` takes them."""

    def __init__(self, upstream: str, rules: bool | Sequence[str]) -> None:  # noqa: FBT001
        self._upstream = upstream
        self._rules = ["all"] if isinstance(rules, bool) else list(rules)
        self._port = Reservation()
        self.client = HardAws(f"http://{self._port.address}")

    def program(self) -> Program:
        """Return the program to start."""
        return Program(
            name=NAME,
            command=[
                sys.executable,
                "-m",
                "sandbox.hard_aws",
                f"--listen={self._port.address}",
                f"--upstream={self._upstream}",
                f"--rules={','.join(self._rules)}",
            ],
            address=self.client.endpoint,
            ready=self.client.ready,
            environment={
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "PYTHONDONTWRITEBYTECODE": "1",  # Only what the user runs may write into the tree.
            },
        )

    def release_port(self) -> None:
        """Drop the reservation of the port."""
        self._port.release()
