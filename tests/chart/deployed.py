"""The operator of a release, as the process that its Pod would be."""

from __future__ import annotations

import json
from typing import Any

from sandbox import Sandbox
from sandbox.aws.emulator import ACCOUNT, REGION
from sandbox.operator_process import PACKAGES
from sandbox.pod import PodProcess, environment
from sandbox.processes.ports import LOOPBACK

SECRET = "aws"


def read(sandbox: Sandbox, *args: str) -> Any:
    """What `kubectl get` answers."""
    return json.loads(sandbox.kubectl("get", *args, "-o", "json").stdout)


class DeployedOperator(PodProcess):
    """The only Pod of a release's Deployment."""

    def __init__(
        self, sandbox: Sandbox, namespace: str, *, name: str = "clickstream-operator"
    ) -> None:
        super().__init__(sandbox, f"{namespace}-{name}", namespace)
        self._deployment = name

    def values(self) -> list[str]:
        """What a user of this sandbox gives to Helm."""
        pairs = {
            "aws.region": REGION,
            "aws.endpointUrl": self._sandbox.aws_endpoint,
            "aws.allowInsecureEndpoint": "true",
            "aws.auth.mode": "secret",
            "aws.auth.secretName": SECRET,
            "operator.listenHost": LOOPBACK,
            "operator.packages": str(PACKAGES),
            "metrics.port": str(self.port),
        }
        return [word for key, value in pairs.items() for word in ("--set", f"{key}={value}")]

    def prepare(self) -> None:
        """The namespace, and the Secret with the credentials."""
        self._sandbox.kubectl("create", "namespace", self.namespace)
        self._sandbox.kubectl(
            "create",
            "secret",
            "generic",
            SECRET,
            f"--namespace={self.namespace}",
            f"--from-literal=AWS_ACCESS_KEY_ID={ACCOUNT}",
            "--from-literal=AWS_SECRET_ACCESS_KEY=sandbox",
        )

    def lines(self) -> list[dict[str, Any]]:
        """Its log, parsed."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def start(self, *, ready: bool = True) -> None:
        """Run what the Deployment says now; unless `ready`, only wait until it answers."""
        body = read(self._sandbox, "deployment", self._deployment, "-n", self.namespace)
        pod = body["spec"]["template"]["spec"]
        self.run(pod, path="/readyz" if ready else "/healthz", settings={})

    def environment(self, container: dict[str, Any]) -> dict[str, str]:
        """A container's variables, with what they take from Secrets."""
        return environment(self._sandbox, self.namespace, container)
