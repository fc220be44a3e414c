"""The controller on the real API server, with the emulator behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.session import AwsSession, CallRecord
from clickstream_operator.kube.client import StaleObject
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile import status_writer as reporting
from clickstream_operator.resources import s3_object_versions as bucket_versions
from sandbox.processes.process import wait_until
from tests.integration.pilot import ACCOUNT, CLUSTER, Pilot, run

OTHER_ACCOUNT = "210987654321"
#: `spec: {}` makes these, in the order of the status.
DEFAULT_RESOURCES = (
    "stream",
    "page-metrics-table",
    "session-metrics-table",
    "counters-table",
    "archive",
    "dead-letter",
    "hash-key",
    "processor-logs",
    "processor-role",
    "processor",
    "processor-mapping",
    "detector-logs",
    "detector-role",
    "detector",
    "detector-mapping",
    "scheduler-role",
    "schedule",
    "dashboard",
    "alarm-processor-iterator-age",
    "alarm-processor-errors",
    "alarm-processor-throttles",
    "alarm-processor-duration",
    "alarm-detector-iterator-age",
    "alarm-detector-errors",
    "alarm-detector-throttles",
    "alarm-detector-duration",
    "alarm-dead-letter-depth",
    "alarm-failed-objects",
)
RETAINED = {"page-metrics-table", "session-metrics-table", "counters-table", "archive", "hash-key"}
ONCE = (
    "kinesis:create_stream",
    "s3:create_bucket",
    "scheduler:create_schedule",
    "ssm:put_parameter",
    "cloudwatch:put_dashboard",
)


def base_of(pilot: Pilot) -> str:
    """Stem of the pipeline's names."""
    return names.base_name(cluster=CLUSTER, namespace=pilot.namespace, name=pilot.name)


def left_in_aws(pilot: Pilot) -> dict[str, set[str]]:
    """What AWS has of the pipeline, by service, asked of AWS itself."""
    base = base_of(pilot)
    roles = pilot.client("iam").list_roles(PathPrefix="/clickstream/")["Roles"]
    groups = pilot.client("logs").describe_log_groups()["logGroups"]
    alarms = pilot.client("cloudwatch").describe_alarms()["MetricAlarms"]
    dashboards = pilot.client("cloudwatch").list_dashboards()["DashboardEntries"]
    parameters = pilot.client("ssm").describe_parameters()["Parameters"]
    functions = pilot.client("lambda").list_functions()["Functions"]
    mappings = pilot.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    found = {
        "streams": set(pilot.client("kinesis").list_streams()["StreamNames"]),
        "tables": set(pilot.client("dynamodb").list_tables()["TableNames"]),
        "buckets": {one["Name"] for one in pilot.client("s3").list_buckets()["Buckets"]},
        "queues": {
            url.rpartition("/")[2] for url in pilot.client("sqs").list_queues().get("QueueUrls", [])
        },
        "topics": {
            one["TopicArn"].rpartition(":")[2]
            for one in pilot.client("sns").list_topics()["Topics"]
        },
        "roles": {one["RoleName"] for one in roles},
        "log groups": {one["logGroupName"] for one in groups},
        "functions": {one["FunctionName"] for one in functions},
        "mappings": {one["FunctionArn"].rpartition(":")[2] for one in mappings},
        "schedules": {
            one["Name"] for one in pilot.client("scheduler").list_schedules()["Schedules"]
        },
        "parameters": {one["Name"] for one in parameters},
        "dashboards": {one["DashboardName"] for one in dashboards},
        "alarms": {one["AlarmName"] for one in alarms},
    }
    return {kind: {name for name in some if base in name} for kind, some in found.items()}


