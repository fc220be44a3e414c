"""Runs of the command line against the sandbox of a pilot, or of a pipeline that is kept live."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Protocol

from sandbox import Sandbox
from tests.integration.pilot import CLUSTER
from tests.terminal import Done, on_terminal, piped, process


class Place(Protocol):
    """Where the commands look: a pilot, or a live pipeline."""

    @property
    def sandbox(self) -> Sandbox:
        """Cluster and AWS."""


def environment(place: Place) -> dict[str, str]:
    """Kubeconfig of an administrator, and the credential of the sandbox's account."""
    return {
        **place.sandbox.aws_environment(),
        "KUBECONFIG": str(place.sandbox.kubeconfig),
        "CLICKSTREAM_CLUSTER_ID": CLUSTER,
    }


def called(place: Place, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A run with pipes."""
    return process(arguments, environment={**environment(place), **settings})


def answered(place: Place, *arguments: str, **settings: str) -> Any:
    """The answer of a run as data."""
    done = called(place, *arguments, "-o", "json", **settings)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def inside(place: Place, *arguments: str, **settings: str) -> Done:
    """A run with pipes in this process: for tests that call many commands."""
    return piped(arguments, environment={**environment(place), **settings})


def shown(place: Place, *arguments: str, columns: int = 80) -> tuple[int, str]:
    """Exit code, and what a terminal shows."""
    return on_terminal(arguments, columns=columns, environment=environment(place))
