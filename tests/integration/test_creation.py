"""Creation of a pipeline on the real API server, with the emulator behind it."""

from __future__ import annotations

import pytest

from tests.integration.aws_inventory import DEFAULT_RESOURCES, base_of, left_in_aws
from tests.integration.pilot import ACCOUNT, CLUSTER, Pilot, run
from tests.integration.specs import LEAN

ONCE = (
    "kinesis:create_stream",
    "s3:create_bucket",
    "scheduler:create_schedule",
    "ssm:put_parameter",
    "cloudwatch:put_dashboard",
)


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
        "balance",
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
    role = found.pop("processor-role")
    assert found == {name: {**expected, "clickstream.dev/component": name} for name in found}
    owner = {key: value for key, value in expected.items() if key.startswith("clickstream.dev/")}
    assert role == {**owner, "clickstream.dev/component": "processor-role"}


def test_a_second_reconcile_of_a_ready_pipeline_writes_nothing(pilot: Pilot) -> None:
    """Neither fast nor full observations write to AWS or Kubernetes, nor does a new process."""
    pilot.apply({"alerts": {"enabled": True, "emails": ["data-team@example.com"]}})
    run(pilot.converge())
    # Within these the hourly balance is read for the first time, which is a status of its own.
    for _ in range(4):
        run(pilot.resync())
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


def test_status_and_wide_columns_tell_the_last_full_comparison(pilot: Pilot) -> None:
    """From the first Ready on; a requested reconcile compares everything and shows the time."""
    pilot.apply(LEAN)
    run(pilot.converge())
    created = pilot.status()["lastVerified"]
    times = {one["lastVerified"] for one in pilot.status()["resources"]}
    assert created == min(times)
    pilot.time += 100
    annotation = "clickstream.dev/reconcile-requested-at=now"
    pilot.sandbox.kubectl("annotate", "csp", pilot.name, annotation)
    run(pilot.step())
    later = pilot.status()["lastVerified"]
    assert later > max(times)
    answer = pilot.sandbox.kubectl("get", "csp", pilot.name, "-o", "wide")
    head, line = answer.stdout.splitlines()
    column = head.index("VERIFIED")
    assert line[column:].split()[0].endswith(("s", "m", "h", "d"))
