"""The status after a reconcile, as people, kubectl, Flux and Argo CD read it."""

from __future__ import annotations

from clickstream_operator import status as statuses
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Status
from clickstream_operator.engine.inventory import Drift, State
from tests.kstatus import Verdict, verdict
from tests.unit.status.composed import (
    CALM,
    EFFECTIVE,
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
    """A resource that was applied before is updated, not created."""
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


def test_progress_of_a_running_reconcile_is_not_taken_for_its_end() -> None:
    """While a new spec is applied, a ready resource that is still pending is not counted."""
    creating = statuses.begin(READY_STATUS, result(entry("a"), entry("b"), generation=2), now=T0)
    running = result(entry("a"), entry("b"), generation=2, pending=frozenset({"b"}))
    status = compose(running, creating)
    assert of(status, "Ready").status == "False"
    assert of(status, "Ready").message == "1 of 2 ready; waiting for b"
    done = compose(result(entry("a"), entry("b"), generation=2), status)
    assert of(done, "Ready").status == "True"


def test_resources_beside_are_counted_while_creating_as_they_are_when_ready() -> None:
    """An alarm, for which Ready does not wait, is one of the resources all the same."""
    running = result(
        entry("a"),
        entry("b", state=State.CREATING),
        entry("alarm"),
        gating=frozenset({"a", "b"}),
    )
    assert of(compose(running), "Ready").message == "2 of 3 ready; waiting for b"
    done = result(entry("a"), entry("b"), entry("alarm"), gating=frozenset({"a", "b"}))
    assert of(compose(done), "Ready").message == "3 resources ready"


def test_resource_without_a_line_is_open() -> None:
    """A resource that a newer version adds is pending: the pipeline is not Ready before it."""
    creating = statuses.begin(Status(), result(), now=T0)
    running = result(
        entry("a"), gating=frozenset({"a", "b"}), pending=frozenset({"b"}), generation=1
    )
    assert of(compose(running, creating), "Ready").message == "1 of 2 ready; waiting for b"


def test_running_resync_of_a_ready_pipeline_changes_nothing() -> None:
    """A slow observation of a ready pipeline writes no status."""
    running = result(entry("a"), entry("b"), pending=frozenset({"a", "b"}))
    status = compose(running, READY_STATUS, now=T0 + MINUTE)
    assert statuses.as_body(status) == statuses.as_body(READY_STATUS)


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


def test_request_is_echoed() -> None:
    """The handled annotation shows, and stays."""
    status = compose(result(entry(), handled_request="2026"))
    assert compose(result(entry()), status).last_handled_reconcile_at == "2026"
