"""Conditions: transition times, order, and the pair that never stands together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.api import conditions as types
from clickstream_operator.api.conditions import ConditionSet, Truth, by_type
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Condition

T0, T1 = "2026-11-01T00:00:00Z", "2026-11-01T00:01:00Z"


def ready(status: Truth = "True", *, now: str = T0) -> list[Condition]:
    """A list with Ready alone."""
    conditions = ConditionSet([], generation=1, now=now)
    conditions.set(types.READY, status, Reason.AVAILABLE, "all well")
    return conditions.as_list()


def test_condition_is_complete() -> None:
    """Every field of metav1.Condition is there, with the generation that it speaks about."""
    assert ready() == [
        Condition(
            type="Ready",
            status="True",
            reason="Available",
            message="all well",
            last_transition_time=T0,
            observed_generation=1,
        )
    ]


def test_time_stays_while_the_status_stays() -> None:
    """A new reason, message or generation is no transition."""
    conditions = ConditionSet(ready(), generation=2, now=T1)
    conditions.set(types.READY, "True", Reason.UPDATING, "another message")
    (condition,) = conditions.as_list()
    assert condition.last_transition_time == T0
    assert (condition.reason, condition.observed_generation) == ("Updating", 2)


def test_time_moves_with_the_status() -> None:
    """A new status is a transition."""
    conditions = ConditionSet(ready(), generation=1, now=T1)
    conditions.set(types.READY, "False", Reason.UPDATING)
    assert conditions.as_list()[0].last_transition_time == T1


def test_removed_condition_starts_anew() -> None:
    """A condition that was gone at the end of a reconcile has no past in the next."""
    conditions = ConditionSet(ready(), generation=1, now=T1)
    conditions.remove(types.READY)
    later = ConditionSet(conditions.as_list(), generation=1, now=T1)
    later.set(types.READY, "True", Reason.AVAILABLE, "all well")
    assert later.as_list() == ready(now=T1)


def test_removing_what_is_not_there_is_fine() -> None:
    """Removal is idempotent."""
    conditions = ConditionSet([], generation=1, now=T0)
    conditions.remove(types.STALLED)
    assert conditions.as_list() == []


def test_conditions_of_others_are_kept_at_the_end() -> None:
    """A condition that somebody else set stays, after ours and sorted."""
    foreign = [ready()[0].model_copy(update={"type": kind}) for kind in ("Zebra", "Apple")]
    conditions = ConditionSet([*foreign, *ready()], generation=1, now=T0)
    assert [one.type for one in conditions.as_list()] == ["Ready", "Apple", "Zebra"]


def test_by_type() -> None:
    """The list is a map by type."""
    assert by_type(ready())["Ready"].status == "True"


MOVES = st.lists(st.sampled_from(["reconciling", "stalled", "settled"]), max_size=8)


@given(MOVES)
def test_reconciling_and_stalled_exclude_each_other(moves: list[str]) -> None:
    """Abnormal-true conditions are present only when True, and never both."""
    conditions = ConditionSet([], generation=1, now=T0)
    for move in moves:
        if move == "reconciling":
            conditions.reconciling(Reason.PROGRESSING, "m")
        elif move == "stalled":
            conditions.stalled(Reason.INVALID, "m")
        else:
            conditions.settled()
    found = by_type(conditions.as_list())
    expected = set() if not moves or moves[-1] == "settled" else {moves[-1].capitalize()}
    assert set(found) == expected
    assert all(one.status == "True" for one in found.values())


def test_setting_twice_in_one_reconcile_is_no_transition() -> None:
    """Only the condition of the object before counts, not one set in between."""
    conditions = ConditionSet(ready(), generation=1, now=T1)
    conditions.set(types.READY, "False", Reason.UPDATING)
    conditions.set(types.READY, "True", Reason.AVAILABLE, "all well")
    assert conditions.as_list() == ready()
