"""Corrections on record: a fight is told whatever its pace, and a mended setting is not one."""

from __future__ import annotations

import pytest

from clickstream_operator import status as statuses
from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action
from clickstream_operator.reconcile.corrections import Corrections
from tests.unit.engine.fake_resource import FakeResource
from tests.unit.reconcile.world import World

HOUR = 3600.0
DAY = 24 * HOUR


def corrected(
    field: str = "size", state: State = State.READY, action: Action = Action.UPDATE
) -> dict[str, Outcome]:
    """A reconcile that corrected drift of one field."""
    entry = FakeResource("a").entry(state=state)
    return {"a": Outcome("a", entry, done=(action,), fields=(field,), corrected_drift=True)}


def untouched(state: State = State.READY) -> dict[str, Outcome]:
    """A reconcile that wrote nothing."""
    return {"a": Outcome("a", FakeResource("a").entry(state=state))}


def test_corrections_of_a_field_are_counted() -> None:
    """One a reconcile, also when each was seen to hold for a while."""
    known = Corrections()
    for hour in range(3):
        assert known.note(corrected(), now=hour * HOUR) == ["a"]
        assert known.note(untouched(), now=(hour + 0.5) * HOUR) == []
    assert known.counts() == {"a": 3}


def test_other_fields_are_no_fight() -> None:
    """Three mends of three settings in a day: nobody undid one."""
    known = Corrections()
    for field in ("a", "b", "c"):
        known.note(corrected(field), now=0.0)
    assert known.counts() == {"a": 1}


def test_a_correction_that_held_for_a_day_is_forgotten() -> None:
    """By a full observation that sees it in place, and not by any other."""
    known = Corrections()
    known.note(corrected(), now=0.0)
    known.note(untouched(), now=DAY - 1)
    assert known.counts() == {"a": 1}
    known.note(untouched(), now=DAY, full=False)
    known.note(untouched(), now=DAY, unobservable={"a"})
    assert known.counts() == {"a": 1}
    known.note(untouched(), now=DAY)
    assert known.counts() == {}


@pytest.mark.parametrize("state", [State.FAILED, State.BLOCKED, State.UPDATING, State.DRIFTED])
def test_an_unsettled_resource_keeps_its_row(state: State) -> None:
    """However old: resyncs may be a day apart."""
    known = Corrections()
    known.note(corrected(), now=0.0)
    known.note(untouched(state), now=2 * DAY)
    assert known.counts() == {"a": 1}


def test_a_correction_of_many_steps_counts_once() -> None:
    """However many reconciles it takes, and however many polls wait for its end."""
    known = Corrections()
    assert known.note(corrected(state=State.UPDATING), now=0.0) == ["a"]
    assert known.note(corrected(state=State.UPDATING), now=1.0) == []
    assert known.note(corrected(), now=2.0) == []
    assert known.counts() == {"a": 1}
    assert known.note(corrected(), now=3.0) == ["a"]
    assert known.counts() == {"a": 2}


def test_what_was_made_again_is_no_correction_of_a_field() -> None:
    """It is told as lost; its settings come with it."""
    known = Corrections()
    assert known.note(corrected(action=Action.CREATE), now=0.0) == ["a"]
    assert known.counts() == {}


@pytest.mark.parametrize("minutes", [5, 25, 120, 7 * 60])
async def test_a_fight_at_any_pace_is_told(world: World, minutes: int) -> None:
    """Three corrections, then the field is left and its fight said, until somebody asks."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    due = minutes * 60.0
    for _ in range(400):
        if world.time >= due:
            fake.exists(size=9)
            due += minutes * 60.0
        world.time += min(await world.step() or 0.0, max(1.0, due - world.time))
        if statuses.inventory(world.kube.status)["a"].reason == Reason.DRIFT_LOOP:
            break
    assert fake.writes == ["create", "update", "update", "update"]
    entry = statuses.inventory(world.kube.status)["a"]
    assert entry.reason == Reason.DRIFT_LOOP
    assert "request a reconcile" in entry.message
    assert world.kube.body is not None
    requested = {"clickstream.dev/reconcile-requested-at": "now"}
    world.kube.body["metadata"]["annotations"] = requested
    await world.step()
    assert fake.writes == ["create", "update", "update", "update", "update"]