def test_an_empty_spec_becomes_exactly_the_pipeline_of_the_contract(pilot: Pilot) -> None:
    """Names, tags and outputs are those of the API page, and nothing else exists."""
    pilot.apply()
    run(pilot.converge())
    base = base_of(pilot)
    assert tuple(one["name"] for one in pilot.status()["resources"]) == DEFAULT_RESOURCES
    assert {one["state"] for one in pilot.status()["resources"]} == {"Ready"}
    alarms = {
        "processor-iterator-age", "processor-errors", "processor-throttles", "processor-duration",
        "detector-iterator-age", "detector-errors", "detector-throttles", "detector-duration",
        "dead-letter-depth", "failed-objects",
    }  # fmt: skip
    stem, _, digest = base.rpartition("-")
    assert left_in_aws(pilot) == {
        "streams": {f"{base}-events"},
        "tables": {f"{base}-page-metrics", f"{base}-session-metrics", f"{base}-counters"},
        "buckets": {f"{stem[:15].rstrip('-')}-{digest}-archive-{ACCOUNT}-us-east-1"},
        "queues": {f"{base}-dead-letter"},
        "topics": set(),
        "roles": {f"{base}-processor", f"{base}-detector", f"{base}-scheduler"},
        "log groups": {f"/aws/lambda/{base}-processor", f"/aws/lambda/{base}-detector"},
        "functions": {f"{base}-processor", f"{base}-detector"},
        "mappings": {f"{base}-processor", f"{base}-detector"},
        "schedules": {base},
        "parameters": {f"/clickstream/{base}/hash-key"},
        "dashboards": {base},
        "alarms": {f"{base}-{alarm}" for alarm in alarms},
    }
    effective = pilot.status()["effective"]
    assert (effective["account"], effective["region"], effective["partition"]) == (
        ACCOUNT,
        "us-east-1",
        "aws",
    )
    assert effective["base"] == base


def test_every_taggable_resource_says_whose_it_is(pilot: Pilot) -> None:
    """Owner, component, environment and the user's own tags are on the stream, tables, bucket."""
    pilot.apply({"tags": {"CostCenter": "analytics"}, "environment": "prod"})
    run(pilot.converge())
    base, body = base_of(pilot), pilot.body()
    assert body is not None
    expected = {
        "clickstream.dev/cluster": CLUSTER,
        "clickstream.dev/namespace": "default",
        "clickstream.dev/pipeline": pilot.name,
        "clickstream.dev/uid": body["metadata"]["uid"],
        "Environment": "prod",
        "ManagedBy": "clickstream-operator",
        "CostCenter": "analytics",
    }

    def named(pairs: list[dict[str, str]]) -> dict[str, str]:
        return {one["Key"]: one["Value"] for one in pairs}

    found = {
        "stream": named(
            pilot.client("kinesis").list_tags_for_stream(StreamName=f"{base}-events")["Tags"]
        ),
        "counters-table": named(
            pilot.client("dynamodb").list_tags_of_resource(
                ResourceArn=pilot.resource("counters-table")["arn"]
            )["Tags"]
        ),
        "archive": named(
            pilot.client("s3").get_bucket_tagging(Bucket=pilot.resource("archive")["physicalName"])[
                "TagSet"
            ]
        ),
        "processor": pilot.client("lambda").list_tags(Resource=pilot.resource("processor")["arn"])[
            "Tags"
        ],
        "processor-role": named(
            pilot.client("iam").list_role_tags(RoleName=f"{base}-processor")["Tags"]
        ),
        "processor-logs": pilot.client("logs").list_tags_for_resource(
            resourceArn=pilot.resource("processor-logs")["arn"]
        )["tags"],
        "dead-letter": pilot.client("sqs").list_queue_tags(
            QueueUrl=pilot.status()["outputs"]["dlqUrl"]
        )["Tags"],
    }
    assert found == {name: {**expected, "clickstream.dev/component": name} for name in found}


def test_a_second_pass_over_a_ready_pipeline_writes_nothing(pilot: Pilot) -> None:
    """Neither hot nor full resyncs write to AWS or to Kubernetes, nor does a new process."""
    pilot.apply({"alerts": {"enabled": True, "emails": ["data-team@example.com"]}})
    run(pilot.converge())
    pilot.forget_calls()
    before = pilot.body()
    for _ in range(4):
        run(pilot.resync())
    pilot.restart()
    run(pilot.resync())
    assert pilot.writes() == {}
    assert pilot.kube_writes == []
    assert pilot.body() == before
    assert len(pilot.calls) > 0


