"""Deletion of a pipeline: retained data, full buckets, crashes, force-delete."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from clickstream_operator.resources import s3_object_versions as bucket_versions
from sandbox.processes.process import wait_until
from tests.integration.aws_inventory import check_retained, left_in_aws
from tests.integration.pilot import Pilot, run


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
