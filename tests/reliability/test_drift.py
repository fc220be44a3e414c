"""What somebody else changes or deletes in AWS: found in time, named, and dealt with as told.

One pipeline with everything, on which all of `drift_map` happens at once: under Ignore, then the
same under Report, then Correct; then all again under Correct; then every resource is deleted.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError, WaiterError

from clickstream_operator.aws.readings import Reading
from clickstream_operator.engine import plan
from clickstream_operator.engine.desired import Desired
from clickstream_operator.engine.resource import Resource
from sandbox import Sandbox
from tests.integration.pilot import ACCOUNT, Pilot, empty_aws, run
from tests.reliability import attributes, drift_map
from tests.reliability.drift_map import CHANGES, DELETIONS, RESYNCS, Change
from tests.reliability.property_map import QUESTIONS, ROWS, Row
from tests.reliability.test_property_map import Campaign
from tests.tenant_grants import FOREIGN, granted

#: A poll comes sooner than this; what comes later is the next resync.
POLL_SECONDS: Final = 60.0
MOST_RECONCILES: Final = 40


# -- the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.target not in QUESTIONS], ids=lambda row: row.name
)
def test_a_row_has_its_drift_or_the_reason_for_none(row: Row) -> None:
    """A field whose attribute nobody changes behind the operator's back proves nothing about it."""
    entry = drift_map.drift_of(row.kind, row.target)
    assert entry.startswith("- ") or drift_map.looks_of(entry)


def test_every_change_has_its_own_name_and_a_place_where_aws_shows_it() -> None:
    """Two of one name could hide one another; the kind declares where each is shown."""
    names = [one.name for one in CHANGES]
    assert len(names) == len(set(names))
    assert all(attributes.readings_of(one.resource, one.path) for one in CHANGES)


# -- the campaign ------------------------------------------------------------------------------


@dataclass
class Story:
    """What was seen of everything, by change or resource.

    `found`: the resync in which it was named; `corrected`: the resync after which AWS has it again.
    """

    changed: set[str] = field(default_factory=set)
    ignored_writes: int = 0
    ignored_events: list[str] = field(default_factory=list)
    ignored_drift: list[str] = field(default_factory=list)
    found: dict[str, int] = field(default_factory=dict)
    reported_writes: int = 0
    reported_ready: set[str] = field(default_factory=set)
    reported_events: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    later_events: list[str] = field(default_factory=list)
    put_back: set[str] = field(default_factory=set)
    corrected: dict[str, int] = field(default_factory=dict)
    corrected_events: list[str] = field(default_factory=list)
    writes_at_rest: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    missing_ready: str = ""
    missing_writes: int = 0
    missing_events: list[str] = field(default_factory=list)
    restored: set[str] = field(default_factory=set)
    all_resources: dict[str, str] = field(default_factory=dict)
    desired: dict[str, set[str]] = field(default_factory=dict)


class Drifts(Campaign):
    """The pipeline of the campaign, and what happens to it."""

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
        by_kind = {one.kind: one for one in DELETIONS}
        # What needs another thing goes before it.
        for one in reversed(self.status["resources"]):
            if one["kind"] == "S3Bucket":
                self._empty(one["physicalName"])
            if one["kind"] in by_kind:
                for write in by_kind[one["kind"]].writes:
                    self._write(*write, one["name"])
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
        """What AWS shows of each change."""
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
        """Apply a spec and run passes until nothing is left to do."""
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


@pytest.fixture(scope="module")
def story(installed: Sandbox) -> Iterator[Story]:
    """What happened.

    On a plain emulator: resyncs are counted here, and AWS's own pace is that of tests/integration.
    """
    with empty_aws(installed, plain=True), pytest.MonkeyPatch.context() as patch:
        desired: dict[str, set[str]] = {}
        decide = plan.decide

        def noted(resource: Resource, wanted: Desired, *rest: Any, **more: Any) -> plan.Change:
            desired.setdefault(resource.kind, set()).update(wanted.properties)
            return decide(resource, wanted, *rest, **more)

        patch.setattr(plan, "decide", noted)
        allowed = frozenset({f"arn:aws:iam::{ACCOUNT}:role/external"})
        pilot = Pilot(
            installed, overrides={"tenants": granted(function_roles=tuple(allowed), **FOREIGN)}
        )
        story = Drifts(pilot).live()
        story.desired = desired
        yield story
        pilot.close()


