"""Changes of the spec of a ready pipeline: fields, features, suspension, requests."""

from __future__ import annotations

import json

import pytest

from clickstream_operator.aws.session import CallRecord
from clickstream_operator.kube.client import StaleObject
from tests.integration.aws_inventory import base_of, check_retained, left_in_aws
from tests.integration.pilot import Pilot, run


def test_main_fields_are_updated_in_place(pilot: Pilot) -> None:
    """A new spec reaches the stream, the function, the alarm, the table and the bucket."""
    pilot.apply()
    run(pilot.converge())
    pilot.apply(
        {
            "stream": {"retentionHours": 48},
            "processor": {"memoryMiB": 512, "batchSize": 500},
            "alarms": {"iteratorAgeSeconds": 300},
            "tables": {"pointInTimeRecovery": False, "ttl": {
                "pageMetricsDays": 7, "sessionMetricsHours": 96, "countersHours": 96,
            }},
            "archive": {"expirationDays": 730},
            "logs": {"retentionDays": 30},
        }
    )  # fmt: skip
    run(pilot.converge())
    base = base_of(pilot)
    stream = pilot.client("kinesis").describe_stream_summary(StreamName=f"{base}-events")
    assert stream["StreamDescriptionSummary"]["RetentionPeriodHours"] == 48
    function = pilot.client("lambda").get_function(FunctionName=f"{base}-processor")
    assert function["Configuration"]["MemorySize"] == 512
    config = json.loads(function["Configuration"]["Environment"]["Variables"]["CLICKSTREAM_CONFIG"])
    assert config["ttl"]["countersHours"] == 96
    mapping = pilot.client("lambda").list_event_source_mappings(FunctionName=f"{base}-processor")
    assert mapping["EventSourceMappings"][0]["BatchSize"] == 500
    alarm = pilot.client("cloudwatch").describe_alarms(
        AlarmNames=[f"{base}-processor-iterator-age"]
    )["MetricAlarms"][0]
    assert alarm["Threshold"] == 300_000
    backups = pilot.client("dynamodb").describe_continuous_backups(TableName=f"{base}-counters")
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "DISABLED"
    pilot.forget_calls()
    run(pilot.resync())
    assert pilot.writes() == {}


def test_a_feature_that_is_turned_off_goes_and_comes_back(pilot: Pilot) -> None:
    """Pruning removes the detector's resources and only them."""
    pilot.apply()
    run(pilot.converge())
    before = left_in_aws(pilot)
    pilot.apply({"anomalyDetection": {"enabled": False}, "dashboard": {"enabled": False}})
    run(pilot.converge(lambda: "detector" not in json.dumps(pilot.status().get("resources"))))
    after = left_in_aws(pilot)
    base = base_of(pilot)
    assert after["functions"] == {f"{base}-processor"}
    assert after["schedules"] == set()
    assert after["dashboards"] == set()
    assert after["tables"] == before["tables"]
    pilot.apply()
    run(pilot.converge())
    assert left_in_aws(pilot) == before


def test_what_may_be_left_of_a_feature_holds_ready_up(pilot: Pilot) -> None:
    """Turned off right after it could not be made: until AWS surely has none of it, no Ready."""
    little = {"alarms": {"enabled": False}, "anomalyDetection": {"enabled": False}}
    pilot.apply(little)
    run(pilot.converge())
    aws = pilot.sandbox.strict_aws
    aws.inject("error", service="sns", operation="CreateTopic", code="InternalFailure", status=500)
    pilot.apply(little | {"alerts": {"enabled": True}})
    run(pilot.step())
    aws.end_faults()
    pilot.apply(little)
    said = []
    while pilot.resource("alerts"):
        pilot.time += run(pilot.step()) or 0.0
        if pilot.resource("alerts").get("state") == "Deleting":
            said.append((pilot.condition("Ready")["status"], pilot.condition("Ready")["message"]))
    assert said
    assert [one for one in said if one[0] != "False" or "alerts" not in one[1]] == []
    run(pilot.converge())


