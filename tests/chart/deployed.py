"""What a kubelet does with the Pod of a Deployment, as far as the operator can tell."""

from __future__ import annotations

import base64
import json
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from sandbox import Sandbox
from sandbox.emulator import ACCOUNT, REGION
from sandbox.operator_process import PACKAGES
from sandbox.ports import LOOPBACK, Reservation
from sandbox.run import Program

SECRET = "aws"
TIMEOUT = 5.0


def read(sandbox: Sandbox, *args: str) -> Any:
    """What `kubectl get` answers."""
    return json.loads(sandbox.kubectl("get", *args, "-o", "json").stdout)


class DeployedOperator:
    """The operator of a release, as a process: the manifest's environment, its account's token."""

    def __init__(
        self, sandbox: Sandbox, namespace: str, *, name: str = "clickstream-operator"
    ) -> None:
        self._sandbox = sandbox
        self.namespace = namespace
        self._deployment = name
        self._program = f"{namespace}-{name}"
        self._port = Reservation()

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
            "metrics.port": str(self._port.port),
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

    @property
    def log(self) -> Path:
        """Its log, of all starts."""
        return self._sandbox.run.log(self._program)

    def lines(self) -> list[dict[str, Any]]:
        """Its log, parsed."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def start(self, *, ready: bool = True) -> None:
        """Run what the Deployment says now; unless `ready`, only wait until it answers."""
        pod = read(self._sandbox, "deployment", self._deployment, "-n", self.namespace)
        spec = pod["spec"]["template"]["spec"]
        kubeconfig = self._sandbox.service_account_kubeconfig(
            self.namespace, spec["serviceAccountName"]
        )
        program = Program(
            name=self._program,
            # The image's entrypoint: the chart sets no command.
            command=[sys.executable, "-m", "clickstream_operator"],
            address=self.address,
            ready=lambda: self.get("/readyz" if ready else "/healthz")[0] == 200,
            environment={"KUBECONFIG": str(kubeconfig), **self.environment(spec["containers"][0])},
        )
        self._sandbox.run.start(program)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port.port

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{self._port.address}"

    def environment(self, container: dict[str, Any]) -> dict[str, str]:
        """A container's variables, with what they take from Secrets."""
        found = {}
        for one in container["env"]:
            if "value" in one:
                found[one["name"]] = one["value"]
                continue
            reference = one["valueFrom"]["secretKeyRef"]
            secret = read(self._sandbox, "secret", reference["name"], "-n", self.namespace)
            if reference["key"] in secret["data"]:
                found[one["name"]] = base64.b64decode(secret["data"][reference["key"]]).decode()
            else:
                assert reference.get("optional"), f"{reference} is missing"
        return found

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of an answer; 0 when there is none."""
        opener = build_opener(ProxyHandler({}))
        try:
            with opener.open(self.address + path, timeout=TIMEOUT) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (URLError, OSError):
            return 0, ""

    def alive(self) -> bool:
        """Whether the process runs."""
        component = self._sandbox.run.components.get(self._program)
        return component is not None and component.process.alive()

    def stop(self) -> None:
        """As Kubernetes ends a Pod: SIGTERM, and time to drain."""
        if self._program in self._sandbox.run.components:
            self._sandbox.run.stop_component(self._program)

    def kill(self) -> None:
        """As a node that fails."""
        self._sandbox.run.components[self._program].process.send(signal.SIGKILL)
        self._sandbox.run.stop_component(self._program)

    def close(self) -> None:
        """Give the port back."""
        self.stop()
        self._port.release()
