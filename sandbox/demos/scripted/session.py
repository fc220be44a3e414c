"""The session: sandbox, pipeline, and the waits and checks of a step."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.demos.scripted.cloud import Cloud
from sandbox.demos.scripted.screen import Screen
from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.processes.process import wait_until

_PATIENCE: Final = 60.0
_REQUESTED: Final = "clickstream.dev/reconcile-requested-at"


@dataclass(slots=True)
class StepReport:
    """One step in the report."""

    title: str
    seconds: float = 0.0
    checks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether it was checked, and everything was as it should be."""
        return bool(self.checks) and all(one["right"] for one in self.checks)


class Stuck(SandboxError):
    """The pipeline did not come to where a step wanted it."""


class Session:
    """Surroundings of the steps; `reports` has one entry for each, `pipeline` is the one shown."""

    def __init__(self, sandbox: Sandbox, screen: Screen, pipeline: str) -> None:
        self.sandbox = sandbox
        self.screen = screen
        self.aws = Cloud(sandbox)
        self.pipeline = pipeline
        self.reports: list[StepReport] = []
        self.spec: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.outputs: dict[str, Any] = {}
        self.notes: dict[str, Any] = {}
        self._seen_events: set[str] = set()
        self._requests = 0

    def leave(self) -> None:
        """Called at the end when everything stays running: let go of what would end with us."""

    # -- steps ---------------------------------------------------------------------------------

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A step: its heading, then whatever it prints, then its Events, AWS writes and verdict."""
        report = StepReport(title)
        self.reports.append(report)
        self.screen.title(len(self.reports), title)
        self.sandbox.strict_aws.forget_calls()
        started = time.monotonic()
        try:
            yield
        except Stuck as stuck:
            self.check(str(stuck), "not yet", "done", right=False)
            self.screen.conditions(self.status().get("conditions", ()))
            raise
        finally:
            self.screen.events(self.new_events())
            self.screen.writes(
                one for one in self.sandbox.strict_aws.writes() if one["operation"] != "PutRecords"
            )
            for one in report.checks:
                self.screen.check(one["what"], one["found"], one["wanted"], right=one["right"])
            report.seconds = round(time.monotonic() - started, 2)
            self.screen.verdict(right=report.right, seconds=report.seconds)

    def check(self, what: str, found: Any, wanted: Any, *, right: bool | None = None) -> None:
        """Judge one thing: equal, unless the step itself says whether it is right."""
        self.reports[-1].checks.append(
            {
                "what": what,
                "found": str(found),
                "wanted": str(wanted),
                "right": found == wanted if right is None else right,
            }
        )

    # -- Kubernetes ----------------------------------------------------------------------------

    def apply(self, **changes: Any) -> None:
        """Apply the pipeline, as it is with these fields of the spec replaced."""
        self.spec = {**self.spec, **changes}
        shown = json.dumps(changes) if changes else "(all defaults)"
        self.screen.command(f"kubectl apply -f {self.pipeline}.yaml    # spec: {shown}")
        manifest = {
            "apiVersion": "clickstream.dev/v1alpha1",
            "kind": "ClickstreamPipeline",
            "metadata": {"name": self.pipeline, "namespace": "default"},
            "spec": self.spec,
        }
        self.sandbox.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(manifest)
        )

    def annotate(self, name: str, value: str) -> None:
        """Set an annotation."""
        self.screen.command(f"kubectl annotate --overwrite csp {self.pipeline} {name}={value}")
        self.sandbox.kubectl("annotate", "--overwrite", "csp", self.pipeline, f"{name}={value}")

    def observe_now(self) -> None:
        """Request a full observation, and wait until it is done."""
        self._requests += 1
        value = f"observe-{self._requests}"
        self.annotate(_REQUESTED, value)
        self.wait(
            "the operator observes",
            lambda status: status.get("lastHandledReconcileAt") == value,
        )

    def body(self) -> dict[str, Any]:
        """The object; empty when it is gone."""
        answer = self.sandbox.kubectl(
            "get", "csp", self.pipeline, "-o", "json", "--ignore-not-found"
        )
        found: dict[str, Any] = json.loads(answer.stdout) if answer.stdout else {}
        return found

    def status(self) -> dict[str, Any]:
        """Its status."""
        return dict(self.body().get("status", {}))

    def show_conditions(self, *kinds: str) -> None:
        """Print the conditions, all or those named."""
        conditions = self.status().get("conditions", ())
        self.screen.conditions([one for one in conditions if not kinds or one["type"] in kinds])

    def new_events(self) -> list[dict[str, Any]]:
        """Events that no step has printed, oldest first."""
        answer = self.sandbox.kubectl("get", "events.events.k8s.io", "-o", "json")
        items = [
            one
            for one in json.loads(answer.stdout)["items"]
            if one["regarding"]["name"] == self.pipeline
            and one["metadata"]["uid"] not in self._seen_events
        ]
        self._seen_events |= {one["metadata"]["uid"] for one in items}
        return sorted(items, key=lambda one: str(one["eventTime"]))

    # -- waiting -------------------------------------------------------------------------------

    def wait(
        self, what: str, done: Callable[[Mapping[str, Any]], bool], seconds: float = _PATIENCE
    ) -> None:
        """Wait for a status, printing what Ready says on the way.

        Raises:
            Stuck: it did not come.
        """
        started = time.monotonic()
        said = ""

        def reached() -> bool:
            nonlocal said
            body = self.body()
            status = body.get("status", {})
            ready = condition(status, "Ready")
            words = f"{ready['reason']}: {ready['message']}"
            if words != said and ready["status"] != "True" and ready["reason"]:
                self.screen.timeline(time.monotonic() - started, words)
            said = words
            current = status.get("observedGeneration") == body.get("metadata", {}).get("generation")
            return current and done(status)

        if not wait_until(reached, seconds):
            raise Stuck(f"{what}, within {seconds:.0f} s")

    def wait_ready(self) -> None:
        """Wait until the pipeline is Ready for its present spec."""
        self.wait("the pipeline is Ready", is_ready)

    def wait_gone(self) -> None:
        """Wait until the object is gone."""
        started = time.monotonic()
        said = ""

        def gone() -> bool:
            nonlocal said
            body = self.body()
            message = condition(body.get("status", {}), "Ready")["message"]
            if body and message != said:
                self.screen.timeline(time.monotonic() - started, message)
                said = message
            return not body

        if not wait_until(gone, _PATIENCE):
            raise Stuck(f"the pipeline is gone, within {_PATIENCE:.0f} s")


def condition(status: Mapping[str, Any], kind: str) -> dict[str, str]:
    """One condition; empty texts when it is absent."""
    for one in status.get("conditions", ()):
        if one["type"] == kind:
            return {"message": "", **one}
    return {"type": kind, "status": "absent", "reason": "", "message": ""}


def is_ready(status: Mapping[str, Any]) -> bool:
    """Whether Ready is True, nothing is at work and nothing differs."""
    return (
        condition(status, "Ready")["status"] == "True"
        and condition(status, "Reconciling")["status"] == "absent"
        and condition(status, "DriftDetected")["status"] == "False"
    )