def test_a_suspended_pipeline_is_read_and_not_written_and_can_be_deleted(pilot: Pilot) -> None:
    """Suspend holds changes back and says so; deletion overrides it."""
    pilot.apply()
    run(pilot.converge())
    pilot.forget_calls()
    pilot.apply({"suspend": True, "processor": {"memoryMiB": 512}})
    run(pilot.step())
    assert pilot.writes() == {}
    assert pilot.condition("Suspended")["status"] == "True"
    assert pilot.condition("Ready") | {"lastTransitionTime": ""} == {
        "type": "Ready",
        "status": "Unknown",
        "reason": "Suspended",
        "message": "changes wait until spec.suspend is false",
        "observedGeneration": 2,
        "lastTransitionTime": "",
    }
    assert pilot.condition("Reconciling")["status"] == "absent"
    assert pilot.status()["observedGeneration"] == 2
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)


def test_a_requested_reconciliation_is_echoed(pilot: Pilot) -> None:
    """The annotation's value comes back in the status after a full observation."""
    pilot.apply()
    run(pilot.converge())
    pilot.forget_calls()
    pilot.sandbox.kubectl(
        "annotate", "csp", pilot.name, "clickstream.dev/reconcile-requested-at=now-1"
    )
    run(pilot.step())
    assert pilot.status()["lastHandledReconcileAt"] == "now-1"
    # A resync reads these only every third time.
    read = {f"{one.service}:{one.operation}" for one in pilot.calls}
    assert {"iam:get_role", "dynamodb:describe_time_to_live"} <= read
    told = [one["note"] for one in pilot.events() if one["reason"] == "ReconcileRequestHandled"]
    assert told == ["a reconcile ran, as clickstream.dev/reconcile-requested-at=now-1 asks"]


def test_who_has_not_confirmed_is_said_once(pilot: Pilot) -> None:
    """An Event when the subscription begins to wait; no more while it does, and no address."""
    pilot.apply({"alerts": {"enabled": True, "emails": ["oncall@example.com"]}})
    run(pilot.converge())
    for _ in range(3):
        run(pilot.resync())
    (said,) = [one for one in pilot.events() if one["reason"] == "NotConfirmed"]
    assert said["type"] == "Warning"
    assert "waiting for the subscriber to confirm" in said["note"]
    assert "oncall" not in said["note"]


def test_the_topic_and_the_addresses_leave_together(pilot: Pilot) -> None:
    """An address that leaves the spec is unsubscribed; no address shows anywhere."""
    pilot.apply({"alerts": {"enabled": True, "emails": ["a@example.com", "b@example.com"]}})
    run(pilot.converge())
    topic = pilot.status()["outputs"]["snsTopicArn"]

    def endpoints() -> set[str]:
        answer = pilot.client("sns").list_subscriptions_by_topic(TopicArn=topic)
        return {one["Endpoint"] for one in answer["Subscriptions"]}

    assert endpoints() == {"a@example.com", "b@example.com"}
    # AWS can't unsubscribe an address that never confirmed; it drops it after some days.
    pilot.sandbox.strict_aws.confirm("a@example.com")
    run(pilot.resync())
    assert "example.com" not in json.dumps(pilot.status())
    pilot.apply({"alerts": {"enabled": True, "emails": ["b@example.com"]}})
    run(pilot.converge(lambda: len(endpoints()) == 1))
    assert endpoints() == {"b@example.com"}


def test_a_change_during_a_reconcile_is_not_overwritten(pilot: Pilot) -> None:
    """The reconcile of the old object gives up its status write; the next one writes it."""
    pilot.apply()
    edited = False

    def edit(record: CallRecord) -> None:
        nonlocal edited
        if not edited and record.operation == "create_function":
            edited = True
            pilot.apply({"processor": {"memoryMiB": 512}})

    pilot.on_write = edit
    with pytest.raises(StaleObject):
        run(pilot.converge())
    run(pilot.converge())
    assert pilot.status()["observedGeneration"] == 2
    function = pilot.client("lambda").get_function(FunctionName=f"{base_of(pilot)}-processor")
    assert function["Configuration"]["MemorySize"] == 512
