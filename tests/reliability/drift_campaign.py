"""Changes and deletions of `drift_map` on one pipeline with everything, under each policy."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError, WaiterError

from clickstream_operator.aws.readings import Reading
from tests.integration.pilot import Pilot, run
from tests.reliability import attributes, drift_map
from tests.reliability.campaign import Campaign
from tests.reliability.drift_map import CHANGES, DELETIONS, RESYNCS

#: A poll comes sooner than this; what comes later is the next resync.
POLL_SECONDS: Final = 60.0
MOST_RECONCILES: Final = 40


@dataclass
class Story:
    """The course of the campaign, by change or by resource."""

    changed: set[str] = field(default_factory=set)
    """Changes that AWS really took."""
    ignored_writes: int = 0
    """Under Ignore: writes, new Events, drift in the status."""
    ignored_events: list[str] = field(default_factory=list)
    ignored_drift: list[str] = field(default_factory=list)
    found: dict[str, int] = field(default_factory=dict)
    """Under Report: the resync in which a change was named first."""
    reported_writes: int = 0
    reported_ready: set[str] = field(default_factory=set)
    """Status of Ready after each resync."""
    reported_events: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    """Changes that are still in AWS afterwards."""
    later_events: list[str] = field(default_factory=list)
    """New Events of three more resyncs."""
    put_back: set[str] = field(default_factory=set)
    """Changes that are corrected once the policy becomes Correct."""
    corrected: dict[str, int] = field(default_factory=dict)
    """Under Correct: the resync after which AWS has the desired value again."""
    corrected_events: list[str] = field(default_factory=list)
    writes_at_rest: int = 0
    """Writes of three more resyncs."""
    missing: dict[str, int] = field(default_factory=dict)
    """After the deletions, under Report: the resync in which a resource was named missing."""
    missing_ready: str = ""
    missing_writes: int = 0
    missing_events: list[str] = field(default_factory=list)
    restored: set[str] = field(default_factory=set)
    """Resources that Correct made again."""
    all_resources: dict[str, str] = field(default_factory=dict)
    """Kind of each resource by its inventory name."""
    desired: dict[str, set[str]] = field(default_factory=dict)
    """Desired properties of each kind."""


class Drifts(Campaign):
    """The pipeline of the campaign, its changes in AWS and its reconciles."""

    def __init__(self, pilot: Pilot) -> None:
        super().__init__(pilot)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            package.writestr("other.py", "")
        self._package = buffer.getvalue()
        self.story = Story()

    def live(self) -> Story:
        """All of it."""
        self.settle({**drift_map.SPEC, "driftPolicy": "Ignore"})
        story = self.story
        resources = {one["name"]: one["kind"] for one in self.status["resources"]}
        story.all_resources = resources
        wanted = self.shown()
        self._change_all(wanted)
        self._ignore()
        self._report()
        self._put_back(wanted)
        self._change_all(wanted)
        self._correct(wanted)
        self.settle({**drift_map.SPEC, "driftPolicy": "Report"})
        self._delete_all(resources)
        return story

    # -- steps

    def _ignore(self) -> None:
        events = self._notes()
        self.pilot.forget_calls()
        for _ in range(max(RESYNCS.values())):
            self.resync()
            self.story.ignored_drift += self._named() | self._conditions("DriftDetected")
        self.story.ignored_writes = self.pilot.writes().total()
        self.story.ignored_events = self._notes()[len(events) :]

    def _report(self) -> None:
        story, events = self.story, self._notes()
        changed = self.shown()
        self.pilot.forget_calls()
        self.pilot.apply({**drift_map.SPEC, "driftPolicy": "Report"})
        for number in range(1, 4):
            self.resync()
            for name in self._named():
                story.found.setdefault(name, number)
            story.reported_ready.add(self._ready())
        story.reported_events = self._notes()[len(events) :]
        for _ in range(3):
            self.resync()
            story.reported_ready.add(self._ready())
            assert self._named() == set(story.found), "what was found does not come and go"
        story.later_events = self._notes()[len(events) + len(story.reported_events) :]
        story.reported_writes = self.pilot.writes().total()
        after = self.shown()
        story.kept = {key for key, value in after.items() if value == changed[key]}

    def _put_back(self, wanted: Mapping[str, Any]) -> None:
        self.pilot.apply({**drift_map.SPEC, "driftPolicy": "Correct"})
        for _ in range(3):
            self.resync()
        after = self.shown()
        self.story.put_back = {key for key, value in after.items() if value == wanted[key]}

    def _correct(self, wanted: Mapping[str, Any]) -> None:
        story, events = self.story, self._notes()
        for number in range(1, 4):
            self.resync()
            for key, value in self.shown().items():
                if value == wanted[key]:
                    story.corrected.setdefault(key, number)
        story.corrected_events = self._notes()[len(events) :]
        self.pilot.forget_calls()
        for _ in range(3):
            self.resync()
        story.writes_at_rest = self.pilot.writes().total()

    def _delete_all(self, resources: Mapping[str, str]) -> None:
        story, events = self.story, self._notes()
        self.delete_resources()
        self.pilot.forget_calls()
        for number in range(1, 4):
            self.resync()
            for one in self.status["resources"]:
                # What needs something that is missing waits for it.
                if one.get("reason") in {"ResourceMissing", "WaitingForDependency"}:
                    story.missing.setdefault(one["name"], number)
        story.missing_ready = self._ready()
        story.missing_writes = self.pilot.writes().total()
        story.missing_events = self._notes()[len(events) :]
        self.settle({**drift_map.SPEC, "driftPolicy": "Correct"})
        story.restored = {
            one["name"]
            for one in self.status["resources"]
            if one["state"] == "Ready" and resources.get(one["name"]) == one["kind"]
        }

    # -- AWS

    def shown(self) -> dict[str, Any]:
        """Values in AWS of each changed property."""
        answers: dict[tuple[str, str], Any] = {}

        def ask(name: str, reading: Reading) -> Any:
            key = (name, reading.operation)
            if key not in answers:
                answer = self.ask(name, reading)
                answers[key] = json.loads(json.dumps(answer, default=str, sort_keys=True))
            return answers[key]

        shown = {one.name: attributes.values(one.resource, one.path, ask) for one in CHANGES}
        # Tags of others stay where they are: what counts is the operator's own.
        return {
            name: [(tags or {}).get("Environment") for tags in found]
            if name.endswith(".tags")
            else found
            for name, found in shown.items()
        }

    def _change_all(self, wanted: Mapping[str, Any]) -> None:
        for one in CHANGES:
            for write in one.writes:
                self._write(*write, one.resource)
                self._wait_for_all_functions()
        shown = self.shown()
        self.story.changed = {key for key, value in shown.items() if value != wanted[key]}

    def delete_resources(self) -> None:
        """Delete every resource, as another hand does."""
        by_kind = {one.kind: one for one in DELETIONS}
        # What needs another thing goes before it.
        for one in reversed(self.status["resources"]):
            if one["kind"] == "S3Bucket":
                self._empty(one["physicalName"])
            if one["kind"] in by_kind:
                for write in by_kind[one["kind"]].writes:
                    self._write(*write, one["name"])

    def _write(self, service: str, operation: str, arguments: Mapping[str, Any], of: str) -> None:
        arns = {
            f"arn-of-{one['name']}": str(one.get("arn", "")) for one in self.status["resources"]
        }
        filled = self.filled(dict(arguments), **{"other-zip": "zip"}, **arns, **self.own(of))
        if filled.get("ZipFile"):
            filled["ZipFile"] = self._package
        try:
            getattr(self.client(service), operation)(**filled)
        except ClientError as error:
            error.add_note(f"{operation} {filled}")
            raise

    def _empty(self, bucket: str) -> None:
        answer = self.client("s3").list_object_versions(Bucket=bucket)
        for one in (*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())):
            self.client("s3").delete_object(
                Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"]
            )

    def _wait_for_all_functions(self) -> None:
        waiter = self.client("lambda").get_waiter("function_updated_v2")
        for name in ("processor", "detector"):
            settings = {"Delay": 0.05, "MaxAttempts": 200}
            waiter.wait(FunctionName=self.filled(f"<{name}>"), WaiterConfig=settings)

    def _wait_for_functions(self) -> None:
        # One that is gone is not waited for.
        with contextlib.suppress(WaiterError):
            super()._wait_for_functions()

    # -- the operator

    def settle(self, spec: dict[str, Any]) -> None:
        """Reconcile until nothing is left to do."""
        self._settle(spec)

    def resync(self) -> None:
        """One resync, and the polls that follow from it."""
        delay = run(self.pilot.resync())
        for _ in range(MOST_RECONCILES):
            self._see()
            if delay is None or delay > POLL_SECONDS:
                return
            self._wait_for_functions()
            self.pilot.time += delay
            delay = run(self.pilot.step())
        raise AssertionError(f"no rest after a resync: {self.status['conditions']}")

    def _see(self) -> None:
        body = self.pilot.body()
        assert body is not None
        self.status = body["status"]
        self._seen_resources |= {one["name"]: one for one in self.status["resources"]}

    def _named(self) -> Any:
        return {
            f"{one['name']}.{drift['field']}"
            for one in self.status["resources"]
            for drift in one.get("drift", ())
        }

    def _conditions(self, kind: str) -> set[str]:
        found = [one for one in self.status["conditions"] if one["type"] == kind]
        return {one["type"] for one in found if one["status"] == "True"}

    def _ready(self) -> str:
        (ready,) = (one for one in self.status["conditions"] if one["type"] == "Ready")
        return str(ready["status"])

    def _notes(self) -> list[str]:
        return [f"{one['reason']}: {one['note']}" for one in self.pilot.events()]
