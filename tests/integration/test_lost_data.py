"""Data that somebody deleted in AWS is told as lost, not as a setting that was corrected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.pilot import Pilot, run
from tests.integration.specs import LEAN

pytestmark = pytest.mark.plain_aws("each resource is made again at once")
UNPROTECTED: dict[str, Any] = LEAN | {"tables": {"deletionProtection": False}}


def _table(pilot: Pilot, name: str) -> None:
    pilot.client("dynamodb").delete_table(TableName=name)


def _bucket(pilot: Pilot, name: str) -> None:
    s3 = pilot.client("s3")
    for one in s3.list_object_versions(Bucket=name).get("Versions", []):
        s3.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
    s3.delete_bucket(Bucket=name)


def _stream(pilot: Pilot, name: str) -> None:
    pilot.client("kinesis").delete_stream(StreamName=name)


def _queue(pilot: Pilot, name: str) -> None:
    sqs = pilot.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _key(pilot: Pilot, name: str) -> None:
    pilot.client("ssm").delete_parameter(Name=name)


@pytest.mark.parametrize(
    ("part", "delete", "lost"),
    [
        ("counters-table", _table, "items"),
        ("session-metrics-table", _table, "items"),
        ("archive", _bucket, "archived events"),
        ("stream", _stream, "events that had not been processed"),
        ("dead-letter", _queue, "messages"),
        ("hash-key", _key, "every visitor counts as a new one"),
    ],
)
def test_lost_data_is_a_warning_of_its_own(
    pilot: Pilot, part: str, delete: Callable[[Pilot, str], None], lost: str
) -> None:
    """One Warning that says what is gone, however many reconciles complete the new resource."""
    pilot.apply(UNPROTECTED)
    run(pilot.converge())
    delete(pilot, pilot.resource(part)["physicalName"])
    for _ in range(4):
        run(pilot.resync())
    told = [one for one in pilot.events() if f"{part} was gone and was made anew" in one["note"]]
    assert [one["type"] for one in told] == ["Warning"]
    assert lost in told[0]["note"]


def test_a_setting_that_was_corrected_is_no_loss(pilot: Pilot) -> None:
    """A changed setting stays a Normal Event."""
    pilot.apply(UNPROTECTED)
    run(pilot.converge())
    pilot.client("s3").delete_bucket_policy(Bucket=pilot.resource("archive")["physicalName"])
    for _ in range(4):
        run(pilot.resync())
    told = [one for one in pilot.events() if one["reason"] == "DriftCorrected"]
    assert [one["type"] for one in told] == ["Normal"]
    assert "gone" not in told[0]["note"]
