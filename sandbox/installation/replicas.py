"""What kubelets do with the Pods of a Deployment, as far as the operator can tell."""

from __future__ import annotations

import base64
import json
import signal
import sys
from typing import Any, Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.ports import LOOPBACK, Reservation
from sandbox.run import Program

_TIMEOUT: Final = 5.0


class Replica:
    """One Pod as a process: the rendered environment, the token of the ServiceAccount."""

    def __init__(self, sandbox: Sandbox, name: str, pod: dict[str, Any], namespace: str) -> None:
        self.name = name
        self._sandbox = sandbox
        # Pods have addresses of their own, processes on one machine only ports.
        self._port = Reservation()
        kubeconfig = sandbox.service_account_kubeconfig(namespace, pod["serviceAccountName"])
        sandbox.run.start(
            Program(
                name=name,
                # The image's entrypoint: the chart sets no command.
                command=[sys.executable, "-m", "clickstream_operator"],
                address=f"http://{self._port.address}",
                ready=lambda: self.role() != "",
                environment={
                    **environment(sandbox, namespace, pod),
                    "CLICKSTREAM_LISTEN_HOST": LOOPBACK,
                    "CLICKSTREAM_LISTEN_PORT": str(self._port.port),
                    "KUBECONFIG": str(kubeconfig),
                },
            )
        )

    @property
    def process(self) -> int:
        """Its process id."""
        return self._sandbox.run.components[self.name].process.pid

    def role(self) -> str:
        """``leads`` or ``stands by``; empty while it is not ready."""
        try:
            opener = build_opener(ProxyHandler({}))
            with opener.open(f"http://{self._port.address}/readyz", timeout=_TIMEOUT) as answer:
                words = answer.read().decode()
        except (URLError, OSError):
            return ""
        return "stands by" if words.startswith("standby: ") else "leads"

    def kill(self) -> None:
        """End it as a node that fails: nothing is flushed, nothing released."""
        self._sandbox.run.components[self.name].process.send(signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End it as Kubernetes does: SIGTERM, and time to drain."""
        self._sandbox.run.stop_component(self.name)
        self._port.release()

    def release_port(self) -> None:
        """Drop the reservation; the process goes on to listen."""
        self._port.release()


class Deployed:
    """The Pods of one Deployment."""

    def __init__(self, sandbox: Sandbox, namespace: str, name: str) -> None:
        self._sandbox = sandbox
        self._namespace = namespace
        self._name = name
        self._count = 0
        self.replicas: list[Replica] = []

    def body(self) -> dict[str, Any]:
        """The Deployment."""
        answer = self._sandbox.kubectl(
            "get", "deployment", self._name, "-n", self._namespace, "-o", "json"
        )
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    def add(self) -> Replica:
        """One Pod more, of the present template, which is ready."""
        self._count += 1
        pod = self.body()["spec"]["template"]["spec"]
        replica = Replica(self._sandbox, f"{self._name}-{self._count}", pod, self._namespace)
        self.replicas.append(replica)
        return replica

    def start(self) -> None:
        """As many as the Deployment asks for."""
        while len(self.replicas) < self.body()["spec"]["replicas"]:
            self.add()

    def roll(self) -> None:
        """Replace each, one at a time, by one of the present template that is ready first.

        Raises:
            SandboxError: the Deployment has another strategy.
        """
        strategy = self.body()["spec"]["strategy"]["rollingUpdate"]
        if strategy != {"maxSurge": 1, "maxUnavailable": 0}:
            raise SandboxError(f"The demo does not know how to roll with {strategy}.")
        for old in list(self.replicas):
            self.add()
            old.stop()
            self.replicas.remove(old)

    def end(self) -> None:
        """End all."""
        for one in self.replicas:
            one.stop()
        self.replicas.clear()

    def leader(self) -> Replica | None:
        """The one that leads; None while none does.

        Raises:
            SandboxError: two say that they do.
        """
        leaders = [one for one in self.replicas if one.role() == "leads"]
        if len(leaders) > 1:
            raise SandboxError("Two replicas lead: " + ", ".join(one.name for one in leaders))
        return leaders[0] if leaders else None


def environment(sandbox: Sandbox, namespace: str, pod: dict[str, Any]) -> dict[str, str]:
    """The variables of the first container of a Pod, those from Secrets resolved.

    Raises:
        SandboxError: a Secret lacks a key that is not optional.
    """
    found = {}
    for one in pod["containers"][0]["env"]:
        if "value" in one:
            found[one["name"]] = one["value"]
            continue
        reference = one["valueFrom"]["secretKeyRef"]
        answer = sandbox.kubectl("get", "secret", reference["name"], "-n", namespace, "-o", "json")
        data = json.loads(answer.stdout)["data"]
        if reference["key"] in data:
            found[one["name"]] = base64.b64decode(data[reference["key"]]).decode()
        elif not reference.get("optional"):
            raise SandboxError(f"Secret {reference['name']} lacks {reference['key']}.")
    return found