EACH: Final = pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.name)


@EACH
def test_it_was_really_changed(story: Story, change: Change) -> None:
    """AWS shows something else, or what follows would prove nothing."""
    assert change.name in story.changed


def test_every_property_is_changed_or_the_reason_is_known(story: Story) -> None:
    """A property that nobody changes here is one whose drift nobody notices."""
    kinds = story.all_resources
    changed = {f"{kinds[one.resource]}.{one.path}" for one in CHANGES}
    wanted = {f"{kind}.{path}" for kind, paths in story.desired.items() for path in paths}
    tagged = {kind for kind in kinds.values() if f"{kind}.tags" in changed}
    assert wanted - changed == drift_map.FIXED.keys()
    untagged = {"ConfigObject", "Schedule", "SNSSubscription"}
    assert tagged == set(kinds.values()) - untagged


def test_ignored_drift_is_silent(story: Story) -> None:
    """No write, no Event, nothing in the status, in three resyncs."""
    assert (story.ignored_writes, story.ignored_events, story.ignored_drift) == (0, [], [])


@EACH
def test_reported_drift_is_named_in_time(story: Story, change: Change) -> None:
    """By resource and field, within one resync or three, and left as it is."""
    assert story.found[change.name] <= RESYNCS[change.look]
    assert change.name in story.kept


def test_nothing_else_is_called_drift(story: Story) -> None:
    """Only what was changed, and the pipeline stays ready: it works, and nobody writes."""
    assert set(story.found) - {one.name for one in CHANGES} == drift_map.BESIDE
    assert story.reported_ready == {"True"}
    assert story.reported_writes == 0


@EACH
def test_drift_is_told_by_one_event(story: Story, change: Change) -> None:
    """The one of the resync that found it; not one for each resync."""
    about = [note for note in story.reported_events if _tells(note, change, "DriftDetected")]
    assert len(about) == 1


def test_lasting_drift_is_no_news(story: Story) -> None:
    """Three more resyncs, no more Events."""
    assert story.later_events == []


@EACH
def test_drift_is_put_back(story: Story, change: Change) -> None:
    """When the policy becomes Correct, and at once when it is Correct already."""
    assert change.name in story.put_back
    assert story.corrected[change.name] <= RESYNCS[change.look]


@EACH
def test_correction_is_told_by_one_event(story: Story, change: Change) -> None:
    """With the resource and the field."""
    about = [note for note in story.corrected_events if _tells(note, change, "DriftCorrected")]
    # Lambda takes the code and the configuration one after the other.
    assert 1 <= len(about) <= (2 if change.resource == "detector" else 1)


def test_nothing_is_left_to_write(story: Story) -> None:
    """Three resyncs after the correction."""
    assert story.writes_at_rest == 0


def _tells(note: str, change: Change, reason: str) -> bool:
    said, _, rest = note.partition(": ")
    pattern = (
        rf"(?:^|; ){change.resource}: ([^;]*)"
        if reason == "DriftDetected"
        else rf"(?:^corrected |, ){change.resource} \(([^)]*)\)"
    )
    found = re.search(pattern, rest)
    return said == reason and found is not None and change.path in found[1].split(", ")


# -- deletion ----------------------------------------------------------------------------------


def test_every_resource_is_deleted_or_the_reason_is_known(story: Story) -> None:
    """A kind without its deletion here is one whose disappearance nobody notices."""
    kinds = set(story.all_resources.values())
    assert kinds == {one.kind for one in DELETIONS} | drift_map.NOT_BROUGHT_BACK.keys()


@pytest.mark.parametrize("deletion", DELETIONS, ids=lambda one: one.kind)
def test_a_deleted_resource_is_missed_and_made_again(
    story: Story, deletion: drift_map.Deletion
) -> None:
    """Report says so in time and makes nothing; Correct makes it again."""
    names = [name for name, kind in story.all_resources.items() if kind == deletion.kind]
    assert names
    for name in names:
        assert story.missing[name] <= RESYNCS[deletion.look], name
        assert name in story.restored


def test_a_pipeline_with_something_missing_is_not_ready(story: Story) -> None:
    """Report makes nothing, and says so."""
    assert story.missing_ready == "False"
    assert story.missing_writes == 0