@pytest.mark.parametrize("crash_at", [1, 8, 17, 26, 35, 45])
def test_a_crash_in_creation_ends_in_the_same_state_with_nothing_made_twice(
    pilot: Pilot, crash_at: int
) -> None:
    """Whatever was written when the process died is found again by the next one."""
    pilot.apply()
    with pilot.dying_at(crash_at):
        run(pilot.converge())
    run(pilot.converge())
    assert tuple(one["name"] for one in pilot.status()["resources"]) == DEFAULT_RESOURCES
    done = pilot.accepted
    assert {call: done[call] for call in ONCE} == dict.fromkeys(ONCE, 1)
    assert done["dynamodb:create_table"] == 3
    assert done["iam:create_role"] == 3
    assert done["lambda:create_function"] == 2
    assert done["lambda:create_event_source_mapping"] == 2


@pytest.mark.parametrize("crash_at", [1, 4, 9, 14, 17])
def test_a_crash_in_deletion_ends_with_exactly_what_is_retained(
    pilot: Pilot, crash_at: int
) -> None:
    """The next process goes on where the first one died."""
    pilot.apply()
    run(pilot.converge())
    pilot.request_deletion()
    with pilot.dying_at(crash_at):
        run(pilot.converge(lambda: False))
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)


def wait_until_active(pilot: Pilot, function: str) -> None:
    """Until the emulator has taken in a change of a function's configuration."""
    client = pilot.client("lambda")
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )


def check_retained(pilot: Pilot) -> None:
    """The archive, the tables and the key that reads them are left, and nothing else."""
    base = base_of(pilot)
    left = left_in_aws(pilot)
    assert len(left.pop("buckets")) == 1
    assert left.pop("tables") == {
        f"{base}-page-metrics", f"{base}-session-metrics", f"{base}-counters"
    }  # fmt: skip
    assert left.pop("parameters") == {f"/clickstream/{base}/hash-key"}
    assert set().union(*left.values()) == set()


def test_deletion_keeps_the_data_and_a_new_pipeline_of_the_name_takes_it_back(
    pilot: Pilot,
) -> None:
    """Retained tables and archive are found again, with their data."""
    pilot.apply()
    run(pilot.converge())
    table = pilot.resource("counters-table")["physicalName"]
    key = {"metric_name": {"S": "kept"}, "time_window": {"S": "2026-01-01T00:00#a"}}
    pilot.client("dynamodb").put_item(TableName=table, Item=key)
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)
    pilot.forget_calls()
    pilot.apply()
    run(pilot.converge())
    assert pilot.accepted["dynamodb:create_table"] == 0
    assert "Item" in pilot.client("dynamodb").get_item(TableName=table, Key=key)


def test_everything_goes_when_the_policy_says_so(pilot: Pilot) -> None:
    """With Delete everywhere and no protection nothing is left."""
    pilot.apply(
        {
            "deletionPolicy": {"archive": "Delete", "tables": "Delete"},
            "tables": {"deletionProtection": False},
        }
    )
    run(pilot.converge())
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    assert set().union(*left_in_aws(pilot).values()) == set()


