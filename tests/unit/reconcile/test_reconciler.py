"""The controller's own part of a pass, over resources in memory."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from clickstream_operator import pipeline
from clickstream_operator import status as statuses
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import FINALIZER, Status
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.session import AwsSession, CallerIdentity
from clickstream_operator.engine.resource import DeletionPolicy, Observed, progressing
from clickstream_operator.kube.client import KubeClient
from clickstream_operator.kube.event_recorder import EventRecorder
from clickstream_operator.kube.events import Event
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.reconcile import apply as apply_pass
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.reconciler import Reconciler
from clickstream_operator.reconcile.services import Services
from clickstream_operator.resources.s3_config_object import ConfigObject
from clickstream_operator.telemetry.metrics import Metrics
from tests.unit.engine.fake_resource import FakeResource, Unindexed, aws_error

KEY = ObjectKey("shop", "web")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


class MemoryKube:
    """One object of an API server, as far as the controller uses it."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = {
            "metadata": {
                "name": KEY.name,
                "namespace": KEY.namespace,
                "uid": "uid-1",
                "generation": 1,
                "resourceVersion": "1",
                "creationTimestamp": "2026-11-01T00:00:00Z",
            },
            "spec": {},
        }
        self.statuses: list[Status] = []
        self.on_status: Callable[[], None] = lambda: None

    @property
    def status(self) -> Status:
        """What is stored."""
        return self.statuses[-1]

    async def get(self, key: ObjectKey) -> dict[str, Any] | None:
        """The object."""
        return copy.deepcopy(self.body)

    async def add_finalizer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Guard it."""
        assert self.body is not None
        self.body["metadata"]["finalizers"] = [FINALIZER]
        return copy.deepcopy(self.body)

    async def remove_finalizer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let it go."""
        gone = self.body
        assert gone is not None
        self.body = None
        return gone

    async def write_status(
        self, body: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Store and remember."""
        assert self.body is not None
        self.body["status"] = dict(status)
        self.statuses.append(Status.model_validate(status))
        self.on_status()
        return copy.deepcopy(self.body)


class MemoryRecorder:
    """Events in a list."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    async def record(self, body: Mapping[str, Any], event: Event) -> None:
        """Remember it."""
        self.seen.append(event)


class MemorySession:
    """A credential of one account."""

    error: AwsError | None = None

    async def identity(self) -> CallerIdentity:
        """The account."""
        if self.error is not None:
            raise self.error
        return CallerIdentity("123456789012", "aws")


class World:
    """A controller, its object, and the resources that a spec asks for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kube, self.recorder, self.time = MemoryKube(), MemoryRecorder(), 0.0
        self.session = MemorySession()
        self.wanted: list[FakeResource] = []
        self.possible: list[FakeResource] = []
        monkeypatch.setattr(pipeline, "build", lambda _blueprint: self.wanted)
        monkeypatch.setattr(pipeline, "build_everything", lambda _blueprint: self.possible)
        self.controller = Reconciler(
            Services(
                kube=cast("KubeClient", self.kube),
                recorder=cast("EventRecorder", self.recorder),
                sessions=lambda _region, _role: cast("AwsSession", self.session),
                config=OperatorConfig(
                    cluster="cluster-1",
                    instance="test",
                    default_region="eu-west-1",
                    account_regional_buckets=False,
                    packages={},
                ),
                metrics=Metrics(),
                clock=lambda: self.time,
                now=lambda: NOW + timedelta(seconds=self.time),
            ),
            jitter=lambda: 0.0,
        )

    def has(self, *resources: FakeResource) -> None:
        """The spec asks for these."""
        self.wanted = self.possible = list(resources)

    async def step(self) -> float | None:
        """One pass."""
        return await self.controller.reconcile(KEY)

    def edit(self) -> None:
        """A new generation."""
        assert self.kube.body is not None
        self.kube.body["metadata"]["generation"] += 1

    def ask_to_delete(self) -> None:
        """Somebody deletes the object."""
        self.edit()
        assert self.kube.body is not None
        self.kube.body["metadata"]["deletionTimestamp"] = "2026-11-01T01:00:00Z"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A new object and no resources."""
    return World(monkeypatch)


def ready_of(status: Status) -> tuple[str, int]:
    """Status and generation of Ready."""
    (found,) = (one for one in status.conditions if one.type == "Ready")
    return found.status, status.observed_generation


async def test_intent_is_recorded_before_the_first_write(world: World) -> None:
    """Finalizer, names and account are stored before anything is created."""
    fake = FakeResource("a")
    seen: list[tuple[bool, bool]] = []
    fake.on_observe = lambda: seen.append(
        (
            bool(world.kube.statuses),
            bool(world.kube.body and world.kube.body["metadata"].get("finalizers")),
        )
    )
    world.has(fake)
    await world.step()
    assert seen[0] == (True, True)
    assert ready_of(world.kube.statuses[0]) == ("Unknown", 1)
    assert ready_of(world.kube.status) == ("True", 1)


async def test_second_reconcile_writes_nothing(world: World) -> None:
    """No write to AWS, none to Kubernetes, no Event."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    fake.log.clear()
    world.kube.statuses.clear()
    world.recorder.seen.clear()
    world.time = 300
    await world.step()
    assert (fake.writes, world.kube.statuses, world.recorder.seen) == ([], [], [])


class ConfigPart(FakeResource):
    """One that is inside the bucket."""

    kind = ConfigObject.kind


class Slow(FakeResource):
    """One whose change lasts until the status shows the progress of the others."""

    gate: asyncio.Event

    async def update(self, *arguments: Any) -> None:
        """Wait, then change."""
        await self.gate.wait()
        await super().update(*arguments)

    async def create(self, desired: Mapping[str, Any]) -> Observed | None:
        """Wait, then create."""
        await self.gate.wait()
        return await super().create(desired)


async def test_edit_is_not_ready_before_it_is_applied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a long pass applies an edit, no status claims it."""
    monkeypatch.setattr(apply_pass, "_PROGRESS_SECONDS", 0)
    fake = Slow("a")
    fake.gate = asyncio.Event()
    fake.gate.set()
    world.has(fake)
    await world.step()
    fake.gate.clear()
    world.edit()
    fake.want = {"size": 5}
    shown: list[tuple[str, int]] = []

    def look() -> None:
        shown.append(ready_of(world.kube.status))
        if len(world.kube.statuses) > before + 1:
            fake.gate.set()

    before = len(world.kube.statuses)
    world.kube.on_status = look
    await world.step()
    assert shown[-1] == ("True", 2)
    assert all(one == ("False", 2) for one in shown[:-1])


async def test_transition_during_a_long_pass_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the status showed in between still makes its Event at the end."""
    monkeypatch.setattr(apply_pass, "_PROGRESS_SECONDS", 0)
    bad, slow = FakeResource("bad"), Slow("slow")
    bad.fail["create"] = aws_error(Category.INVALID)
    slow.gate = asyncio.Event()

    def look() -> None:
        if any(one.type == "Stalled" for one in world.kube.status.conditions):
            slow.gate.set()

    world.kube.on_status = look
    world.has(bad, slow)
    await world.step()
    reasons = [one.reason for one in world.recorder.seen]
    assert reasons.count(Reason.INVALID) == 1
    assert Reason.RESOURCE_CREATED in reasons


async def test_what_left_the_spec_goes(world: World) -> None:
    """A resource of the inventory that is no longer wanted is deleted."""
    kept, dropped = FakeResource("a"), FakeResource("b")
    world.has(kept, dropped)
    await world.step()
    world.edit()
    world.wanted = [kept]
    await world.step()
    assert dropped.writes == ["create", "delete"]
    assert [one.name for one in world.kube.status.resources] == ["a"]


async def test_deletion_removes_everything_and_lets_go(world: World) -> None:
    """The finalizer goes when AWS has nothing of ours any more."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    world.ask_to_delete()
    assert await world.step() is None
    assert fake.there is None
    assert world.kube.body is None


async def test_deletion_waits_for_aws(world: World) -> None:
    """While something is left the finalizer stays."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    fake.fail["delete"] = aws_error(Category.CONFLICT)
    world.ask_to_delete()
    assert await world.step() == 2
    assert world.kube.body is not None


async def test_deletion_does_not_look_again_for_what_is_gone(world: World) -> None:
    """A poll reads only what is left; another process looks for everything once."""
    left, gone = FakeResource("left"), FakeResource("gone")
    world.has(left, gone)
    await world.step()
    left.fail["delete"] = aws_error(Category.CONFLICT)
    world.ask_to_delete()
    await world.step()
    assert gone.there is None
    looks = gone.calls.count("observe")
    world.time += 60
    await world.step()
    assert gone.calls.count("observe") == looks
    assert world.kube.body is not None
    del left.fail["delete"]
    world.time += 60
    assert await world.step() is None
    assert world.kube.body is None


async def test_what_another_version_made_is_not_forgotten(world: World) -> None:
    """A line that nothing of this version answers to stays, holds a deletion up, and says so."""
    fake, newer = FakeResource("a"), FakeResource("newer")
    world.has(fake, newer)
    await world.step()
    world.has(fake)
    world.edit()
    await world.step()
    assert [one.name for one in world.kube.status.resources] == ["a", "newer"]
    assert ready_of(world.kube.status)[0] == "True"
    world.ask_to_delete()
    await world.step()
    (line,) = world.kube.status.resources
    assert (line.name, line.reason) == ("newer", "DeletionBlocked")
    assert "made by another version" in line.message
    assert newer.there is not None
    assert world.kube.body is not None
    world.kube.body["metadata"]["annotations"] = {"clickstream.dev/force-delete": "true"}
    await world.step()
    assert world.kube.body is None


async def test_a_part_goes_with_what_it_is_in(world: World) -> None:
    """A configuration in the bucket leaves the record with the spec, and holds nothing up."""
    fake, part = FakeResource("a"), ConfigPart("config")
    world.has(fake, part)
    await world.step()
    world.has(fake)
    world.edit()
    await world.step()
    assert [one.name for one in world.kube.status.resources] == ["a"]
    world.has(fake, part)
    world.edit()
    await world.step()
    world.possible = [fake]
    world.ask_to_delete()
    await world.step()
    assert world.kube.body is None


async def test_deletion_without_a_status_finds_what_was_made(world: World) -> None:
    """Restored without its status, or ended right after its finalizer: AWS is asked, not believed.

    Also when the credential fails at first, which gives the object a status.
    """
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    assert world.kube.body is not None
    del world.kube.body["status"]
    world.session.error = aws_error(Category.TRANSIENT)
    world.ask_to_delete()
    await world.step()
    assert "status" in (world.kube.body or {})
    world.session.error = None
    await world.step()
    gone: Any = (world.kube.body, fake.there)
    assert gone == (None, None)


async def test_what_a_deletion_keeps_is_told(world: World) -> None:
    """Its ARN, when nothing else is left that could say it."""
    kept, fake = FakeResource("a", deletion=DeletionPolicy.RETAIN), FakeResource("b")
    world.has(kept, fake)
    await world.step()
    world.ask_to_delete()
    world.recorder.seen.clear()
    await world.step()
    assert world.kube.body is None
    (told,) = (one for one in world.recorder.seen if one.reason is Reason.RESOURCE_RETAINED)
    assert (told.kind, told.note) == (
        "Normal",
        f"spec.deletionPolicy keeps 1 in AWS: {kept.arn}",
    )


async def test_deletion_right_after_creation_finds_what_is_not_shown_yet(world: World) -> None:
    """A look that lags the creation must not leak what was made."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    world.ask_to_delete()
    fake.lag = 1
    delay = await world.step()
    assert (world.kube.status.resources[0].reason, delay) == ("ConfirmingAbsence", 10.0)
    world.time += 10
    await world.step()
    assert (world.kube.body, fake.there) == (None, None)


async def test_what_no_process_tried_to_make_is_not_waited_for(world: World) -> None:
    """One that saw it all knows what was never asked for; another one does not."""
    first, second = FakeResource("a"), FakeResource("b", "a")
    first.after_create = progressing("Busy", "busy")
    world.has(first, second)
    await world.step()
    world.ask_to_delete()
    stored = copy.deepcopy(world.kube.body)
    await world.step()
    assert (world.kube.body, first.there) == (None, None)
    world.kube.body = stored
    world.controller._states.clear()
    assert await world.step() == 10.0


async def test_a_creation_without_an_answer_is_doubted(world: World) -> None:
    """AWS may have made what it did not confirm."""
    fake = FakeResource("a")
    fake.fail["create"] = aws_error(Category.TRANSIENT)
    world.has(fake)
    await world.step()
    world.ask_to_delete()
    await world.step()
    assert world.kube.status.resources[0].reason == "ConfirmingAbsence"


async def test_deletion_long_after_creation_believes_aws(world: World) -> None:
    """What was there for minutes and is not found is gone."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    world.time += 60
    fake.there = None
    world.ask_to_delete()
    await world.step()
    assert world.kube.body is None


async def test_a_feature_turned_off_at_once_leaks_nothing(world: World) -> None:
    """Pruning doubts a NotFound as deletion does."""
    kept, dropped = FakeResource("a"), FakeResource("b")
    world.has(kept, dropped)
    await world.step()
    world.wanted = [kept]
    world.edit()
    dropped.lag = 1
    delay = await world.step()
    assert delay is not None
    world.time += delay
    await world.step()
    assert dropped.there is None
    assert [one.name for one in world.kube.status.resources] == ["a"]


async def test_deletion_does_not_list_what_never_was(world: World) -> None:
    """While AWS does not answer, the status names what is on record, and nothing is let go."""
    mine, never = FakeResource("mine"), FakeResource("never")
    world.has(mine)
    await world.step()
    world.possible = [mine, never]
    world.ask_to_delete()
    error = aws_error(Category.TRANSIENT, "ReadTimeoutError")
    mine.fail = never.fail = {"observe": error}
    await world.step()
    assert [one.name for one in world.kube.status.resources] == ["mine"]
    mine.fail, mine.there = {}, None
    world.time += 60
    await world.step()
    assert world.kube.body is not None
    assert [one.name for one in world.kube.status.resources] == ["never"]
    never.fail = {}
    world.time += await world.step() or 0.0
    await world.step()
    assert world.kube.body is None


async def test_deletion_names_the_failed_look_that_it_waits_for(world: World) -> None:
    """What all on record waits for is told, and nothing else of what never was."""
    mine, idle = FakeResource("mine"), FakeResource("idle")
    never = FakeResource("never", "mine", "idle")
    world.has(mine)
    await world.step()
    world.possible = [mine, idle, never]
    world.ask_to_delete()
    never.fail = {"observe": aws_error(Category.ACCESS_DENIED, text="no")}
    while world.time < 1000:
        delay = await world.step()
        stalled = [one for one in world.kube.status.conditions if one.type == "Stalled"]
        if stalled:
            break
        assert delay is not None
        world.time += delay
    assert 300 <= world.time < 301
    assert "never: fake:call failed with" in stalled[0].message
    assert [one.name for one in world.kube.status.resources] == ["mine", "never"]
    assert "delete" not in mine.calls
    never.fail = {}
    await world.step()
    assert world.kube.body is None
    assert mine.there is None


@pytest.mark.parametrize(
    ("category", "seconds"),
    [(Category.TRANSIENT, 600), (Category.THROTTLED, 600), (Category.ACCESS_DENIED, 300)],
)
async def test_stalled_is_said_when_the_time_is_over(
    world: World, category: Category, seconds: int
) -> None:
    """Not one backoff later: a pass comes at the moment at which patience ends."""
    fake = FakeResource("a")
    fake.fail["create"] = aws_error(category)
    world.has(fake)
    while True:
        delay = await world.step()
        if any(one.type == "Stalled" for one in world.kube.status.conditions):
            break
        assert delay is not None
        world.time += delay
    assert seconds <= world.time < seconds + 1


async def test_a_stalled_deletion_is_said_when_the_time_is_over(world: World) -> None:
    """Deletion keeps the same times as everything else."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    world.ask_to_delete()
    fake.fail["delete"] = aws_error(Category.THROTTLED)
    while True:
        delay = await world.step()
        if any(one.type == "Stalled" for one in world.kube.status.conditions):
            break
        assert delay is not None
        world.time += delay
    assert 600 <= world.time < 601


async def test_drift_loop_is_found_beside_a_busy_neighbour(world: World) -> None:
    """Polls for another resource do not make a row of corrections look like success."""
    fake, busy = FakeResource("a"), FakeResource("busy")
    busy.after_create = progressing("Busy", "busy")
    world.has(fake, busy)
    await world.step()
    for round_ in range(1, 5):
        fake.exists(size=9)
        world.time = 300.0 * round_
        await world.step()
        world.time += 2
        await world.step()
    assert fake.writes == ["create", "update", "update", "update"]
    line = statuses.inventory(world.kube.status)["a"]
    assert line.reason == Reason.DRIFT_LOOP


@pytest.mark.parametrize("call", ["observe-full", "read_tags"])
async def test_a_rare_look_that_is_refused_is_said_in_time(world: World, call: str) -> None:
    """The looks between, which leave out what is refused, do not pass for success."""
    fake = Unindexed("a")
    fake.tags_in_observation = False
    world.has(fake)
    await world.step()
    fake.fail[call] = aws_error(Category.ACCESS_DENIED, text="no")
    while world.time < 3600 and ready_of(world.kube.status)[0] == "True":
        delay = await world.step()
        assert delay is not None
        world.time += delay
    assert ready_of(world.kube.status)[0] == "Unknown"
    assert world.kube.status.resources[0].reason == "AccessDenied"
    fake.fail = {}
    await world.step()
    assert ready_of(world.kube.status)[0] == "True"


async def test_vanished_object_is_forgotten(world: World) -> None:
    """No object, no next pass."""
    world.kube.body = None
    assert await world.step() is None
