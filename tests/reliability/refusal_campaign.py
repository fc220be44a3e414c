"""One pipeline with everything, of which AWS refuses one write call for as long as it likes.

A moment is what makes the operator write: a correction of a kind's properties, a re-creation of
what was deleted, the removal of features, other tags. Its calls are those that it makes
undisturbed; each of them is then refused by each of `REFUSALS`, through idle times and a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import Spec
from docs.generator.resources import resources_of
from sandbox import Sandbox
from sandbox.aws.strict import StrictAws
from tests.integration.pilot import ACCOUNT, Pilot, run
from tests.kstatus import Verdict, verdict
from tests.reliability import drift_map
from tests.reliability.attributes import KINDS
from tests.reliability.drift_campaign import Drifts
from tests.reliability.drift_map import CHANGES, DELETIONS
from tests.status_rules import StatusRules
from tests.tenant_grants import FOREIGN, granted

Body = Mapping[str, Any]
Call = tuple[str, str]
"""Service and operation, in the strict AWS' words."""

#: How AWS refuses, by name: what the strict AWS does.
REFUSALS: Final[Mapping[str, Mapping[str, Any]]] = {
    "access denied": {"action": "access_denied"},
    "validation": {
        "action": "error",
        "code": "ValidationException",
        "status": 400,
        "message": "The value is not valid",
    },
    "throttle": {"action": "throttle"},
}
#: Longer than three resyncs and the deadline of a refusal.
NOTICED: Final = 1500.0
#: Of a refusal that takes the place of another: the longest deadline, as it is another failure.
REPLACED: Final = 1000.0
#: The longest backoff, three resyncs and the steps of a change.
MENDED: Final = 2400.0
DAY: Final = 86_400.0
MOST_STEPS: Final = 60
EVERYTHING: Final[Mapping[str, Any]] = drift_map.SPEC
#: What most kinds are in, at a fraction of the calls.
SMALL: Final[Mapping[str, Any]] = {
    key: value for key, value in EVERYTHING.items() if key not in {"collector", "metrics"}
} | {"alarms": {"enabled": False}}
_WITHOUT_FEATURES: Final[Mapping[str, Any]] = {
    **SMALL,
    "alerts": {"enabled": False},
    "dashboard": {"enabled": False},
    "anomalyDetection": {"enabled": False},
}
_OTHER_TAGS: Final[Mapping[str, Any]] = {"environment": "prod", "tags": {"Team": "data"}}


