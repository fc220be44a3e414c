"""What of a kubelet the pages wait for: the operator's Pods run, and a test Pod has a phase."""

from __future__ import annotations

import json
import threading
from typing import Any, Final

from sandbox import Sandbox
from sandbox.demos.installation.replicas import Replica
from sandbox.operator_process import NAMESPACE, PACKAGES
from sandbox.pod import PodProcess
from sandbox.processes.ports import LOOPBACK

_NAME: Final = "clickstream-operator"
_PAUSE: Final = 0.3


class Kubelet:
    """Runs one Pod of the Deployment `clickstream-operator`, whoever makes it, until `close`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._pod: PodProcess | None = None
        self._end = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def close(self) -> None:
        """End it and the Pod.

        Raises:
            Exception: the Pod did not start.
        """
        self._end.set()
        self._thread.join()
        if self._pod is not None:
            self._pod.close()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while not self._end.wait(_PAUSE):
            try:
                self._deployment()
                self._test_pods()
            except Exception as error:  # noqa: BLE001 close() raises it where the test sees it
                self._error = error
                return

    def _deployment(self) -> None:
        found = self._items("deployments")
        if found and self._pod is None:
            settings = {
                **self._sandbox.aws_environment(),
                "CLICKSTREAM_LISTEN_HOST": LOOPBACK,
                "CLICKSTREAM_PACKAGES": str(PACKAGES),
            }
            self._pod = Replica(self._sandbox, _NAME, NAMESPACE)
            settings["CLICKSTREAM_LISTEN_PORT"] = str(self._pod.port)
            self._pod.run(found[0]["spec"]["template"]["spec"], settings=settings)
        elif not found and self._pod is not None:
            self._pod.close()
            self._pod = None

    def _test_pods(self) -> None:
        for pod in self._items("pods"):
            if pod["status"]["phase"] == "Pending":
                name, phase = pod["metadata"]["name"], '{"status": {"phase": "Succeeded"}}'
                where = ["-n", NAMESPACE, "--subresource=status", "--type=merge"]
                self._sandbox.kubectl("patch", "pod", name, *where, "-p", phase, check=False)

    def _items(self, kind: str) -> list[dict[str, Any]]:
        answer = self._sandbox.kubectl("get", kind, "-n", NAMESPACE, "-o", "json")
        found: list[dict[str, Any]] = json.loads(answer.stdout)["items"]
        return found
