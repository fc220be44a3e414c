"""A Pod of the operator's Deployment, run as a kubelet would, as far as the operator can tell."""

from __future__ import annotations

import base64
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.processes.ports import Reservation
from sandbox.processes.run import Program

_TIMEOUT: Final = 5.0


class PodProcess:
    """One Pod as a process: the rendered environment, the token of the ServiceAccount."""

    def __init__(self, sandbox: Sandbox, name: str, namespace: str) -> None:
        self.name = name
        self.namespace = namespace
        self._sandbox = sandbox
        # Pods have addresses of their own, processes on one machine only ports.
        self._port = Reservation()

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return self._port.port

    @property
    def address(self) -> str:
        """Address that it answers on."""
        return f"http://{self._port.address}"

    @property
    def log(self) -> Path:
        """Its log, of all starts."""
        return self._sandbox.run.log(self.name)

    @property
    def process(self) -> int:
        """Its process id."""
        return self._sandbox.run.components[self.name].process.pid

    def run(
        self, pod: Mapping[str, Any], *, path: str = "/readyz", settings: Mapping[str, str]
    ) -> None:
        """Start the Pod of this spec, with further `settings`, and wait until `path` is well.

        Raises:
            SandboxError: it ended or took too long, or a Secret lacks a key.
        """
        account = pod["serviceAccountName"]
        kubeconfig = self._sandbox.service_account_kubeconfig(self.namespace, account)
        self._sandbox.run.start(
            Program(
                name=self.name,
                # The image's entrypoint: the chart sets no command.
                command=[sys.executable, "-m", "clickstream_operator"],
                address=self.address,
                ready=lambda: self.get(path)[0] == 200,  # noqa: PLR2004 HTTP
                environment={
                    **environment(self._sandbox, self.namespace, pod["containers"][0]),
                    "KUBECONFIG": str(kubeconfig),
                    **settings,
                },
            )
        )

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of an answer; 0 when there is none."""
        opener = build_opener(ProxyHandler({}))
        try:
            with opener.open(self.address + path, timeout=_TIMEOUT) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (URLError, OSError):
            return 0, ""

    def alive(self) -> bool:
        """Whether the process runs."""
        component = self._sandbox.run.components.get(self.name)
        return component is not None and component.process.alive()

    def kill(self) -> None:
        """End it as a node that fails: nothing is flushed, nothing released."""
        self._sandbox.run.components[self.name].process.send(signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End it as Kubernetes does: SIGTERM, and time to drain."""
        if self.name in self._sandbox.run.components:
            self._sandbox.run.stop_component(self.name)

    def close(self) -> None:
        """End it for good."""
        self.stop()
        self.release_port()

    def release_port(self) -> None:
        """Drop the reservation; a process that listens goes on to."""
        self._port.release()


def environment(sandbox: Sandbox, namespace: str, container: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a container, those from Secrets resolved.

    Raises:
        SandboxError: a Secret lacks a key that is not optional.
    """
    found = {}
    for one in container["env"]:
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
