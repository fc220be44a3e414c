"""The hard AWS in front of an emulator of its own, without a Kubernetes API: it starts at once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import binaries, emulator
from sandbox.emulator import Emulator
from sandbox.hard_aws import HardAws
from sandbox.hard_aws.process import HardAwsProcess
from sandbox.run import Run

_NEEDED = {"emulated", "hard"}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fill the sandbox's cache before the first test, outside the timeout of any."""
    wanted = any(_NEEDED & set(getattr(item, "fixturenames", ())) for item in session.items)
    if wanted and not session.config.option.collectonly:
        capture = session.config.pluginmanager.getplugin("capturemanager")
        assert capture is not None
        with capture.global_and_fixture_disabled():
            binaries.locate()
            emulator.locate()


@pytest.fixture(scope="session")
def emulated() -> Iterator[tuple[Emulator, HardAws]]:
    """Yield a running emulator and the hard AWS in front of it."""
    with tempfile.TemporaryDirectory(prefix="clickstream-hard-aws-") as folder:
        run = Run.create(Path(folder))
        behind = Emulator(emulator.locate(), enforce=False)
        proxy = HardAwsProcess(behind.endpoint, ["none"])
        try:
            run.start(behind.program(), proxy.program())
            yield behind, proxy.client
        finally:
            run.stop()
            behind.release_port()
            proxy.release_port()


@pytest.fixture
def hard(emulated: tuple[Emulator, HardAws]) -> HardAws:
    """Return the hard AWS without rules, on an empty emulator, with its clock stopped."""
    behind, proxy = emulated
    behind.reset()
    proxy.reset(["none"])
    proxy.run_clock(0)
    return proxy
