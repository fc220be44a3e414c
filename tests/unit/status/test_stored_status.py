"""The stored status: round trips, empty members, laws over any course of reconciles."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator import status as statuses
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Status
from clickstream_operator.engine.inventory import Drift, Entry, Origin, State
from clickstream_operator.status.result import Blocker, ReconcileResult, timestamp
from tests.unit.status.composed import (
    AFTER_FIVE,
    AFTER_TEN,
    AT_ONCE,
    EFFECTIVE,
    T0,
    assert_lawful,
    compose,
    entry,
    result,
)


def test_inventory_survives_the_round_trip() -> None:
    """What compose writes, inventory reads."""
    lines = [
        entry("a", origin=Origin.ADOPTED),
        entry("b", State.DRIFTED, Reason.DRIFT_DETECTED, drift=(Drift("x", "1", "2"),)),
        entry("c", State.PENDING, arn="", applied_hash=""),
    ]
    status = compose(result(*lines))
    stored = Status.model_validate(statuses.as_body(status))
    found = statuses.inventory(stored)
    assert list(found) == ["a", "b", "c"]
    for line in lines:
        again = found[line.name]
        assert again == Entry(
            **{name: getattr(line, name) for name in Entry.__dataclass_fields__ if name != "since"},
            since=timestamp(T0),
        )


def test_progress_survives_the_round_trip() -> None:
    """A change that has begun, and the parts that are gone, are fields of their own."""
    begun = entry("a", State.UPDATING, Reason.WAITING_FOR_AWS, partially_applied=True)
    emptied = entry("b", State.DELETING, Reason.DELETING, removed_parts=3_000)
    body = statuses.as_body(compose(result(begun, emptied)))
    first, second = body["resources"]
    assert (first["appliedHash"], first["partiallyApplied"]) == (begun.applied_hash, True)
    assert second["removedParts"] == 3_000
    assert {"partiallyApplied", "removedParts"}.isdisjoint(first.keys() & second.keys())
    found = statuses.inventory(Status.model_validate(body))
    assert found["a"].partially_applied
    assert not found["b"].partially_applied
    assert found["b"].removed_parts == 3_000


def test_partially_applied_object_of_an_earlier_version_is_read() -> None:
    """There a tilde after the hash said so; the hash is the one that was last applied in full."""
    body = statuses.as_body(compose(result(entry("a"), entry("b"))))
    body["resources"][0]["appliedHash"] += "~"
    found = statuses.inventory(Status.model_validate(body))
    assert found["a"].partially_applied
    assert found["a"].applied_hash == entry().applied_hash
    assert not found["a"].has_applied(entry().applied_hash)
    assert found["b"].has_applied(entry().applied_hash)
    again = statuses.as_body(compose(result(*found.values())))
    assert [one["appliedHash"] for one in again["resources"]] == [entry().applied_hash] * 2
    assert again["resources"][0]["partiallyApplied"] is True


def test_what_is_empty_is_left_out() -> None:
    """The stored status has no empty member, and keeps zero and false."""
    body = statuses.as_body(Status(observed_generation=0, outputs={"a": "", "b": 0, "c": False}))
    assert body == {"observedGeneration": 0, "outputs": {"b": 0, "c": False}}


REASONS = st.sampled_from(
    [*AT_ONCE, *AFTER_FIVE, *AFTER_TEN, Reason.WAITING_FOR_AWS, Reason.SUSPENDED, ""]
)
ENTRIES = st.lists(
    st.builds(
        entry,
        st.sampled_from("abcdef"),
        st.sampled_from(State),
        REASONS,
        applied_hash=st.sampled_from(["", "0" * 16]),
    ),
    max_size=6,
    unique_by=lambda one: one.name,
)


@st.composite
def results(draw: st.DrawFn) -> ReconcileResult:
    """Any result of a reconcile."""
    entries = draw(ENTRIES)
    with_names = [one.name for one in entries]
    return ReconcileResult(
        generation=1,
        entries=entries,
        gating=frozenset(draw(st.sets(st.sampled_from(with_names)))) if entries else frozenset(),
        effective=EFFECTIVE,
        suspended=draw(st.booleans()),
        deleting=draw(st.booleans()),
        failed_observations=draw(st.integers(0, 4)),
        credentials_are_bad=draw(st.booleans()),
        blocker=draw(
            st.none()
            | st.builds(Blocker, st.sampled_from([*AT_ONCE, *AFTER_FIVE, *AFTER_TEN]), st.just("p"))
        ),
    )


@given(st.lists(st.tuples(results(), st.integers(0, 700)), min_size=1, max_size=5))
def test_laws_of_every_status(course: list[tuple[ReconcileResult, int]]) -> None:
    """Over any course of reconciles: kstatus, exclusive conditions, times, round trip."""
    status, now = Status(), T0
    for found, seconds in course:
        now += timedelta(seconds=seconds)
        before, status = status, statuses.compose(status, found, now=now)
        assert_lawful(before, status, found, now=now)


@pytest.mark.parametrize(
    ("annotations", "settled"),
    [
        ({}, True),
        ({"clickstream.dev/reconcile-requested-at": "before"}, True),
        ({"clickstream.dev/reconcile-requested-at": "now"}, False),
        ({"clickstream.dev/approved-plan": "an old plan"}, True),
        ({"clickstream.dev/approved-plan": "the plan"}, False),
    ],
)
def test_what_is_asked_while_no_operator_runs_is_not_settled(
    annotations: dict[str, str], *, settled: bool
) -> None:
    """At its start the operator lets what is settled wait: not what somebody asked for."""
    body = {
        "metadata": {"generation": 1, "annotations": annotations},
        "status": {
            "observedGeneration": 1,
            "conditions": [{"type": "Ready", "status": "True"}],
            "lastHandledReconcileAt": "before",
            "plan": {"hash": "the plan"},
        },
    }
    assert statuses.is_up_to_date(body) is settled
