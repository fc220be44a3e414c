"""What AWS refuses is said for as long as it lasts: corrections, removals, deletions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clickstream_operator.engine import outcome
from sandbox.aws.strict import StrictAws
from tests.integration.pilot import Pilot, run
from tests.integration.specs import LEAN, NOTHING_STAYS
from tests.kstatus import Verdict, verdict

pytestmark = pytest.mark.plain_aws("refusals are injected one by one")
HOUR = 3600.0


@pytest.fixture
def aws(pilot: Pilot) -> Iterator[StrictAws]:
    """The strict AWS without rules: it only injects."""
    pilot.sandbox.strict_aws.reset(["none"])
    yield pilot.sandbox.strict_aws
    pilot.sandbox.strict_aws.end_faults()


def live(pilot: Pilot, *, hours: float) -> list[dict[str, Any]]:
    """Reconcile at the planned times; the object after each, until it is gone or time is over."""
    seen, end = [], pilot.time + hours * HOUR
    while pilot.time < end:
        delay = run(pilot.step())
        body = pilot.body()
        if body is None or delay is None:
            break
        seen.append(body)
        pilot.time += delay
    return seen


def condition(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """One condition; empty when it is absent."""
    return next((one for one in body["status"]["conditions"] if one["type"] == kind), {})


def _policy(pilot: Pilot) -> str:
    pilot.client("s3").delete_bucket_policy(Bucket=pilot.resource("archive")["physicalName"])
    return "PutBucketPolicy*"


def _lifecycle(pilot: Pilot) -> str:
    pilot.client("s3").delete_bucket_lifecycle(Bucket=pilot.resource("archive")["physicalName"])
    return "PutBucketLifecycle*"


def _ttl(pilot: Pilot) -> str:
    pilot.client("dynamodb").update_time_to_live(
        TableName=pilot.resource("counters-table")["physicalName"],
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"},
    )
    return "UpdateTimeToLive"


def _tags(pilot: Pilot) -> str:
    sqs = pilot.client("sqs")
    url = sqs.get_queue_url(QueueName=pilot.resource("dead-letter")["physicalName"])["QueueUrl"]
    sqs.untag_queue(QueueUrl=url, TagKeys=["Environment"])
    return "TagQueue"


def _role(pilot: Pilot) -> str:
    iam, name = pilot.client("iam"), pilot.resource("processor-role")["physicalName"]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    iam.delete_role_policy(RoleName=name, PolicyName=policy)
    return "PutRolePolicy"


@pytest.mark.parametrize("spoil", [_policy, _lifecycle, _ttl, _tags, _role])
def test_a_refused_correction_is_said_at_every_status(
    pilot: Pilot, aws: StrictAws, spoil: Callable[[Pilot], str]
) -> None:
    """Fields that only a full observation sees: not Ready and drift until the correction lands."""
    pilot.apply(LEAN)
    run(pilot.converge())
    operation = spoil(pilot)
    aws.inject("access_denied", operation=operation)
    seen = live(pilot, hours=1)
    noticed = next(n for n, one in enumerate(seen) if condition(one, "Ready")["status"] != "True")
    after = seen[noticed:]
    assert len(after) > 3
    assert {condition(one, "Ready")["status"] for one in after} == {"False"}
    assert {condition(one, "DriftDetected")["status"] for one in after} == {"True"}
    assert verdict(after[-1]) is Verdict.FAILED
    aws.end_faults()
    live(pilot, hours=0.5)
    assert pilot.condition("Ready")["status"] == "True"
    assert pilot.condition("DriftDetected")["status"] == "False"


def test_a_refused_correction_survives_a_restart(pilot: Pilot, aws: StrictAws) -> None:
    """The next process begins with a fast observation, which does not see the field."""
    pilot.apply(LEAN)
    run(pilot.converge())
    aws.inject("access_denied", operation=_policy(pilot))
    live(pilot, hours=1)
    pilot.restart()
    run(pilot.step())
    assert pilot.condition("Ready")["status"] == "False"
    assert pilot.condition("DriftDetected")["status"] == "True"


def test_a_refused_re_creation_is_drift(pilot: Pilot, aws: StrictAws) -> None:
    """A queue that somebody deleted and AWS does not let us make again."""
    pilot.apply(LEAN)
    run(pilot.converge())
    sqs = pilot.client("sqs")
    url = sqs.get_queue_url(QueueName=pilot.resource("dead-letter")["physicalName"])["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    aws.inject("access_denied", operation="CreateQueue")
    last = live(pilot, hours=0.5)[-1]
    assert condition(last, "DriftDetected")["status"] == "True"
    assert "dead-letter: exists" in condition(last, "DriftDetected")["message"]
    assert verdict(last) is Verdict.FAILED


def test_a_refused_removal_is_said(pilot: Pilot, aws: StrictAws) -> None:
    """The detector is switched off and its schedule can't be observed: Stalled, with the call."""
    pilot.apply({key: value for key, value in LEAN.items() if key != "anomalyDetection"})
    run(pilot.converge())
    aws.inject("access_denied", service="scheduler")
    pilot.apply(LEAN)
    last = live(pilot, hours=1)[-1]
    assert verdict(last) is Verdict.FAILED
    assert "scheduler" in condition(last, "Ready")["message"]
    aws.end_faults()
    live(pilot, hours=0.5)
    assert pilot.condition("Ready")["status"] == "True"


