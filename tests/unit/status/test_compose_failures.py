"""Errors and their deadlines, and observations that fail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clickstream_operator import status as statuses
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Status
from clickstream_operator.engine.inventory import State
from clickstream_operator.status.result import Blocker, timestamp
from tests.unit.status.composed import (
    AFTER_FIVE,
    AFTER_TEN,
    AT_ONCE,
    CALM,
    MINUTE,
    READY_STATUS,
    T0,
    compose,
    entry,
    failing,
    of,
    result,
    summary,
)

DEADLINES = [
    *((reason, 0) for reason in AT_ONCE),
    *((reason, 5) for reason in AFTER_FIVE),
    *((reason, 10) for reason in AFTER_TEN),
]


@pytest.mark.parametrize(("reason", "minutes"), DEADLINES)
def test_progress_deadline_of_a_resource(reason: Reason, minutes: int) -> None:
    """Retryable errors stall after 10 minutes, access and limits after 5, the others at once."""
    found = result(failing(reason), entry("b"))
    status = compose(found)
    if minutes:
        assert summary(status)["Reconciling"] == ("True", "ProgressingWithRetry")
        status = compose(found, status, now=T0 + minutes * MINUTE - timedelta(seconds=1))
        assert "Stalled" not in summary(status)
        status = compose(found, status, now=T0 + minutes * MINUTE)
    assert summary(status)["Stalled"] == ("True", reason.value)
    assert summary(status)["Ready"] == ("False", reason.value)
    assert of(status, "Stalled").message == f"a: {reason} happened"


@pytest.mark.parametrize(("reason", "minutes"), DEADLINES)
def test_progress_deadline_of_a_blocker(reason: Reason, minutes: int) -> None:
    """A blocker of the whole reconcile has the same deadline, and stays stalled."""
    blocker = Blocker(reason, "the account is wrong", since=timestamp(T0))
    found = result(entry(), blocker=blocker)
    status = compose(found, READY_STATUS)
    if minutes:
        assert summary(status)["Reconciling"] == ("True", "ProgressingWithRetry")
        status = compose(found, status, now=T0 + minutes * MINUTE - timedelta(seconds=1))
        assert "Stalled" not in summary(status)
        status = compose(found, status, now=T0 + minutes * MINUTE)
    assert summary(status)["Stalled"] == ("True", reason.value)
    status = compose(found, status, now=T0 + timedelta(days=1))
    assert summary(status)["Stalled"] == ("True", reason.value)
    assert of(status, "Ready").message == "the account is wrong"


@pytest.mark.parametrize("state", [State.PENDING, State.CREATING, State.UPDATING])
@pytest.mark.parametrize("reason", [Reason.WAITING_FOR_AWS, Reason.WAITING_FOR_DEPENDENCY])
def test_waiting_never_stalls(state: State, reason: Reason) -> None:
    """AWS may take an hour for a resize."""
    found = result(entry("a", state, reason))
    status = compose(found, compose(found), now=T0 + timedelta(hours=1))
    assert summary(status)["Reconciling"] == ("True", "Progressing")


def test_progress_restarts_the_deadline() -> None:
    """Another state or reason in between is progress."""
    status = compose(result(failing(Reason.THROTTLED)))
    moved = result(entry("a", State.UPDATING, Reason.WAITING_FOR_AWS))
    status = compose(moved, status, now=T0 + 9 * MINUTE)
    status = compose(result(failing(Reason.THROTTLED)), status, now=T0 + 12 * MINUTE)
    assert "Stalled" not in summary(status)


def test_a_failure_under_changing_reasons_is_one() -> None:
    """Throttled, then a 5xx, and so on: waiting longer is not worth it after ten minutes."""
    status = Status()
    for minute in range(11):
        reason = Reason.THROTTLED if minute % 2 else Reason.TRANSIENT
        status = compose(result(failing(reason)), status, now=T0 + minute * MINUTE)
        assert ("Stalled" in summary(status)) == (minute >= 10)
    status = compose(result(failing(Reason.ACCESS_DENIED)), status, now=T0 + 11 * MINUTE)
    assert "Stalled" not in summary(status)


def test_what_is_gone_and_not_made_again_is_drift() -> None:
    """Under Report the condition that says what differs says this too."""
    gone = entry("a", State.BLOCKED, Reason.RESOURCE_MISSING)
    assert of(compose(result(gone)), "DriftDetected").message == "a: gone"


def test_a_failed_observation_proves_no_credential() -> None:
    """What was False stays False while AWS does not answer who it is."""
    bad = result(
        entry("a"), failed_observations=1, credentials_are_bad=True, credentials_message="old"
    )
    status = compose(bad, READY_STATUS)
    status = compose(result(entry("a"), failed_observations=2), status, now=T0 + MINUTE)
    assert summary(status)["CredentialsValid"] == ("False", "CredentialsInvalid")
    status = compose(result(entry("a")), status, now=T0 + 2 * MINUTE)
    assert summary(status)["CredentialsValid"] == ("True", "CredentialsValid")


def test_stalled_one_outweighs_a_retried_one() -> None:
    """What needs a person is shown first."""
    status = compose(result(failing(Reason.THROTTLED, "a"), failing(Reason.INVALID, "b")))
    assert of(status, "Stalled").message == "b: Invalid happened"


def test_recovery_clears_everything() -> None:
    """When the error is gone, so are its conditions."""
    status = compose(result(failing(Reason.INVALID)))
    status = compose(result(entry()), status, now=T0 + MINUTE)
    assert summary(status) == {"Ready": ("True", "Available"), **CALM}
    assert of(status, "Ready").last_transition_time == timestamp(T0 + MINUTE)


@pytest.mark.parametrize("times", [1, 2])
def test_failed_observations_are_tolerated_twice(times: int) -> None:
    """A ready pipeline stays ready for two resyncs that could not see it; nothing else moves."""
    found = result(
        entry("a"), entry("b"), failed_observations=times, outputs={}, credentials_are_bad=False
    )
    status = compose(found, READY_STATUS, now=T0 + MINUTE)
    assert statuses.as_body(status) == statuses.as_body(READY_STATUS)


def test_bad_credential_shows_while_it_is_tolerated() -> None:
    """CredentialsValid=False at once, Ready=True still."""
    found = result(
        entry("a"),
        entry("b"),
        failed_observations=1,
        credentials_are_bad=True,
        credentials_message="expired",
    )
    status = compose(found, READY_STATUS)
    assert summary(status)["Ready"] == ("True", "Available")
    assert summary(status)["CredentialsValid"] == ("False", "CredentialsInvalid")
    assert of(status, "CredentialsValid").message == "expired"


def test_third_failed_observation_makes_it_unknown() -> None:
    """Then nobody knows whether it is ready."""
    found = result(failing(Reason.THROTTLED), entry("b"), failed_observations=3)
    status = compose(found, READY_STATUS)
    assert summary(status)["Ready"] == ("Unknown", "Throttled")
    assert summary(status)["Reconciling"] == ("True", "ProgressingWithRetry")


def test_blindness_stalls_like_any_error() -> None:
    """A pipeline that can't be seen for long needs a person."""
    found = result(failing(Reason.ACCESS_DENIED), entry("b"), failed_observations=3)
    status = compose(found, READY_STATUS)
    status = compose(found, status, now=T0 + 5 * MINUTE)
    assert summary(status)["Ready"] == ("Unknown", "AccessDenied")
    assert summary(status)["Stalled"] == ("True", "AccessDenied")


def test_outputs_outlive_failed_observations() -> None:
    """Outputs that could not be read are kept."""
    before = compose(result(entry(), outputs={"kinesisStreamShards": 2, "dlqUrl": "u"}))
    found = result(entry(), failed_observations=1, outputs={"dlqArn": "arn"})
    assert compose(found, before).outputs == {"kinesisStreamShards": 2, "dlqUrl": "u"}


def test_blocker_keeps_the_inventory() -> None:
    """A wrong account forgets nothing."""
    blocker = Blocker(Reason.ACCOUNT_MISMATCH, "another account")
    status = compose(result(entry("a"), entry("b"), blocker=blocker), READY_STATUS)
    assert [one.name for one in status.resources] == ["a", "b"]
    assert summary(status)["CredentialsValid"] == ("True", "CredentialsValid")
