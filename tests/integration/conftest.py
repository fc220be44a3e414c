"""One sandbox for the whole session: starting it costs seconds, resetting it does not."""

from collections.abc import Iterator

import pytest

from sandbox import Sandbox, binaries, emulator
from sandbox.operator_process import MANIFESTS
from tests.integration.pilot import Pilot


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fill the sandbox's cache before the first test.

    On a new machine that takes minutes: inside a fixture the timeout of one test would end it, and
    its progress would be captured.
    """
    wanted = any("sandbox" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        capture = session.config.pluginmanager.getplugin("capturemanager")
        assert capture is not None
        with capture.global_and_fixture_disabled():
            binaries.locate()
            emulator.locate()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Yield a running Kubernetes API and AWS emulator, shared by all tests."""
    with Sandbox.start() as started:
        yield started


@pytest.fixture(scope="session")
def installed(sandbox: Sandbox) -> Sandbox:
    """The sandbox with the CRD and the operator's RBAC."""
    for manifest in MANIFESTS:
        sandbox.kubectl("apply", "--server-side", "-f", str(manifest))
    sandbox.kubectl(
        "wait", "--for=condition=Established", "crd/clickstreampipelines.clickstream.dev"
    )
    return sandbox


@pytest.fixture
def pilot(installed: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pilot]:
    """A controller without a process, on an empty emulator."""
    installed.reset_aws()
    for name, value in installed.aws_environment().items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    started = Pilot(installed)
    yield started
    started.close()
    _drop_pipelines(installed)


def _drop_pipelines(sandbox: Sandbox) -> None:
    """Remove all pipelines, with whatever a test left on them: no operator runs to do it."""
    names = sandbox.kubectl("get", "csp", "-A", "-o", "jsonpath={range .items[*]}"
        "{.metadata.namespace} {.metadata.name}{'\\n'}{end}").stdout.splitlines()  # fmt: skip
    for namespace, name in (line.split() for line in names):
        sandbox.kubectl("delete", "csp", name, "-n", namespace, "--wait=false")
        sandbox.kubectl(
            "patch", "csp", name, "-n", namespace, "--type=merge",
            '-p={"metadata":{"finalizers":[]}}', check=False,
        )  # fmt: skip
