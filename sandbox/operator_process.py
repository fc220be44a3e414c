"""The operator as a process of the sandbox, with the rights of its own ServiceAccount."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.processes.ports import LOOPBACK, Reservation
from sandbox.processes.run import Program

NAME = "operator"
NAMESPACE = "clickstream-system"
SERVICE_ACCOUNT = "clickstream-operator"

_ROOT = Path(__file__).parents[1]
MANIFESTS = (
    _ROOT / "crds" / "clickstreampipelines.yaml",
    _ROOT / "examples" / "install" / "rbac.yaml",
)
PACKAGES = _ROOT / "build" / "lambdas"
_TIMEOUT = 5.0


class OperatorProcess:
    """One operator. `settings` are further ``CLICKSTREAM_*`` variables, or AWS ones to replace.

    Alone it needs no election, so one that was killed goes on at once when it is started again.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        settings: dict[str, str] | None = None,
        *,
        name: str = NAME,
        command: Sequence[str] = (sys.executable, "-m", "clickstream_operator"),
    ) -> None:
        self._sandbox = sandbox
        self._name = name
        self._settings = settings or {}
        self._command = list(command)
        self._port = Reservation()
        self.address = f"http://{self._port.address}"

    @property
    def log(self) -> Path:
        """Its log: JSON lines."""
        return self._sandbox.run.log(self._name)

    def install(self) -> None:
        """Install the CRD and what the operator may do."""
        for manifest in MANIFESTS:
            self._sandbox.kubectl("apply", "--server-side", "-f", str(manifest))
        self._sandbox.kubectl(
            "wait",
            "--for=condition=Established",
            "--timeout=30s",
            "crd/clickstreampipelines.clickstream.dev",
        )

    def start(self) -> None:
        """Start it and wait until it watches.

        Raises:
            SandboxError: it ended, or the function packages are not built.
        """
        if not (PACKAGES / "processor.zip").exists():
            raise SandboxError("The function packages are not built: run `make lambdas` first.")
        kubeconfig = self._sandbox.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT)
        self._sandbox.run.start(
            Program(
                name=self._name,
                command=self._command,
                address=self.address,
                ready=lambda: self.get("/readyz") is not None,
                environment={
                    "KUBECONFIG": str(kubeconfig),
                    "CLICKSTREAM_LEADER_ELECTION": "false",
                    "CLICKSTREAM_LISTEN_HOST": LOOPBACK,
                    "CLICKSTREAM_LISTEN_PORT": str(self._port.port),
                    "CLICKSTREAM_PACKAGES": str(PACKAGES),
                    **self._sandbox.aws_environment(),
                    **self._settings,
                },
            )
        )

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP freezes it, SIGCONT wakes it."""
        self._sandbox.run.components[self._name].process.send(number)

    def alive(self) -> bool:
        """Whether it runs."""
        component = self._sandbox.run.components.get(self._name)
        return component is not None and component.process.alive()

    def kill(self) -> None:
        """End it as a crash does: nothing is flushed, nothing is released."""
        self.signal(signal.SIGKILL)
        self._sandbox.run.stop_component(self._name)

    def stop(self) -> None:
        """End it for good, as Kubernetes does: SIGTERM first."""
        self._sandbox.run.stop_component(self._name)
        self.release_port()

    def release_port(self) -> None:
        """Drop the reservation of its port; an operator that listens there keeps it."""
        self._port.release()

    def samples(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """All samples of one metric by its labels, sorted.

        Raises:
            SandboxError: the operator does not answer.
        """
        text = self.get("/metrics")
        if text is None:
            raise SandboxError("The operator does not answer on /metrics.")
        return {
            tuple(sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        }

    def aws_calls(self) -> dict[str, int]:
        """AWS calls so far, by service."""
        calls: Counter[str] = Counter()
        for labels, value in self.samples("clickstream_aws_api_calls_total").items():
            calls[dict(labels)["service"]] += int(value)
        return dict(sorted(calls.items()))

    def get(self, path: str) -> str | None:
        """Its answer on a path; None: there was none, or an error."""
        try:
            status, text = self.ask(path)
        except (URLError, OSError):
            return None
        return text if status < HTTPStatus.BAD_REQUEST else None

    def ask(self, path: str) -> tuple[int, str]:
        """Status and text of its answer on a path.

        Raises:
            OSError: it does not answer.
        """
        opener = build_opener(ProxyHandler({}))
        try:
            with opener.open(self.address + path, timeout=_TIMEOUT) as answer:
                return answer.status, str(answer.read().decode())
        except HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
