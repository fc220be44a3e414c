"""The outcome of a reconcile for one resource."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine import outcome as outcomes
from clickstream_operator.engine.desired import Desired, fingerprint
from clickstream_operator.engine.inventory import Origin, State
from clickstream_operator.engine.outcome import Outcome, Requeue, ResourceReconcile
from clickstream_operator.engine.ownership import Ownership
from clickstream_operator.engine.plan import Action, Change, Policy
from clickstream_operator.engine.resource import (
    Diff,
    Phase,
    Readiness,
    failed,
    progressing,
)
from tests.unit.engine.fake_resource import FakeResource, aws_error


def work(
    fake: FakeResource, change: Change | None = None, *, applied: bool = True
) -> ResourceReconcile:
    """The resource at the end of its reconcile."""
    entry = fake.entry() if applied else fake.entry(applied=False)
    result = ResourceReconcile(fake, entry, Desired.of(fake, fake.want), fake.there)
    result.change = change or Change(Action.NONE)
    return result


@pytest.mark.parametrize("state", State)
def test_ready_means_ready_or_drifted(state: State) -> None:
    """Dependents go on when a resource is ready, or differs and may."""
    entry = FakeResource("a").entry(state=state)
    assert Outcome("a", entry).ready is (state in {State.READY, State.DRIFTED})
    assert not Outcome("a", None).ready


@pytest.mark.parametrize(
    ("category", "reason", "later"),
    [
        (Category.NOT_FOUND, Reason.TRANSIENT, Requeue.POLL),
        (Category.ALREADY_EXISTS, Reason.CONFLICT, Requeue.BACKOFF),
        (Category.CONFLICT, Reason.CONFLICT, Requeue.POLL),
        (Category.THROTTLED, Reason.THROTTLED, Requeue.BACKOFF),
        (Category.ACCESS_DENIED, Reason.ACCESS_DENIED, Requeue.BACKOFF),
        (Category.INVALID, Reason.INVALID, Requeue.BACKOFF),
        (Category.LIMIT_EXCEEDED, Reason.LIMIT_EXCEEDED, Requeue.BACKOFF),
        (Category.TRANSIENT, Reason.TRANSIENT, Requeue.BACKOFF),
    ],
)
def test_errors_by_category(category: Category, reason: Reason, later: Requeue) -> None:
    """Every category has a reason and a pace; the facts on record stay."""
    fake = FakeResource("a")
    outcome = outcomes.failed(fake, fake.entry(), aws_error(category))
    assert outcome.entry == fake.entry(
        state=State.FAILED, reason=reason, message="fake:call failed with Code: said AWS"
    )
    assert outcome.next is later
    assert not outcome.credentials_are_bad


def test_every_category_is_in_the_table() -> None:
    """A new category can't be forgotten."""
    fake = FakeResource("a")
    for category in Category:
        assert outcomes.failed(fake, fake.entry(), aws_error(category)).entry


def test_bad_credential_is_told_apart() -> None:
    """An expired token is the credential's fault, not a missing permission."""
    fake = FakeResource("a")
    error = AwsError(
        service="s", operation="o", code="ExpiredToken", text="t", category=Category.ACCESS_DENIED
    )
    outcome = outcomes.failed(fake, fake.entry(), error)
    assert outcome.credentials_are_bad
    assert outcome.entry is not None
    assert outcome.entry.reason == Reason.CREDENTIALS_INVALID


def test_settled_one_is_ready_with_its_fingerprint() -> None:
    """The hash of what was applied is recorded only when nothing is left to do."""
    fake = FakeResource("a").exists()
    outcome = outcomes.conclude(work(fake, applied=False), Policy())
    assert outcome.entry is not None
    assert (outcome.entry.state, outcome.next) == (State.READY, Requeue.RESYNC)
    assert outcome.entry.applied_hash == fingerprint(fake.want, fake.tags)
    assert outcome.outputs == {"arn": fake.arn}


def test_old_error_is_cleared() -> None:
    """Reason, message and drift of an earlier reconcile do not linger."""
    fake = FakeResource("a").exists()
    state = work(fake)
    state.entry = replace(state.entry, state=State.FAILED, reason="Throttled", message="slow")
    assert outcomes.conclude(state, Policy()).entry == fake.entry()


