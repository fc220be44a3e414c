"""The Pods of a Deployment, as processes: what its controller does, step by step."""

from __future__ import annotations

import json
from typing import Any

from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.pod import PodProcess
from sandbox.processes.ports import LOOPBACK


class Replica(PodProcess):
    """One of several Pods."""

    def start(self, pod: dict[str, Any]) -> None:
        """Run it until it is ready, on a port of its own."""
        listen = {"HOST": LOOPBACK, "PORT": str(self.port)}
        self.run(pod, settings={f"CLICKSTREAM_LISTEN_{key}": one for key, one in listen.items()})

    def role(self) -> str:
        """``leads`` or ``stands by``; empty while it is not ready."""
        code, words = self.get("/readyz")
        if code != 200:  # noqa: PLR2004 HTTP
            return ""
        return "stands by" if words.startswith("standby: ") else "leads"


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
        replica = Replica(self._sandbox, f"{self._name}-{self._count}", self._namespace)
        self.replicas.append(replica)
        replica.start(pod)
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
            old.close()
            self.replicas.remove(old)

    def end(self) -> None:
        """End all."""
        for one in self.replicas:
            one.close()
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
