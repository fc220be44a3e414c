"""Pains that users of ACK filed, one test each, proven on this operator.

The number is that of the issue in aws-controllers-k8s/community.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import boto3
import pytest

from clickstream_operator.api.v1alpha1 import Spec
from sandbox.aws.strict import StrictAws
from sandbox.processes.process import wait_until
from tests.integration.aws_inventory import base_of, check_retained, left_in_aws
from tests.integration.pilot import ACCOUNT, Pilot, run
from tests.integration.specs import LEAN
from tests.kstatus import Verdict, verdict
from tests.reliability.pains.virtual_time import (
    WRONG,
    attempts,
    condition,
    live,
    never,
    reasons,
)


def test_ack_2102_a_role_it_never_created_is_not_deleted(pilot: Pilot) -> None:
    """An operator that goes by names alone deletes a role that a person made."""
    iam, role = pilot.client("iam"), f"{base_of(pilot)}-processor"
    iam.create_role(RoleName=role, Path="/clickstream/", AssumeRolePolicyDocument="{}")
    # Kubernetes dates objects to the second: the role is to be older than the pipeline.
    second = int(time.time())
    assert wait_until(lambda: int(time.time()) > second, 5)
    pilot.apply(LEAN)
    run(pilot.step())
    assert pilot.resource("processor-role")["reason"] == "OwnershipConflict"
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    assert iam.get_role(RoleName=role)["Role"]["RoleName"] == role
    assert {one for one in pilot.accepted if one.startswith(("iam:", "lambda:"))} == set()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"region": "us-east-1"}, {"region": "eu-west-1"}),
        ({"names": {"countersTable": "counts"}}, {}),
    ],
)
def test_ack_1543_an_edit_that_can_not_be_made_is_refused_at_once(
    pilot: Pilot, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """An immutable field is edited, and a second resource appears, or nothing at all happens."""
    pilot.apply(before)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        pilot.apply(after)
    assert f"{next(iter(before))} is fixed at creation; create another" in refused.value.stderr
    body = pilot.body()
    assert body is not None
    assert body["metadata"]["generation"] == 1


def test_ack_2597_a_document_in_other_words_is_no_drift(pilot: Pilot) -> None:
    """A policy that AWS returns in another order is rewritten for ever, and the spec with it."""
    pilot.apply(LEAN)
    run(pilot.converge())
    before = pilot.body()
    iam, role = pilot.client("iam"), f"{base_of(pilot)}-processor"
    stored = iam.get_role_policy(RoleName=role, PolicyName="clickstream")["PolicyDocument"]
    for statement in stored["Statement"]:
        for member in ("Action", "Resource"):
            if isinstance(statement[member], list):
                statement[member].reverse()
    stored["Statement"].reverse()
    iam.put_role_policy(
        RoleName=role, PolicyName="clickstream", PolicyDocument=json.dumps(stored, indent=3)
    )
    pilot.forget_calls()
    for _ in range(3):
        run(pilot.resync())
    assert any(one.operation == "get_role_policy" for one in pilot.calls)
    assert (pilot.writes(), pilot.kube_writes) == ({}, [])
    assert pilot.body() == before


def test_ack_2869_a_correction_that_never_holds_comes_to_an_end(pilot: Pilot) -> None:
    """Two owners of one field overwrite each other until somebody reads the bill."""
    pilot.apply(LEAN)
    run(pilot.converge())
    stream, kinesis = f"{base_of(pilot)}-events", pilot.client("kinesis")
    for _ in range(5):
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        if summary["RetentionPeriodHours"] == 24:
            kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=72)
        run(pilot.resync())
    assert pilot.accepted["kinesis:decrease_stream_retention_period"] == 3
    assert pilot.resource("stream")["reason"] == "DriftLoop"
    assert verdict(pilot.body() or {}) is Verdict.FAILED


def test_ack_2420_every_setting_of_a_stream_is_changed_in_place(
    pilot: Pilot, aws: StrictAws
) -> None:
    """Retention, key, metrics and mode are missing, so the stream has to be made by hand."""
    aws.reset(["kinesis-states", "kinesis-modes"])
    pilot.apply(LEAN)
    live(pilot)
    stream = {
        "retentionHours": 30,
        "kmsKeyId": "alias/clicks",
        "shardLevelMetrics": ["IncomingBytes"],
        "mode": "OnDemand",
    }
    hours = {"sessionMetricsHours": 60, "countersHours": 60}
    pilot.apply(LEAN | {"stream": stream, "tables": {"ttl": hours}})
    live(pilot)
    kinesis = boto3.client(
        "kinesis",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="sandbox",
    )
    summary = kinesis.describe_stream_summary(StreamName=f"{base_of(pilot)}-events")[
        "StreamDescriptionSummary"
    ]
    assert summary["RetentionPeriodHours"] == 30
    assert summary["KeyId"] == "alias/clicks"
    assert summary["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingBytes"]}]
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert attempts(aws, "kinesis", "CreateStream") == {"OK": 1}


def test_ack_2294_busy_is_progress_not_failure(pilot: Pilot, aws: StrictAws) -> None:
    """While AWS is at work the next change is refused, and that is shown as an error."""
    aws.reset(["lambda-states=20", "lambda-mappings", "dynamodb-states=20", "dynamodb-backups"])
    pilot.apply(LEAN)
    seen = live(pilot)
    changed = {
        "processor": {"memoryMiB": 512, "architecture": "x86_64", "batchSize": 10},
        "tables": {"deletionProtection": False, "kmsKeyId": "alias/clicks"},
    }
    pilot.apply(LEAN | changed)
    aws.inject(
        "error",
        operation="UpdateFunctionCode*",
        count=1,
        code="ResourceConflictException",
        status=409,
        message="The operation cannot be performed at this time. An update is in progress.",
    )
    seen += live(pilot)
    assert {verdict(body) for body in seen} <= {Verdict.IN_PROGRESS, Verdict.CURRENT}
    assert reasons(seen) <= {"", "WaitingForAWS", "WaitingForDependency", "Conflict"}
    refused = [one for one in aws.writes() if one["outcome"] != "OK" and not one["fault"]]
    assert {one["outcome"] for one in refused} <= {"ContinuousBackupsUnavailableException"}


@pytest.mark.parametrize(("seconds", "worst"), [(110, "InProgress"), (1200, "Failed")])
def test_ack_1844_a_role_that_is_not_known_yet_is_waited_for(
    pilot: Pilot, aws: StrictAws, seconds: int, worst: str
) -> None:
    """A role is seconds old, Lambda refuses it, and only a restart of the pod tries again."""
    aws.reset([f"iam-new-roles={seconds}", f"iam-new-policies={seconds}"])
    pilot.apply(LEAN)
    seen = live(pilot)
    assert {verdict(body).value for body in seen} == {"InProgress", "Current", worst}
    assert "cannot be assumed" in json.dumps(seen[0]["status"])
    assert attempts(aws, "iam", "CreateRole") == {"OK": 1}


def test_ack_3006_an_invalid_value_stalls_and_a_new_one_is_tried_at_once(
    pilot: Pilot, aws: StrictAws
) -> None:
    """An invalid value is retried for ever, or a corrected one waits for the old backoff."""
    pilot.apply(LEAN)
    live(pilot)
    aws.inject("error", operation="StartStreamEncryption", **WRONG)
    pilot.apply(LEAN | {"stream": {"kmsKeyId": "alias/disabled"}})
    (first, *_) = seen = live(pilot, never, seconds=1200)
    assert verdict(first) is Verdict.FAILED
    assert "The key is disabled." in condition(first, "Stalled")["message"]
    assert len(seen) < 20
    aws.end_faults()
    pilot.apply(LEAN | {"stream": {"kmsKeyId": "alias/clicks"}})
    run(pilot.step())
    assert verdict(pilot.body() or {}) is Verdict.CURRENT


def test_ack_1583_every_condition_says_which_generation_it_is_about(pilot: Pilot) -> None:
    """`kubectl wait` believes a condition that is about the spec before the last edit."""
    pilot.apply(LEAN)
    assert verdict(pilot.body() or {}) is Verdict.IN_PROGRESS
    run(pilot.converge())
    assert verdict(pilot.body() or {}) is Verdict.CURRENT
    pilot.apply(LEAN | {"environment": "prod"})
    assert verdict(pilot.body() or {}) is Verdict.IN_PROGRESS
    run(pilot.converge())
    status = pilot.status()
    assert {one["observedGeneration"] for one in status["conditions"]} == {2}
    assert status["observedGeneration"] == 2


def test_ack_2510_what_happened_is_told_in_events(pilot: Pilot) -> None:
    """`kubectl describe` shows nothing of what the operator did."""
    pilot.apply(LEAN)
    run(pilot.converge())
    told = [(one["reason"], one["note"]) for one in pilot.events()]
    assert any(reason == "ResourceCreated" and "created" in note for reason, note in told)
    assert told[-1] == ("Available", "11 resources ready")
    # One of each reconcile that wrote something: AWS takes the changes of a stream one by one.
    assert len(told) < 10


def test_ack_1393_a_full_bucket_blocks_with_its_count_and_a_way_out(pilot: Pilot) -> None:
    """BucketNotEmpty for ever, and the only way out is another tool."""
    pilot.apply(LEAN | {"deletionPolicy": {"archive": "Delete"}})
    run(pilot.converge())
    bucket = pilot.resource("archive")["physicalName"]
    pilot.client("s3").put_object(Bucket=bucket, Key="raw/kept", Body=b"x")
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.condition("Stalled")["reason"] == "DeletionBlocked"))
    assert "holds 1 object versions" in pilot.condition("Stalled")["message"]
    pilot.apply(LEAN | {"deletionPolicy": {"archive": "Empty"}})
    run(pilot.converge(lambda: pilot.body() is None))
    assert left_in_aws(pilot)["buckets"] == set()


def test_ack_2046_the_objects_own_deletion_policy_holds(pilot: Pilot) -> None:
    """The object says Retain, the controller's default says delete, and the data is gone."""
    kept = {"stream": "Retain", "deadLetter": "Retain", "tables": "Delete"}
    pilot.apply(LEAN | {"deletionPolicy": kept, "tables": {"deletionProtection": False}})
    run(pilot.converge())
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    left, base = left_in_aws(pilot), base_of(pilot)
    assert left["streams"] == {f"{base}-events"}
    assert left["queues"] == {f"{base}-dead-letter"}
    assert left["tables"] == set()
    assert len(left["buckets"]) == 1


def test_ack_82_a_deleted_namespace_takes_no_data_along() -> None:
    """`kubectl delete namespace` deletes every bucket and table that objects in it stood for.

    The deletion of a namespace itself is in tests/integration/test_deletion.py.
    """
    kept = Spec().deletion_policy
    assert (kept.archive, kept.tables, kept.adopted) == ("Retain", "Retain", "Retain")


def test_ack_1707_what_a_removed_finalizer_left_behind_is_found_again(pilot: Pilot) -> None:
    """A script removed the finalizer; the next object of the name meets what is left in AWS."""
    pilot.apply(LEAN)
    run(pilot.converge())
    pilot.request_deletion()
    pilot.sandbox.kubectl(
        "patch", "csp", pilot.name, "--type=merge", '-p={"metadata":{"finalizers":[]}}'
    )
    assert pilot.body() is None
    pilot.forget_calls()
    pilot.apply(LEAN)
    run(pilot.converge())
    assert [one for one in pilot.accepted if "create" in one] == []
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)