@pytest.mark.parametrize("fault", ["drop_before", "access_denied"])
def test_a_deletion_does_not_wait_for_a_service_that_was_never_used(
    pilot: Pilot, aws: StrictAws, fault: str
) -> None:
    """No schedule is on record; a Warning says that one could not be observed."""
    pilot.apply(LEAN | NOTHING_STAYS)
    run(pilot.converge())
    aws.inject(fault, service="scheduler")
    pilot.request_deletion()
    live(pilot, hours=1)
    assert pilot.body() is None
    told = [one for one in pilot.events() if "could not be observed" in one["note"]]
    assert [one["type"] for one in told] == ["Warning"]


def test_a_deletion_waits_for_a_service_that_was_used(pilot: Pilot, aws: StrictAws) -> None:
    """The schedule is on record: nothing is let go before AWS says that it is gone."""
    spec = {key: value for key, value in LEAN.items() if key != "anomalyDetection"}
    pilot.apply(spec | NOTHING_STAYS)
    run(pilot.converge())
    aws.inject("access_denied", service="scheduler")
    pilot.request_deletion()
    last = live(pilot, hours=1)[-1]
    assert "scheduler" in condition(last, "Stalled")["message"]
    aws.end_faults()
    live(pilot, hours=0.5)
    assert pilot.body() is None


@pytest.mark.parametrize("ends", ["switched off", "deleted"])
def test_a_region_without_a_service_holds_nothing(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """No EventBridge Scheduler: the creation could not be sent, so nothing of it is waited for."""
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_SCHEDULER", "http://127.0.0.1:9")
        pilot.restart()
        spec = {key: value for key, value in LEAN.items() if key != "anomalyDetection"}
        pilot.apply(spec | NOTHING_STAYS)
        live(pilot, hours=0.5)
        assert pilot.resource("schedule")["creation"] == "Refused"
        assert pilot.condition("Stalled")["status"] == "True"
        if ends == "deleted":
            pilot.request_deletion()
            live(pilot, hours=1)
            assert pilot.body() is None
        else:
            pilot.apply(LEAN | NOTHING_STAYS)
            live(pilot, hours=0.5)
            assert pilot.condition("Ready")["status"] == "True"


def test_a_creation_without_an_answer_is_waited_for(pilot: Pilot, aws: StrictAws) -> None:
    """AWS may have made the schedule: a deletion holds until AWS says that it is not there."""
    aws.inject("drop_before", service="scheduler")
    spec = {key: value for key, value in LEAN.items() if key != "anomalyDetection"}
    pilot.apply(spec | NOTHING_STAYS)
    live(pilot, hours=0.5)
    assert pilot.resource("schedule")["creation"] == "Unconfirmed"
    pilot.request_deletion()
    live(pilot, hours=1)
    assert pilot.body() is not None
    aws.end_faults()
    live(pilot, hours=0.5)
    assert pilot.body() is None


def test_a_status_that_hides_a_refused_correction_is_noticed(
    pilot: Pilot, aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule that every test's statuses are held to, with an operator that forgets."""
    monkeypatch.setattr(outcome, "with_open_drift", lambda found, _work: found)
    pilot.apply(LEAN)
    run(pilot.converge())
    aws.inject("access_denied", operation=_policy(pilot))
    live(pilot, hours=1)
    assert "archive" in pilot.rules.broken[0]
    assert "policy" in pilot.rules.broken[0]
    pilot.rules.broken.clear()
