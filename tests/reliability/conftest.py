"""The strict AWS in front of an emulator of its own, without a Kubernetes API."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.aws import emulator
from sandbox.aws.emulator import Emulator
from sandbox.aws.strict import StrictAws
from sandbox.aws.strict.process import StrictAwsProcess
from sandbox.processes.run import Run


@pytest.fixture(scope="session")
def emulated() -> Iterator[tuple[Emulator, StrictAws]]:
    """Yield a running emulator and the strict AWS in front of it."""
    with tempfile.TemporaryDirectory(prefix="clickstream-strict-aws-") as folder:
        run = Run.create(Path(folder))
        behind = Emulator(emulator.locate(), enforce=False)
        proxy = StrictAwsProcess(behind.endpoint, ["none"])
        try:
            run.start(behind.program(), proxy.program())
            yield behind, proxy.client
        finally:
            run.stop()
            behind.release_port()
            proxy.release_port()


@pytest.fixture
def strict(emulated: tuple[Emulator, StrictAws]) -> StrictAws:
    """Return the strict AWS without rules, on an empty emulator, with its clock stopped."""
    behind, proxy = emulated
    behind.reset()
    proxy.reset(["none"])
    proxy.run_clock(0)
    return proxy
