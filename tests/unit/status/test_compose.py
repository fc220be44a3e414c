"""The status after a pass, as people, kubectl, Flux and Argo CD read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator import status as statuses
from clickstream_operator.api import conditions as types
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Condition, Effective, Status
from clickstream_operator.engine.inventory import Drift, Entry, Origin, State
from clickstream_operator.status.result import Blocker, ReconcileResult, timestamp
from tests.kstatus import Verdict, verdict

T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EFFECTIVE = Effective(account="123456789012", partition="aws", region="eu-west-1", base="web-x")


def entry(name: str = "a", state: State = State.READY, reason: str = "", **values: Any) -> Entry:
    """One line of the inventory; applied and with an ARN unless told otherwise."""
    settled = {
        "kind": "Fake",
        "physical_name": f"base-{name}",
        "arn": f"arn:fake:{name}",
        "applied_hash": "0" * 16,
        "message": f"{reason} happened" if reason else "",
    }
    return Entry(name=name, state=state, reason=reason, **(settled | values))


def failing(reason: Reason, name: str = "a", **values: Any) -> Entry:
    """A line with an error."""
    return entry(name, State.FAILED, reason, **values)


def result(*entries: Entry, generation: int = 1, **values: Any) -> ReconcileResult:
    """What a pass found; everything gates Ready unless told otherwise."""
    values.setdefault("gating", frozenset(one.name for one in entries))
    values.setdefault("effective", EFFECTIVE)
    return ReconcileResult(generation=generation, entries=entries, **values)


def compose(
    found: ReconcileResult,
    previous: Status | None = None,
    *,
    now: datetime = T0,
    generation: int = 0,
) -> Status:
    """Compose a status, and hold it to every rule that holds for all of them."""
    before = previous or Status()
    status = statuses.compose(before, found, now=now)
    assert_lawful(before, status, found, now=now)
    return status


def assert_lawful(before: Status, after: Status, found: ReconcileResult, *, now: datetime) -> None:
    """What api.md promises of any status."""
    known = {one.type: one for one in after.conditions}
    assert len(known) == len(after.conditions)
    assert not {types.RECONCILING, types.STALLED} <= set(known)
    for kind in (types.RECONCILING, types.STALLED, types.SUSPENDED, types.FIELDS_PENDING):
        assert kind not in known or known[kind].status == "True"
    earlier = {one.type: one for one in before.conditions}
    for kind, condition in known.items():
        Reason(condition.reason)
        was = earlier.get(kind)
        moved = was is None or was.status != condition.status
        assert condition.last_transition_time == (
            timestamp(now) if moved or was is None else was.last_transition_time
        )
    metadata: dict[str, Any] = {"generation": found.generation}
    if found.deleting:
        metadata["deletionTimestamp"] = timestamp(now)
    result = verdict({"metadata": metadata, "status": statuses.as_body(after)})
    ready = known[types.READY].status == "True" if types.READY in known else None
    if found.deleting:
        assert result is Verdict.TERMINATING
    elif types.STALLED in known:
        assert result is Verdict.FAILED
        assert ready is not True
    elif types.RECONCILING in known or ready is False:
        assert result is Verdict.IN_PROGRESS
    elif ready:
        assert result is Verdict.CURRENT
    again = statuses.compose(after, found, now=now)
    assert statuses.as_body(again) == statuses.as_body(after)
    assert Status.model_validate(statuses.as_body(after)) == after


def of(status: Status, kind: str) -> Condition:
    """One condition that must be there."""
    return next(one for one in status.conditions if one.type == kind)


def summary(status: Status) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition."""
    return {one.type: (one.status, one.reason) for one in status.conditions}


READY_STATUS = statuses.compose(Status(), result(entry("a"), entry("b")), now=T0)
CALM = {"CredentialsValid": ("True", "CredentialsValid"), "DriftDetected": ("False", "NoDrift")}


# -- the course of things --------------------------------------------------------------------------