def test_a_full_bucket_is_emptied_in_steps_that_survive_crashes(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty removes all versions and markers and tells how far it is, killed twice on the way."""
    monkeypatch.setattr(bucket_versions, "PAGE_SIZE", 50)
    monkeypatch.setattr(bucket_versions, "PAGES_PER_CALL", 2)
    pilot.apply(
        {
            "deletionPolicy": {"archive": "Empty", "tables": "Delete"},
            "tables": {"deletionProtection": False},
        }
    )
    run(pilot.converge())
    bucket = pilot.resource("archive")["physicalName"]
    s3 = pilot.client("s3")
    for number in range(300):
        s3.put_object(Bucket=bucket, Key=f"raw/{number % 200:03d}", Body=b"x")
    for number in range(20):
        s3.delete_object(Bucket=bucket, Key=f"raw/{number:03d}")
    pilot.time += 60
    pilot.request_deletion()
    told: set[str] = set()
    for crash_at in (20, 3):
        with pilot.dying_at(crash_at):
            run(pilot.converge(lambda: False))
        run(pilot.step())
        told.add(pilot.resource("archive").get("message", ""))
    assert any(message.startswith("emptying: 100 object versions removed") for message in told)
    run(pilot.converge(lambda: pilot.body() is None))
    assert set().union(*left_in_aws(pilot).values()) == set()


def test_a_bucket_that_is_not_empty_blocks_with_its_count(pilot: Pilot) -> None:
    """Delete without Empty says how many objects are in the way, and goes on when they are gone."""
    pilot.apply({"deletionPolicy": {"archive": "Delete"}})
    run(pilot.converge())
    bucket = pilot.resource("archive")["physicalName"]
    s3 = pilot.client("s3")
    version = s3.put_object(Bucket=bucket, Key="raw/kept", Body=b"x")["VersionId"]
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.condition("Stalled")["status"] == "True"))
    assert pilot.condition("Stalled")["reason"] == "DeletionBlocked"
    assert "holds 1 object versions" in pilot.condition("Stalled")["message"]
    s3.delete_object(Bucket=bucket, Key="raw/kept", VersionId=version)
    run(pilot.converge(lambda: pilot.body() is None))
    assert left_in_aws(pilot)["buckets"] == set()


def test_another_accounts_credential_touches_nothing(pilot: Pilot) -> None:
    """AccountMismatch: not one call for the pipeline but the question who we are."""
    pilot.apply()
    run(pilot.converge())
    pilot.account = OTHER_ACCOUNT
    pilot.restart()
    pilot.forget_calls()
    run(pilot.resync())
    assert {(one.service, one.operation) for one in pilot.calls} == {("sts", "get_caller_identity")}
    assert pilot.condition("Stalled")["reason"] == "AccountMismatch"
    assert pilot.condition("Ready")["status"] == "False"
    message = pilot.condition("Ready")["message"]
    assert OTHER_ACCOUNT in message
    assert ACCOUNT in message
    pilot.request_deletion()
    run(pilot.step())
    assert {(one.service, one.operation) for one in pilot.calls} == {("sts", "get_caller_identity")}
    body = pilot.body()
    assert body is not None
    assert body["metadata"]["finalizers"] == ["clickstream.dev/aws-resources"]
    pilot.account = ACCOUNT
    pilot.restart()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)


def test_missing_credentials_are_said_on_the_object_and_healed(pilot: Pilot) -> None:
    """A condition and an Event; once there is a credential the pipeline goes on."""
    pilot.account = ""
    pilot.restart()
    pilot.apply()
    first = run(pilot.step())
    second = run(pilot.step())
    assert second > first
    assert pilot.condition("CredentialsValid")["status"] == "False"
    assert pilot.condition("Ready")["reason"] == "CredentialsInvalid"
    assert pilot.condition("Reconciling")["reason"] == "ProgressingWithRetry"
    assert [one["reason"] for one in pilot.events()].count("CredentialsInvalid") >= 1
    pilot.account = ACCOUNT
    pilot.restart()
    run(pilot.converge())
    assert pilot.condition("CredentialsValid")["status"] == "True"


def test_an_unreachable_endpoint_is_retried_with_growing_pauses(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The condition says so; after ten minutes it is Stalled; it heals by itself."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    pilot.apply()
    delays = [run(pilot.step()) for _ in range(4)]
    assert delays == sorted(delays)
    assert delays[3] > delays[0]
    assert pilot.condition("Reconciling")["reason"] == "ProgressingWithRetry"
    assert "endpoint" in pilot.condition("Ready")["message"]
    pilot.time += 700
    run(pilot.step())
    assert pilot.condition("Stalled")["status"] == "True"
    monkeypatch.setenv("AWS_ENDPOINT_URL", pilot.sandbox.aws_endpoint)
    pilot.restart()
    run(pilot.converge())
    assert pilot.condition("Stalled")["status"] == "absent"


def test_a_refused_action_holds_only_what_needs_it(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AccessDenied on one create names the action; siblings are made; it heals when granted."""
    send = AwsSession.call

    async def refuse(self: AwsSession, service: str, operation: str, /, **given: Any) -> Any:
        if (service, operation) == ("sqs", "create_queue"):
            raise AwsError(
                service=service,
                operation=operation,
                code="AccessDenied",
                text="not authorized to perform sqs:CreateQueue",
                category=Category.ACCESS_DENIED,
            )
        return await send(self, service, operation, **given)

    monkeypatch.setattr(AwsSession, "call", refuse)
    pilot.apply()
    run(pilot.converge(lambda: pilot.resource("counters-table").get("state") == "Ready"))
    assert pilot.resource("dead-letter")["reason"] == "AccessDenied"
    assert "sqs:CreateQueue" in pilot.condition("Ready")["message"]
    assert pilot.condition("Reconciling")["reason"] == "ProgressingWithRetry"
    assert pilot.resource("counters-table")["state"] == "Ready"
    assert pilot.resource("processor")["reason"] == "WaitingForDependency"
    pilot.time += 301
    run(pilot.step())
    assert pilot.condition("Stalled")["reason"] == "AccessDenied"
    monkeypatch.setattr(AwsSession, "call", send)
    run(pilot.converge())
    assert pilot.condition("Stalled")["status"] == "absent"


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


def test_drift_is_corrected_and_told(pilot: Pilot) -> None:
    """What somebody changes by hand is put back at the next resync, with one Event."""
    pilot.apply()
    run(pilot.converge())
    base = base_of(pilot)
    pilot.client("lambda").update_function_configuration(
        FunctionName=f"{base}-processor", MemorySize=1024
    )
    wait_until_active(pilot, f"{base}-processor")
    pilot.client("kinesis").increase_stream_retention_period(
        StreamName=f"{base}-events", RetentionPeriodHours=72
    )
    for _ in range(3):
        run(pilot.resync())
    function = pilot.client("lambda").get_function(FunctionName=f"{base}-processor")
    assert function["Configuration"]["MemorySize"] == 256
    notes = [one["note"] for one in pilot.events() if one["reason"] == "DriftCorrected"]
    assert len(notes) == 1
    assert "processor (memoryMiB)" in notes[0]
    assert "stream (retentionHours)" in notes[0]


def test_drift_is_reported_and_left_alone_when_told_so(pilot: Pilot) -> None:
    """Report names the field path and keeps Ready=True; a spec change is still applied."""
    pilot.apply({"driftPolicy": "Report"})
    run(pilot.converge())
    base = base_of(pilot)
    pilot.client("lambda").update_function_configuration(
        FunctionName=f"{base}-processor", MemorySize=1024
    )
    wait_until_active(pilot, f"{base}-processor")
    pilot.forget_calls()
    for _ in range(3):
        run(pilot.resync())
    assert pilot.writes() == {}
    assert pilot.condition("Ready")["status"] == "True"
    assert pilot.condition("DriftDetected")["message"] == "processor: memoryMiB"
    assert pilot.resource("processor")["drift"] == [
        {"field": "memoryMiB", "observed": "1024", "desired": "256"}
    ]
    pilot.apply({"driftPolicy": "Report", "processor": {"memoryMiB": 512}})
    run(pilot.converge(lambda: pilot.condition("DriftDetected")["status"] == "False"))
    function = pilot.client("lambda").get_function(FunctionName=f"{base}-processor")
    assert function["Configuration"]["MemorySize"] == 512


def test_a_resource_of_somebody_else_is_never_written_to(pilot: Pilot) -> None:
    """OwnershipConflict at once, naming it; nothing of it changes."""
    base = base_of(pilot)
    pilot.client("kinesis").create_stream(
        StreamName=f"{base}-events", ShardCount=1, Tags={"clickstream.dev/cluster": "another"}
    )
    pilot.apply()
    run(pilot.step())
    assert pilot.condition("Stalled")["reason"] == "OwnershipConflict"
    assert f"{base}-events" in pilot.condition("Stalled")["message"]
    assert {one for one in pilot.writes() if one.startswith("kinesis")} <= {"kinesis:create_stream"}
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    assert left_in_aws(pilot)["streams"] == {f"{base}-events"}


def test_a_restored_object_without_status_finds_its_resources(pilot: Pilot) -> None:
    """The same name in the same cluster takes over what its tags say is its own."""
    pilot.apply()
    run(pilot.converge())
    body = pilot.body()
    assert body is not None
    pilot.sandbox.kubectl(
        "patch", "csp", pilot.name, "--subresource=status", "--type=json",
        '-p=[{"op":"replace","path":"/status","value":{"observedGeneration":-1}}]',
    )  # fmt: skip
    pilot.restart()
    pilot.forget_calls()
    run(pilot.converge())
    assert pilot.accepted == {}
    assert tuple(one["name"] for one in pilot.status()["resources"]) == DEFAULT_RESOURCES


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


def test_fields_of_a_later_version_are_answered(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepted, named in a condition, and the pipeline works without them."""

    def without_effect(spec: Spec) -> list[str]:
        return ["spec.stream.mode"] if spec.stream.mode == "OnDemand" else []

    monkeypatch.setattr(reporting, "fields_without_effect", without_effect)
    pilot.apply({"stream": {"mode": "OnDemand"}})
    run(pilot.converge())
    pending = pilot.condition("FieldsPending")
    assert pending["status"] == "True"
    assert "spec.stream.mode" in pending["message"]
    pilot.apply()
    run(pilot.converge(lambda: pilot.condition("FieldsPending")["status"] == "absent"))


def test_a_requested_reconciliation_is_echoed(pilot: Pilot) -> None:
    """The annotation's value comes back in the status after a full look."""
    pilot.apply()
    run(pilot.converge())
    pilot.forget_calls()
    pilot.sandbox.kubectl(
        "annotate", "csp", pilot.name, "clickstream.dev/reconcile-requested-at=now-1"
    )
    run(pilot.step())
    assert pilot.status()["lastHandledReconcileAt"] == "now-1"
    # What a resync looks at only every third time.
    read = {f"{one.service}:{one.operation}" for one in pilot.calls}
    assert {"iam:get_role", "dynamodb:describe_time_to_live"} <= read
    told = [one["note"] for one in pilot.events() if one["reason"] == "ReconcileRequestHandled"]
    assert told == ["a pass ran, as clickstream.dev/reconcile-requested-at=now-1 asks"]


def test_force_delete_leaves_everything_and_lists_it(pilot: Pilot) -> None:
    """The finalizer goes at once; the Events and the log name each thing that stays, whole."""
    pilot.apply()
    run(pilot.converge())
    before = left_in_aws(pilot)
    arns = [one["arn"] or one["physicalName"] for one in pilot.status()["resources"]]
    pilot.sandbox.kubectl("annotate", "csp", pilot.name, "clickstream.dev/force-delete=true")
    pilot.request_deletion()
    with capture_logs() as logs:
        run(pilot.step())
    assert pilot.body() is None
    assert left_in_aws(pilot) == before
    notes = [one["note"] for one in pilot.events() if one["action"] == "ForceDelete"]
    introduction = f"force-delete leaves {len(arns)} resources in AWS: "
    listed = [arn for note in notes for arn in note.removeprefix(introduction).split(", ")]
    assert sorted(listed) == sorted(arns)
    (line,) = [one for one in logs if one["event"] == "force-delete: left behind in AWS"]
    assert line["resources"] == arns


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


def test_nothing_is_written_with_a_role_that_is_not_allowed(pilot: Pilot) -> None:
    """Another credential holds everything: using the operator's own would be worse."""
    pilot.apply({"credentials": {"roleArn": "arn:aws:iam::123456789012:role/clickstream"}})
    run(pilot.step())
    assert pilot.calls == []
    assert pilot.condition("Stalled")["reason"] == "RoleNotAllowed"
    assert "spec.credentials" in pilot.condition("Stalled")["message"]
    pilot.apply()
    run(pilot.converge())


def test_a_namespace_with_a_pipeline_can_be_deleted(pilot: Pilot) -> None:
    """In a terminating namespace no Event can be posted; the deletion ends all the same."""
    pilot.namespace = f"team-{pilot.name}"
    pilot.sandbox.kubectl("create", "namespace", pilot.namespace)
    pilot.apply()
    run(pilot.converge())
    pilot.sandbox.kubectl("delete", "namespace", pilot.namespace, "--wait=false")
    assert wait_until(lambda: "deletionTimestamp" in (pilot.body() or {})["metadata"], 30)
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)
    pilot.sandbox.kubectl("wait", "--for=delete", f"namespace/{pilot.namespace}", "--timeout=60s")


def test_a_change_while_a_pass_runs_is_not_overwritten(pilot: Pilot) -> None:
    """The pass that began with the old object gives up its status write; the next one is right."""
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


def approve(pilot: Pilot, digest: str) -> None:
    """Approve a plan, as its message says."""
    pilot.sandbox.kubectl(
        "annotate",
        "--overwrite",
        "csp",
        pilot.name,
        "-n",
        pilot.namespace,
        f"clickstream.dev/approved-plan={digest}",
    )


def test_a_manual_pipeline_is_created_only_as_approved(pilot: Pilot) -> None:
    """Nothing before the approval, all of it after, and the same approval never again."""
    pilot.apply({"approval": "Manual"})
    run(pilot.step())
    assert pilot.writes() == {}
    plan = pilot.status()["plan"]
    assert plan["summary"] == "28 to create"
    assert {one["action"] for one in plan["changes"]} == {"create"}
    assert pilot.condition("Ready")["reason"] == "PlanPending"
    assert plan["hash"] in pilot.condition("Ready")["message"]
    assert pilot.condition("Reconciling")["status"] == "absent"
    assert pilot.condition("Stalled")["status"] == "absent"
    approve(pilot, "0" * 32)
    run(pilot.step())
    assert pilot.writes() == {}
    approve(pilot, plan["hash"])
    run(pilot.converge())
    about = [(one["type"], one["reason"]) for one in pilot.events() if one["reason"][:4] == "Plan"]
    assert about == [
        ("Warning", "PlanPending"),
        ("Normal", "PlanApproved"),
        ("Normal", "PlanCompleted"),
    ]
    assert tuple(one["name"] for one in pilot.status()["resources"]) == DEFAULT_RESOURCES
    assert pilot.status()["plan"] == {"approved": False, "serial": 1}
    pilot.forget_calls()
    pilot.apply({"approval": "Manual", "processor": {"memoryMiB": 512}})
    run(pilot.step())
    assert pilot.writes() == {}
    second = pilot.status()["plan"]
    assert second["hash"] != plan["hash"]
    assert second["serial"] == 2
    assert second["changes"] == [
        {
            "action": "update",
            "resource": "processor",
            "field": "memoryMiB",
            "old": "256",
            "new": "512",
        }
    ]
    approve(pilot, second["hash"])
    run(pilot.converge())
    assert pilot.writes() == {"lambda:update_function_configuration": 1}
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)


