"""Fields that rule the operator itself: region and names, resyncs, drift, deletion, adoption."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any, Final

import boto3
import pytest

from sandbox import Sandbox
from tests.integration.aws_inventory import left_in_aws
from tests.integration.pilot import ACCOUNT, Pilot, empty_aws, run
from tests.reliability.property_map import ROWS
from tests.tenant_grants import granted

CREDENTIALS: Final = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "sandbox"}
FIXED: Final = [row for row in ROWS if row.kind == "fixed"]


@pytest.fixture(scope="module")
def plain_aws(installed: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with an empty AWS, for the module: each test has pipelines of its own.

    A plain one: a row is about the final state in AWS. The way there, with AWS's states and
    limits, belongs to tests/integration; here it would take four times as long.
    """
    with empty_aws(installed, plain=True):
        yield installed


@pytest.fixture
def pilots(plain_aws: Sandbox) -> Iterator[Callable[..., Pilot]]:
    """Yield a maker of pipelines."""
    made: list[Pilot] = []

    def make(**settings: Any) -> Pilot:
        made.append(Pilot(plain_aws, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def resync_in_full(pilot: Pilot) -> float | None:
    """A reconcile of a process that remembers nothing, at the next resync."""
    pilot.controller._states.clear()
    delay: float | None = run(pilot.resync())
    return delay


def refusal(pilot: Pilot, spec: dict[str, Any]) -> str:
    """The API server's message for a spec that it must refuse."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        pilot.apply(spec)
    return str(caught.value.stderr)


def test_what_is_fixed_at_creation_is_where_it_was_asked_for(
    pilots: Callable[..., Pilot],
) -> None:
    """Region and names hold in AWS, and the API server refuses another one later."""
    pilot = pilots()
    asked = {
        "stream": f"{pilot.name}-given-stream",
        "archiveBucket": f"{pilot.name}-given-archive",
        "pageMetricsTable": f"{pilot.name}-given-pages",
        "sessionMetricsTable": f"{pilot.name}-given-sessions",
        "countersTable": f"{pilot.name}-given-counters",
    }
    spec = {"region": "eu-west-1", "names": asked}
    pilot.apply(spec)
    run(pilot.converge())

    def client(service: str) -> Any:
        return boto3.client(service, region_name="eu-west-1", **CREDENTIALS)

    assert client("kinesis").list_streams()["StreamNames"] == [asked["stream"]]
    tables = [asked["pageMetricsTable"], asked["sessionMetricsTable"], asked["countersTable"]]
    assert sorted(client("dynamodb").list_tables()["TableNames"]) == sorted(tables)
    place = client("s3").get_bucket_location(Bucket=asked["archiveBucket"])
    assert place["LocationConstraint"] == "eu-west-1"
    functions = client("lambda").list_functions()["Functions"]
    assert {one["FunctionArn"].split(":")[3] for one in functions} == {"eu-west-1"}
    assert len(functions) == 2
    for row in FIXED:
        field_name = row.path.partition(".")[0]
        assert f"{field_name} is fixed at creation" in refusal(pilot, row.changed(spec))
    assert "region is fixed at creation" in refusal(pilot, {"names": asked})
    assert "names is fixed at creation" in refusal(pilot, {"region": "eu-west-1"})


def test_the_account_of_a_role_is_fixed(pilots: Callable[..., Pilot]) -> None:
    """Another role of the same account may follow, one of another account may not."""
    pilot = pilots()

    def role(account: str, name: str) -> dict[str, Any]:
        return {"credentials": {"roleArn": f"arn:aws:iam::{account}:role/{name}"}}

    pilot.apply(role(ACCOUNT, "one"))
    pilot.apply(role(ACCOUNT, "two"))
    assert "the account of credentials.roleArn is fixed" in refusal(
        pilot, role("210987654321", "one")
    )


def test_the_resync_interval_is_the_pause_between_resyncs(pilots: Callable[..., Pilot]) -> None:
    """At a jitter of half, nine tenths of it."""
    pilot = pilots()
    for spec, pause in (({}, 270.0), ({"resyncIntervalSeconds": 1000}, 900.0), ({}, 270.0)):
        pilot.apply(spec)
        run(pilot.converge())
        assert resync_in_full(pilot) == pytest.approx(pause)


def test_ignored_drift_is_left_alone_in_silence(pilots: Callable[..., Pilot]) -> None:
    """No write and no condition; with Correct again it is put back."""
    pilot = pilots()
    pilot.apply({"driftPolicy": "Ignore"})
    run(pilot.converge())
    name = pilot.resource("stream")["physicalName"]
    kinesis = pilot.client("kinesis")
    kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=72)
    pilot.forget_calls()
    resync_in_full(pilot)
    assert pilot.writes() == {}
    assert pilot.condition("Ready")["status"] == "True"
    assert pilot.condition("DriftDetected")["status"] in {"False", "absent"}
    pilot.apply()
    run(pilot.converge())
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 24


#: What each member of the deletion policy keeps, and the word with which it goes.
KEPT: Final = {
    "archive": ("buckets", "Empty"),
    "tables": ("tables", "Delete"),
    "stream": ("streams", "Delete"),
    "logs": ("log groups", "Delete"),
    "deadLetter": ("queues", "Delete"),
}


def policy_that_keeps(*kept: str) -> dict[str, str]:
    """A deletion policy that says something about every part."""
    return {part: "Retain" if part in kept else KEPT[part][1] for part in KEPT}


@pytest.mark.parametrize(
    ("policy", "kept", "key"),
    [
        pytest.param({}, ("archive", "tables"), {"parameters"}, id="defaults"),
        # No two parts are kept in the same ones of these, so none may follow another's member.
        *(
            pytest.param(policy_that_keeps(*kept), kept, key, id=" ".join(kept))
            for kept, key in (
                (("archive", "stream", "deadLetter"), {"parameters"}),
                (("tables", "stream"), {"parameters"}),
                (("logs", "deadLetter"), set[str]()),
            )
        ),
    ],
)
def test_deletion_leaves_what_the_policy_says(
    pilots: Callable[..., Pilot], policy: dict[str, str], kept: tuple[str, ...], key: set[str]
) -> None:
    """Each part goes by its own member, a full archive too; the key stays with what it hashed."""
    pilot = pilots()
    spec = {"deletionPolicy": policy, "tables": {"deletionProtection": False}}
    pilot.apply(spec)
    run(pilot.converge())
    bucket = pilot.resource("archive")["physicalName"]
    pilot.client("s3").put_object(Bucket=bucket, Key="raw/one", Body=b"kept")
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    left = {kind for kind, names in left_in_aws(pilot).items() if names}
    assert left == {KEPT[part][0] for part in kept} | key


def test_deletion_waits_for_an_archive_that_must_be_empty(pilots: Callable[..., Pilot]) -> None:
    """Delete removes no objects: it is blocked until there are none."""
    pilot = pilots()
    pilot.apply({"deletionPolicy": {"archive": "Delete"}})
    run(pilot.converge())
    bucket = pilot.resource("archive")["physicalName"]
    pilot.client("s3").put_object(Bucket=bucket, Key="raw/one", Body=b"kept")
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.condition("Stalled")["reason"] == "DeletionBlocked"))
    assert pilot.client("s3").get_object(Bucket=bucket, Key="raw/one")["Body"].read() == b"kept"
    versions = pilot.client("s3").list_object_versions(Bucket=bucket)["Versions"]
    for one in versions:
        pilot.client("s3").delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    run(pilot.converge(lambda: pilot.body() is None))
    assert left_in_aws(pilot)["buckets"] == set()


@pytest.mark.parametrize(("adopted", "stays"), [("Retain", True), ("Delete", False)])
def test_what_was_taken_over_stays_unless_the_policy_says_delete(
    pilots: Callable[..., Pilot], adopted: str, *, stays: bool
) -> None:
    """An existing stream is taken over with Always only, and `deletionPolicy.adopted` rules it."""
    pilot = pilots(overrides={"tenants": granted(adopt=("*-*",))})
    name = f"{pilot.name}-legacy"
    pilot.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    spec: dict[str, Any] = {"names": {"stream": name}, "deletionPolicy": {"adopted": adopted}}
    pilot.apply(spec)
    run(pilot.step())
    assert pilot.condition("Stalled")["reason"] == "OwnershipConflict"
    pilot.apply({**spec, "adoptionPolicy": "Always"})
    run(pilot.converge())
    assert pilot.resource("stream")["origin"] == "Adopted"
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    assert (name in pilot.client("kinesis").list_streams()["StreamNames"]) is stays


def test_what_was_retained_is_not_taken_back_when_the_policy_says_never(
    pilots: Callable[..., Pilot],
) -> None:
    """A new object of the same name stops at what the earlier one left, before any write."""
    pilot = pilots()
    pilot.apply()
    run(pilot.converge())
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    pilot.apply({"adoptionPolicy": "Never"})
    written = pilot.accepted.copy()
    run(pilot.step())
    assert pilot.condition("Stalled")["reason"] == "OwnershipConflict"
    assert pilot.resource("archive")["reason"] == "OwnershipConflict"
    assert pilot.resource("counters-table")["message"] == "waiting for archive"
    assert pilot.accepted == written