class Written(StatusRules):
    """Every status that is written, beside the rules that it must keep."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[Body] = []

    def see(self, body: Body) -> None:
        """One object, as it is stored."""
        super().see(body)
        self.bodies.append(body)


class Refusals(Drifts):
    """The pipeline, the hand that changes AWS behind its back, and the AWS that refuses."""

    def __init__(self, pilot: Pilot, written: Written, spec: Mapping[str, Any]) -> None:
        super().__init__(pilot)
        self.spec = spec
        self.written = written
        self.aws: StrictAws = pilot.sandbox.strict_aws

    @classmethod
    def start(cls, sandbox: Sandbox, spec: Mapping[str, Any]) -> Refusals:
        """A new pipeline; AWS is empty."""
        written = Written()
        role = f"arn:aws:iam::{ACCOUNT}:role/external"
        tenants = granted(function_roles=(role,), **FOREIGN)
        pilot = Pilot(sandbox, overrides={"tenants": tenants}, rules=written)
        return cls(pilot, written, spec)

    def begin(self) -> None:
        """As the spec asks, and without a memory of earlier corrections."""
        self.aws.end_faults()
        self.pilot.time += DAY
        self.settle(dict(self.spec))
        self.go_on(until=self.is_as_desired)

    def change(self, kind: str) -> None:
        """Somebody changes every property of the resources of a kind."""
        for one in CHANGES:
            if KINDS[one.resource].kind == kind and one.resource in self.names():
                for write in one.writes:
                    self._write(*write, one.resource)
                    self._wait_for_functions()

    def delete(self, kind: str) -> None:
        """Somebody deletes the first resource of a kind."""
        (deletion,) = (one for one in DELETIONS if one.kind == kind)
        first = next(one for one in self.status["resources"] if one["kind"] == kind)
        if kind == "S3Bucket":
            self._empty(first["physicalName"])
        for write in deletion.writes:
            self._write(*write, first["name"])

    def edit(self, spec: Mapping[str, Any]) -> None:
        """The user asks for something else."""
        self._spec = None
        self.pilot.apply(self.filled(dict(spec)))

    def go_on(
        self, seconds: float = MENDED, until: Callable[[Body], bool] | None = None
    ) -> list[Body]:
        """Reconcile at the planned times. Returns every status that was written.

        Raises:
            AssertionError: `until` did not come true.
        """
        self.written.bodies.clear()
        end = self.pilot.time + seconds
        for _ in range(MOST_STEPS):
            delay = run(self.pilot.step())
            self._see()
            self._wait_for_functions()
            if until is not None and until(self.body()):
                return list(self.written.bodies)
            if delay is None or self.pilot.time + delay > end:
                break
            self.pilot.time += delay
        if until is None:
            return list(self.written.bodies)
        raise AssertionError(f"not there after {seconds} s: {self.status['conditions']}")

    def names(self) -> set[str]:
        """The resources of the pipeline."""
        return {one["name"] for one in self.status["resources"]}

    def body(self) -> Body:
        """The object."""
        body = self.pilot.body()
        assert body is not None
        return body

    def differing(self) -> list[str]:
        """What in AWS is not as the spec asks."""
        config = self.pilot.controller._services.config
        return list(run(self.pilot.refused.differing(self.body(), config)))

    def is_as_desired(self, body: Body) -> bool:
        """Whether the status is content, and AWS is as the spec asks."""
        return is_content(body) and not self.differing()

    def calls_of(self, moment: Moment) -> list[Call]:
        """Write calls of the moment, undisturbed."""
        self.begin()
        moment.happens(self)
        self.aws.forget_calls()
        self.go_on(until=self.is_as_desired)
        made = {(one["service"], one["operation"]) for one in self.aws.writes() if one["sent"]}
        return sorted(made)


@dataclass(frozen=True)
class Moment:
    """What makes the operator write."""

    name: str
    happens: Callable[[Refusals], None]
    spec: Mapping[str, Any]
    """Of the pipeline before."""


_IN_SMALL: Final = {one.kind for one in resources_of(Spec.model_validate(SMALL))}


def _of_kinds(verb: str, kinds: set[str], happens: Callable[[Refusals, str], None]) -> list[Moment]:
    return [
        Moment(
            f"{verb} {kind}",
            lambda one, kind=kind: happens(one, kind),  # type: ignore[misc]
            SMALL if kind in _IN_SMALL else EVERYTHING,
        )
        for kind in sorted(kinds)
    ]


MOMENTS: Final[tuple[Moment, ...]] = (
    *_of_kinds("correct", {KINDS[one.resource].kind for one in CHANGES}, Refusals.change),
    *_of_kinds("re-create", {one.kind for one in DELETIONS}, Refusals.delete),
    Moment("remove features", lambda one: one.edit(_WITHOUT_FEATURES), SMALL),
    Moment("remove all features", lambda one: one.edit(_WITHOUT_FEATURES), EVERYTHING),
    Moment("retag", lambda one: one.edit({**EVERYTHING, **_OTHER_TAGS}), EVERYTHING),
)


def conditions(body: Body) -> dict[str, str]:
    """Status of each condition."""
    return {one["type"]: one["status"] for one in body["status"]["conditions"]}


def is_content(body: Body) -> bool:
    """Whether it says that all is well."""
    return (
        verdict(body) is Verdict.CURRENT
        and conditions(body).get("DriftDetected") != "True"
        and all(one["state"] == "Ready" for one in body["status"]["resources"])
    )