def test_untouched_object_is_in_progress() -> None:
    """The CRD's default keeps kstatus from calling a new object Current."""
    body = {"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}
    assert verdict(body) is Verdict.IN_PROGRESS


def test_all_ready() -> None:
    """Ready, and neither at work nor stuck."""
    status = compose(result(entry("a"), entry("b")))
    assert summary(status) == {"Ready": ("True", "Available"), **CALM}
    assert of(status, "Ready").message == "2 resources ready"
    assert status.observed_generation == 1
    assert status.effective == EFFECTIVE


def test_creation_says_how_far_it_is() -> None:
    """The message counts and names what is waited for, at most three by name."""
    waiting = [
        entry(name, State.CREATING, Reason.WAITING_FOR_AWS, applied_hash="") for name in "abcd"
    ]
    status = compose(result(*waiting, entry("z")))
    assert summary(status) == {
        "Ready": ("False", "Creating"),
        "Reconciling": ("True", "Progressing"),
        **CALM,
    }
    assert of(status, "Ready").message == "1 of 5 ready; waiting for a, b, c and 1 more"


def test_change_of_a_ready_pipeline_is_updating() -> None:
    """What was applied before is updated, not created."""
    status = compose(result(entry("a", State.UPDATING, Reason.WAITING_FOR_AWS)), READY_STATUS)
    assert of(status, "Ready").reason == "Updating"


def test_what_does_not_gate_is_mentioned() -> None:
    """A failing alarm leaves the pipeline ready, and shows."""
    alarm = failing(Reason.LIMIT_EXCEEDED, "alarm")
    status = compose(result(entry("a"), alarm, gating=frozenset({"a"})))
    assert of(status, "Ready").status == "True"
    assert of(status, "Ready").message == "1 resources ready; not working: alarm"


def test_drifted_is_ready_and_drift_is_named() -> None:
    """Report: Ready=True with DriftDetected=True and the field paths."""
    drifted = entry("a", State.DRIFTED, Reason.DRIFT_DETECTED, drift=(Drift("size", "2", "1"),))
    status = compose(result(drifted, entry("b")))
    assert of(status, "Ready").status == "True"
    assert of(status, "DriftDetected").status == "True"
    assert of(status, "DriftDetected").message == "a: size"


def test_pending_fields_are_answered() -> None:
    """A field without effect is named, and the condition goes with it."""
    status = compose(result(entry(), pending_fields=["spec.stream.autoscaling"]))
    assert "spec.stream.autoscaling" in of(status, "FieldsPending").message
    assert "FieldsPending" not in summary(compose(result(entry()), status))


def test_progress_of_a_running_pass_is_not_taken_for_its_end() -> None:
    """While a new spec is applied, what was ready before and was not visited yet is still open."""
    creating = statuses.begin(READY_STATUS, result(entry("a"), entry("b"), generation=2), now=T0)
    running = result(entry("a"), entry("b"), generation=2, pending=frozenset({"b"}))
    status = compose(running, creating)
    assert of(status, "Ready").status == "False"
    assert of(status, "Ready").message == "1 of 2 ready; waiting for b"
    done = compose(result(entry("a"), entry("b"), generation=2), status)
    assert of(done, "Ready").status == "True"


def test_resource_without_a_line_is_open() -> None:
    """What a newer version adds and the pass has not visited keeps nothing Ready too early."""
    creating = statuses.begin(Status(), result(), now=T0)
    running = result(
        entry("a"), gating=frozenset({"a", "b"}), pending=frozenset({"b"}), generation=1
    )
    assert of(compose(running, creating), "Ready").message == "1 of 2 ready; waiting for b"


def test_running_resync_of_a_ready_pipeline_changes_nothing() -> None:
    """A slow look at a ready pipeline writes no status."""
    running = result(entry("a"), entry("b"), pending=frozenset({"a", "b"}))
    status = compose(running, READY_STATUS, now=T0 + MINUTE)
    assert statuses.as_body(status) == statuses.as_body(READY_STATUS)


# -- begin -----------------------------------------------------------------------------------------


def test_first_status_of_a_new_pipeline() -> None:
    """Observed generation, Ready=Unknown and Reconciling together, with the intents."""
    intent = entry("a", State.PENDING, arn="", applied_hash="")
    status = statuses.begin(Status(), result(intent), now=T0)
    assert status.observed_generation == 1
    assert summary(status) == {
        "Ready": ("Unknown", "Creating"),
        "Reconciling": ("True", "Progressing"),
    }
    assert [one.physical_name for one in status.resources] == ["base-a"]
    assert status.effective == EFFECTIVE
    body = {"metadata": {"generation": 1}, "status": statuses.as_body(status)}
    assert verdict(body) is Verdict.IN_PROGRESS


def test_first_status_of_a_new_spec() -> None:
    """A changed pipeline is not ready until the change is applied, and no longer stalled."""
    stalled = compose(result(failing(Reason.INVALID)), READY_STATUS)
    status = statuses.begin(stalled, result(entry(), generation=2), now=T0 + MINUTE)
    known = summary(status)
    assert known["Ready"] == ("False", "Updating")
    assert known["Reconciling"] == ("True", "Progressing")
    assert "Stalled" not in known
    assert status.observed_generation == 2


def test_begin_keeps_outputs() -> None:
    """Other tools read outputs while a change is under way."""
    before = compose(result(entry(), outputs={"dlqUrl": "https://q"}))
    assert statuses.begin(before, result(entry()), now=T0).outputs == {"dlqUrl": "https://q"}


# -- errors and patience ---------------------------------------------------------------------------

AT_ONCE = [
    Reason.INVALID,
    Reason.OWNERSHIP_CONFLICT,
    Reason.ACCOUNT_MISMATCH,
    Reason.REPLACEMENT_NEEDED,
    Reason.RESOURCE_FAILED,
    Reason.RESOURCE_MISSING,
    Reason.DRIFT_LOOP,
    Reason.DELETION_BLOCKED,
    Reason.NOT_YET_EFFECTIVE,
]
AFTER_FIVE = [Reason.ACCESS_DENIED, Reason.LIMIT_EXCEEDED, Reason.CREDENTIALS_INVALID]
AFTER_TEN = [Reason.THROTTLED, Reason.CONFLICT, Reason.TRANSIENT, Reason.INTERNAL_ERROR]
PATIENCE = [
    *((reason, 0) for reason in AT_ONCE),
    *((reason, 5) for reason in AFTER_FIVE),
    *((reason, 10) for reason in AFTER_TEN),
]


@pytest.mark.parametrize(("reason", "minutes"), PATIENCE)
def test_patience_with_a_resource(reason: Reason, minutes: int) -> None:
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


@pytest.mark.parametrize(("reason", "minutes"), PATIENCE)
def test_patience_with_a_problem(reason: Reason, minutes: int) -> None:
    """What keeps a whole pass from happening has the same patience, and stays stalled."""
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


def test_progress_restarts_the_patience() -> None:
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


def test_a_failed_look_proves_no_credential() -> None:
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


# -- looks that fail -------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
def test_failed_looks_are_tolerated_twice(times: int) -> None:
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


def test_third_failed_look_makes_it_unknown() -> None:
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


def test_outputs_outlive_failed_looks() -> None:
    """What could not be read is not forgotten."""
    before = compose(result(entry(), outputs={"kinesisStreamShards": 2, "dlqUrl": "u"}))
    found = result(entry(), failed_observations=1, outputs={"dlqArn": "arn"})
    assert compose(found, before).outputs == {"kinesisStreamShards": 2, "dlqUrl": "u"}


# -- suspension ------------------------------------------------------------------------------------


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


# -- problems and deletion -------------------------------------------------------------------------


def test_problem_keeps_the_inventory() -> None:
    """A wrong account forgets nothing."""
    blocker = Blocker(Reason.ACCOUNT_MISMATCH, "another account")
    status = compose(result(entry("a"), entry("b"), blocker=blocker), READY_STATUS)
    assert [one.name for one in status.resources] == ["a", "b"]
    assert summary(status)["CredentialsValid"] == ("True", "CredentialsValid")


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


# -- what is stored --------------------------------------------------------------------------------


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


def test_what_is_empty_is_left_out() -> None:
    """The stored status has no empty member, and keeps zero and false."""
    body = statuses.as_body(Status(observed_generation=0, outputs={"a": "", "b": 0, "c": False}))
    assert body == {"observedGeneration": 0, "outputs": {"b": 0, "c": False}}


def test_request_is_echoed() -> None:
    """The handled annotation shows, and stays."""
    status = compose(result(entry(), handled_request="2026"))
    assert compose(result(entry()), status).last_handled_reconcile_at == "2026"


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
def reports(draw: st.DrawFn) -> ReconcileResult:
    """Anything that a pass may find."""
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


@given(st.lists(st.tuples(reports(), st.integers(0, 700)), min_size=1, max_size=5))
def test_laws_of_every_status(course: list[tuple[ReconcileResult, int]]) -> None:
    """Over any course of passes: kstatus, exclusive conditions, times, stability, round trip."""
    status, now = Status(), T0
    for found, seconds in course:
        now += timedelta(seconds=seconds)
        status = compose(found, status, now=now)


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
