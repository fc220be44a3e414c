"""Runs of the command line against the sandbox of a pilot."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.integration.pilot import CLUSTER, Pilot
from tests.terminal import on_terminal, process


def environment(pilot: Pilot) -> dict[str, str]:
    """Kubeconfig of an administrator, and the credential of the pilot's account."""
    return {
        **pilot.sandbox.aws_environment(),
        "KUBECONFIG": str(pilot.sandbox.kubeconfig),
        "CLICKSTREAM_CLUSTER_ID": CLUSTER,
    }


def called(pilot: Pilot, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A run with pipes."""
    return process(arguments, environment={**environment(pilot), **settings})


def answered(pilot: Pilot, *arguments: str, **settings: str) -> Any:
    """The answer of a run as data."""
    done = called(pilot, *arguments, "-o", "json", **settings)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def shown(pilot: Pilot, *arguments: str, columns: int = 80) -> tuple[int, str]:
    """Exit code, and what a terminal shows."""
    return on_terminal(arguments, columns=columns, environment=environment(pilot))
