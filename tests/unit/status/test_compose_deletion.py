"""Suspended pipelines, and pipelines in deletion."""

from __future__ import annotations

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import Drift, State
from clickstream_operator.status.result import Blocker
from tests.unit.status.composed import (
    CALM,
    MINUTE,
    T0,
    compose,
    entry,
    failing,
    of,
    result,
    summary,
)


def test_suspended_and_applied_stays_ready() -> None:
    """Ready keeps its value when nothing is unapplied."""
    status = compose(result(entry(), suspended=True))
    assert summary(status) == {
        "Ready": ("True", "Available"),
        **CALM,
        "Suspended": ("True", "Suspended"),
    }


@pytest.mark.parametrize(("applied", "ready"), [("0" * 16, "Unknown"), ("", "False")])
def test_suspended_with_open_changes(applied: str, ready: str) -> None:
    """Unknown when a change waits, False when it was never applied; neither at work nor stuck."""
    held = entry("a", State.BLOCKED, Reason.SUSPENDED, applied_hash=applied)
    status = compose(result(held, suspended=True))
    known = summary(status)
    assert known["Ready"] == (ready, "Suspended")
    assert not {"Reconciling", "Stalled"} & set(known)


def test_suspended_reports_drift() -> None:
    """A suspended pipeline still says what differs."""
    drifted = entry("a", State.DRIFTED, drift=(Drift("size", "2", "1"),))
    status = compose(result(drifted, suspended=True))
    assert summary(status)["DriftDetected"] == ("True", "DriftDetected")


def test_end_of_a_suspension() -> None:
    """The condition goes."""
    status = compose(result(entry(), suspended=True))
    assert "Suspended" not in summary(compose(result(entry()), status))


def test_deletion_overrides_suspension() -> None:
    """A suspended pipeline can be deleted."""
    going = entry("a", State.DELETING, Reason.WAITING_FOR_AWS)
    status = compose(result(going, suspended=True, deleting=True))
    assert summary(status)["Reconciling"] == ("True", "Deleting")


def test_deletion_counts_what_is_left() -> None:
    """Ready=False, Reconciling, and the names of what is left; retained ones are not."""
    going = [entry(name, State.DELETING, Reason.WAITING_FOR_AWS) for name in "ab"]
    kept = entry("c", State.RETAINED, Reason.RESOURCE_RETAINED)
    status = compose(result(*going, kept, deleting=True))
    assert summary(status)["Ready"] == ("False", "Deleting")
    assert of(status, "Ready").message == "2 resources left: a, b"
    assert of(compose(result(kept, deleting=True)), "Ready").message == "all gone or retained"


def test_blocked_deletion_stalls_and_says_why() -> None:
    """What a person must free is named at once."""
    status = compose(result(failing(Reason.DELETION_BLOCKED), deleting=True))
    assert summary(status)["Stalled"] == ("True", "DeletionBlocked")
    assert of(status, "Stalled").message == "deletion waits: a: DeletionBlocked happened"


def test_deletion_is_patient_with_aws() -> None:
    """A resource in use for a moment does not call for a person; one in use for long does."""
    found = result(failing(Reason.CONFLICT), deleting=True)
    status = compose(found)
    assert summary(status)["Reconciling"] == ("True", "ProgressingWithRetry")
    status = compose(found, status, now=T0 + 10 * MINUTE)
    assert summary(status)["Stalled"] == ("True", "Conflict")


def test_deletion_with_a_dead_credential_says_so() -> None:
    """It never blocks without saying so."""
    blocker = Blocker(Reason.ACCOUNT_MISMATCH, "another account")
    status = compose(result(entry(), deleting=True, blocker=blocker))
    assert summary(status)["Stalled"] == ("True", "AccountMismatch")
    assert of(status, "Stalled").message == "deletion waits: another account"
