"""An operator as a process, in a sandbox whose AWS calls are counted."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from kubernetes import watch
from kubernetes.client import CustomObjectsApi

from clickstream_operator.api.v1alpha1 import GROUP, PLURAL, VERSION
from clickstream_operator.aws.session import is_read
from clickstream_operator.kube.connection import connect
from sandbox import Sandbox
from sandbox.errors import SandboxError
from sandbox.operator_process import NAME, OperatorProcess
from sandbox.processes.process import wait_until

_PATIENCE: Final = 300.0
_MIB: Final = 1024 * 1024
#: Services whose things take their time to be created, changed and deleted.
_SLOW: Final = frozenset({"dynamodb", "kinesis", "lambda"})


class Bench:
    """One operator in a sandbox whose AWS calls are counted."""

    def __init__(self, sandbox: Sandbox, *, rate_limits: bool) -> None:
        self._sandbox = sandbox
        settings = {"CLICKSTREAM_RATE_LIMITS": str(rate_limits).lower()}
        self._operator = OperatorProcess(sandbox, settings)
        self._operator.install()
        self._operator.start()
        self._pipelines: Any = CustomObjectsApi(connect(sandbox.kubeconfig))

    def stop(self) -> None:
        """End the operator."""
        self._operator.stop()

    def apply(self, names: list[str], spec: dict[str, Any] | None = None) -> float:
        """Apply pipelines and return the seconds until the last is Ready for this spec."""
        items = [
            {
                "apiVersion": "clickstream.dev/v1alpha1",
                "kind": "ClickstreamPipeline",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"resyncIntervalSeconds": 3600, **(spec or {})},
            }
            for name in names
        ]
        manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        started = time.monotonic()
        self._sandbox.kubectl("apply", "-f", "-", input=manifest)
        self._wait(lambda found: _ready(found, names), "not all pipelines became Ready")
        return time.monotonic() - started

    def delete(self) -> float:
        """Delete all pipelines and return the seconds until they are gone."""
        started = time.monotonic()
        self._sandbox.kubectl("delete", "csp", "--all", "--wait=false")
        self._wait(lambda found: not found, "not all pipelines were deleted")
        return time.monotonic() - started

    def calls(self) -> tuple[int, int]:
        """AWS calls and writes since the last time this was asked."""
        counted = self._sandbox.strict_aws.calls()
        self._sandbox.strict_aws.forget_calls()
        writes = sum(
            count for (_, operation, _), count in counted.items() if not is_read(_snake(operation))
        )
        return counted.total(), writes

    def kubernetes_writes(self) -> int:
        """Writes to the Kubernetes API so far."""
        return int(sum(self._operator.samples("clickstream_kubernetes_writes_total").values()))

    def memory(self) -> float:
        """Resident MiB of the operator."""
        pid = self._sandbox.run.components[NAME].process.pid
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return round(int(line.split()[1]) * 1024 / _MIB, 1)
        raise SandboxError("The operator's memory can't be read.")

    def request_reconcile(self, name: str, value: str) -> None:
        """Ask for a full observation and wait until it is done."""
        self._sandbox.kubectl(
            "annotate",
            "--overwrite",
            "csp",
            name,
            f"clickstream.dev/reconcile-requested-at={value}",
        )
        self._wait(
            lambda found: found[name]["status"].get("lastHandledReconcileAt") == value,
            "a requested reconciliation was not handled",
        )

    def seconds_to_first_write(self, name: str, spec: dict[str, Any]) -> float:
        """Seconds from a spec edit to the first AWS write that follows from it."""
        self._sandbox.strict_aws.forget_calls()
        started = time.monotonic()
        patch = json.dumps({"spec": spec})
        self._sandbox.kubectl("patch", "csp", name, "--type=merge", f"-p={patch}")
        if not wait_until(lambda: bool(self._sandbox.strict_aws.writes()), _PATIENCE):
            raise SandboxError(f"After {_PATIENCE:.0f} s no write followed an edit.")
        return time.monotonic() - started

    def settle(self, name: str) -> None:
        """Wait until what Ready does not wait for is done as well."""
        self._wait(
            lambda found: all(
                one["state"] == "Ready" for one in found[name]["status"]["resources"]
            ),
            "not all resources became Ready",
        )

    def most_reads(self) -> tuple[str, int]:
        """The slow resource that was read most often, and the number of its reads."""
        reads = Counter(
            {
                f"{one['resource']} ({one['service']})": one["count"]
                for one in self._sandbox.strict_aws.reads()
                if one["service"] in _SLOW
            }
        )
        ((what, times),) = reads.most_common(1)
        return what, times

    def _wait(self, condition: Callable[[Mapping[str, Any]], bool], otherwise: str) -> None:
        """Watch the pipelines, as bodies by name, until they are as wanted.

        A watch: asking again and again would take the processor from what is measured.
        """
        listed = self._list()
        found = {body["metadata"]["name"]: body for body in listed["items"]}
        if condition(found):
            return
        untyped: Any = watch
        events = untyped.Watch().stream(
            self._list,
            resource_version=listed["metadata"]["resourceVersion"],
            timeout_seconds=int(_PATIENCE),
        )
        for event in events:
            body = event["object"]
            if event["type"] == "DELETED":
                found.pop(body["metadata"]["name"], None)
            else:
                found[body["metadata"]["name"]] = body
            if condition(found):
                return
        raise SandboxError(f"After {_PATIENCE:.0f} s {otherwise}.")

    def _list(self, **options: Any) -> Any:
        return self._pipelines.list_namespaced_custom_object(
            GROUP, VERSION, "default", PLURAL, **options
        )


def _ready(found: Mapping[str, Any], names: list[str]) -> bool:
    return all(name in found and _is_ready(found[name]) for name in names)


def _is_ready(body: Mapping[str, Any]) -> bool:
    status = body.get("status", {})
    return status.get("observedGeneration") == body["metadata"]["generation"] and any(
        one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ())
    )


def _snake(operation: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