def test_ready_one_may_have_something_to_say() -> None:
    """A subscription that waits for a click is ready, and says so."""
    waiting = Readiness(Phase.READY, Reason.NOT_CONFIRMED, "waiting for the subscriber")
    fake = FakeResource("a").exists(readiness=waiting)
    outcome = outcomes.conclude(work(fake), Policy())
    assert outcome.entry is not None
    assert (outcome.entry.state, outcome.entry.reason, outcome.entry.message) == (
        State.READY,
        Reason.NOT_CONFIRMED,
        "waiting for the subscriber",
    )


@pytest.mark.parametrize(
    ("owner", "recorded", "expected"),
    [
        (Ownership.OURS, False, Origin.CREATED),
        (Ownership.ADOPTABLE, False, Origin.ADOPTED),
        (Ownership.ADOPTED, False, Origin.ADOPTED),
        (Ownership.OURS, True, Origin.ADOPTED),
    ],
)
def test_origin_is_decided_once(*, owner: Ownership, recorded: bool, expected: Origin) -> None:
    """Adopted stays adopted when it is observed again."""
    fake = FakeResource("a").exists()
    state = work(fake, applied=False)
    if recorded:
        state.entry = fake.entry(origin=Origin.ADOPTED)
    state.owner = owner
    entry = outcomes.conclude(state, Policy()).entry
    assert entry is not None
    assert entry.origin is expected


@pytest.mark.parametrize(("applied", "state"), [(True, State.UPDATING), (False, State.CREATING)])
def test_unfinished_one_says_what_is_open(*, applied: bool, state: State) -> None:
    """Creating before the first success, updating after it; the open fields are named."""
    fake = FakeResource("a").exists(size=2)
    change = Change(Action.UPDATE, Diff({"size": (2, 1)}))
    entry = outcomes.conclude(work(fake, change, applied=applied), Policy()).entry
    assert entry is not None
    assert (entry.state, entry.message) == (state, "size not applied yet")


def test_message_of_aws_comes_first() -> None:
    """What AWS says about a busy thing is the message."""
    fake = FakeResource("a").exists(readiness=progressing("Busy", "the thing is UPDATING"))
    outcome = outcomes.conclude(work(fake), Policy())
    assert outcome.entry is not None
    assert outcome.entry.message == "the thing is UPDATING"
    assert outcome.next is Requeue.POLL


def test_failed_thing_is_not_hidden_by_equal_fields() -> None:
    """Equal properties do not make a failed thing ready."""
    fake = FakeResource("a").exists(readiness=failed("Bad", "broken"))
    outcome = outcomes.conclude(work(fake), Policy())
    assert outcome.entry is not None
    assert outcome.entry.reason == Reason.RESOURCE_FAILED
    assert outcome.next is Requeue.BACKOFF


@pytest.mark.parametrize(
    ("reason", "later"),
    [
        (Reason.SUSPENDED, Requeue.RESYNC),
        (Reason.WAITING_FOR_AWS, Requeue.POLL),
        (Reason.REPLACEMENT_NEEDED, Requeue.BACKOFF),
        (Reason.DRIFT_LOOP, Requeue.BACKOFF),
        (Reason.RESOURCE_MISSING, Requeue.BACKOFF),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_held_back_one_keeps_its_pace(*, reason: Reason, later: Requeue, there: bool) -> None:
    """What waits for a person, for AWS or for the end of a suspension has each its own pace."""
    fake = FakeResource("a")
    if there:
        fake.exists()
    outcome = outcomes.conclude(
        work(fake, Change(Action.HOLD, reason=reason, message="m")), Policy()
    )
    assert outcome.entry is not None
    assert (outcome.entry.state, outcome.entry.reason) == (State.BLOCKED, reason)
    assert outcome.next is later


def test_defect_names_its_class_only() -> None:
    """The text of an unexpected exception may hold anything: it stays in the log."""
    fake = FakeResource("a")
    outcome = outcomes.broken(fake, fake.entry(), ValueError("token=abc"))
    assert outcome.entry is not None
    assert outcome.entry.state is State.FAILED
    assert "ValueError" in outcome.entry.message
    assert "abc" not in outcome.entry.message


def test_what_was_written_is_collected() -> None:
    """Actions in order, fields once, drift if any step was one."""
    fake = FakeResource("a").exists()
    state = work(fake)
    state.note(Change(Action.CREATE))
    state.note(Change(Action.UPDATE, Diff({"b": (0, 1), "a": (0, 1)}), is_drift=True))
    outcome = outcomes.conclude(state, Policy())
    assert outcome.done == (Action.CREATE, Action.UPDATE)
    assert outcome.fields == ("a", "b")
    assert outcome.corrected_drift