def test_an_approved_plan_is_finished_by_the_next_process(pilot: Pilot) -> None:
    """A crash in the middle needs no second approval."""
    pilot.apply({"approval": "Manual"})
    run(pilot.step())
    approve(pilot, pilot.status()["plan"]["hash"])
    with pilot.dying_at(20):
        run(pilot.converge())
    run(pilot.converge())
    assert pilot.accepted["dynamodb:create_table"] == 3


def test_drift_and_removal_of_a_manual_pipeline_wait_too(pilot: Pilot) -> None:
    """A correction and a pruned feature are lines of a plan like any other."""
    pilot.apply({"approval": "Manual"})
    run(pilot.step())
    approve(pilot, pilot.status()["plan"]["hash"])
    run(pilot.converge())
    base = base_of(pilot)
    pilot.client("kinesis").increase_stream_retention_period(
        StreamName=f"{base}-events", RetentionPeriodHours=72
    )
    pilot.forget_calls()
    pilot.apply({"approval": "Manual", "dashboard": {"enabled": False}})
    run(pilot.resync())
    assert pilot.writes() == {}
    plan = pilot.status()["plan"]
    assert [(one["action"], one["resource"]) for one in plan["changes"]] == [
        ("delete", "dashboard"),
        ("update", "stream"),
    ]
    approve(pilot, plan["hash"])
    run(pilot.converge())
    assert left_in_aws(pilot)["dashboards"] == set()
    stream = pilot.client("kinesis").describe_stream_summary(StreamName=f"{base}-events")
    assert stream["StreamDescriptionSummary"]["RetentionPeriodHours"] == 24


def test_a_ready_pipeline_stays_ready_for_two_resyncs_without_a_credential(pilot: Pilot) -> None:
    """What the operator can't see says nothing about the pipeline; only then is it unknown."""
    pilot.apply()
    run(pilot.converge())
    pilot.account = ""
    pilot.restart()
    seen = []
    for _ in range(3):
        run(pilot.resync())
        seen.append(
            (pilot.condition("Ready")["status"], pilot.condition("CredentialsValid")["status"])
        )
    assert seen == [("True", "False"), ("True", "False"), ("Unknown", "False")]
    assert pilot.condition("Ready")["reason"] == "CredentialsInvalid"
    pilot.account = ACCOUNT
    pilot.restart()
    run(pilot.converge())
    assert pilot.condition("CredentialsValid")["status"] == "True"
