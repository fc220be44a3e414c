"""S3 bucket: settings, what others have in it, a deletion that loses nothing by accident."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import DeletionPolicy, ResourceBlocked
from clickstream_operator.resources.s3_bucket import S3Bucket
from tests.resources.conftest import ACCOUNT, TAGS, Cloud, DeleteTwice
from tests.resources.moto_gaps import GAPS

NAME = "shop-archive-123456789012-us-east-1"


def bucket(cloud: Cloud, **changes: Any) -> S3Bucket:
    """A bucket with the API's defaults, but for `changes`."""
    settings: dict[str, Any] = {
        "place": cloud.place,
        "transitions": [("STANDARD_IA", 30), ("GLACIER", 90)],
        "expiration_days": 365,
        "noncurrent_version_days": 30,
        "abort_multipart_days": 7,
    }
    return S3Bucket(
        calls=cloud.calls, name="archive", physical_name=NAME, tags=TAGS, **settings | changes
    )


async def put(cloud: Cloud, key: str) -> None:
    """One object version."""
    assert GAPS["s3 put_object under a TLS-only policy"]
    await cloud.session.call("s3", "delete_bucket_policy", Bucket=NAME)
    await cloud.session.call("s3", "put_object", Bucket=NAME, Key=key, Body=b"x")


async def test_creation_settles(cloud: Cloud) -> None:
    """Five writes (SSE-S3 is S3's own default), five reads when full, and then rest."""
    one = bucket(cloud)
    assert await cloud.converge(one) == [
        "create_bucket",
        "put_bucket_versioning",
        "put_public_access_block",
        "put_bucket_policy",
        "put_bucket_lifecycle_configuration",
        *(["put_bucket_tagging"] if "s3 create_bucket Tags" in GAPS else []),
    ]
    observed = await cloud.settled(one)
    assert len(cloud.reads) == 5
    assert observed.outputs == {"arn": f"arn:aws:s3:::{NAME}", "name": NAME}
    assert dict(await one.read_tags(observed)) == TAGS


async def test_fast_observation_is_one_call(cloud: Cloud) -> None:
    """Existence and versioning."""
    one = bucket(cloud)
    await cloud.converge(one)
    fast = await cloud.observe(one, full=False)
    assert dict(fast.properties) == {"versioning": "Enabled"}
    assert cloud.reads == ["get_bucket_versioning"]


async def test_bucket_of_another_region(cloud: Cloud) -> None:
    """The region goes along; us-east-1 must not."""
    place = AwsLocation(partition="aws", region="eu-west-1", account=ACCOUNT)
    await cloud.converge(bucket(cloud, place=place))
    answer = await cloud.session.call("s3", "get_bucket_location", Bucket=NAME)
    assert answer["LocationConstraint"] == "eu-west-1"


@pytest.mark.parametrize(
    ("changes", "paths", "operation"),
    [
        (
            {"transitions": [("GLACIER_IR", 10)]},
            ("lifecycle",),
            "put_bucket_lifecycle_configuration",
        ),
        ({"expiration_days": 0}, ("lifecycle",), "put_bucket_lifecycle_configuration"),
        ({"noncurrent_version_days": 5}, ("lifecycle",), "put_bucket_lifecycle_configuration"),
        ({"abort_multipart_days": 2}, ("lifecycle",), "put_bucket_lifecycle_configuration"),
        (
            {"kms_key_id": "alias/mine"},
            ("encryption.bucketKey", "encryption.keyId"),
            "put_bucket_encryption",
        ),
    ],
)
async def test_each_field_changes_and_comes_back(
    cloud: Cloud, changes: dict[str, Any], paths: tuple[str, ...], operation: str
) -> None:
    """A changed field is named, takes one call, and reverts."""
    await cloud.converge(bucket(cloud))
    changed = bucket(cloud, **changes)
    assert (await cloud.difference(changed)).paths == paths
    assert await cloud.converge(changed) == [operation]
    await cloud.settled(changed)
    assert await cloud.converge(bucket(cloud)) == [operation]


@pytest.mark.parametrize(
    ("operation", "parameters", "path"),
    [
        (
            "put_bucket_versioning",
            {"VersioningConfiguration": {"Status": "Suspended"}},
            "versioning",
        ),
        ("delete_public_access_block", {}, "publicAccessBlock"),
        ("delete_bucket_policy", {}, "policy"),
        ("delete_bucket_lifecycle", {}, "lifecycle"),
        ("delete_bucket_tagging", {}, "tags"),
    ],
)
async def test_drift_is_named_and_repaired(
    cloud: Cloud, operation: str, parameters: dict[str, Any], path: str
) -> None:
    """What somebody undid by hand comes back."""
    one = bucket(cloud)
    await cloud.converge(one)
    await cloud.session.call("s3", operation, Bucket=NAME, **parameters)
    assert (await cloud.difference(one)).paths == (path,)
    assert len(await cloud.converge(one)) == 1


async def test_a_rewrite_of_equal_meaning_is_no_difference(cloud: Cloud) -> None:
    """Rules in another order and in their old form, the policy as a console writes it."""
    one = bucket(cloud)
    await cloud.converge(one)
    shown = await cloud.session.call("s3", "get_bucket_lifecycle_configuration", Bucket=NAME)
    rules = [
        {**dict(reversed(rule.items())), "Transitions": rule["Transitions"][::-1]}
        for rule in reversed(shown["Rules"])
    ]
    # The old form of a filter, which S3 still takes.
    rules[0]["Prefix"] = rules[0].pop("Filter")["Prefix"]
    await cloud.session.call(
        "s3",
        "put_bucket_lifecycle_configuration",
        Bucket=NAME,
        LifecycleConfiguration={"Rules": rules},
        TransitionDefaultMinimumObjectSize="all_storage_classes_128K",
    )
    policy = json.loads(
        (await cloud.session.call("s3", "get_bucket_policy", Bucket=NAME))["Policy"]
    )
    turned = [
        {
            **dict(reversed(statement.items())),
            "Action": [statement["Action"]]
            if isinstance(statement["Action"], str)
            else statement["Action"][::-1],
            "Resource": statement["Resource"][::-1],
            "Principal": {"AWS": ["*"]},
            "Condition": {"Bool": {"aws:SecureTransport": [False]}},
        }
        for statement in policy["Statement"]
    ]
    text = json.dumps({"Statement": turned, "Version": policy["Version"]}, indent=2)
    await cloud.session.call("s3", "put_bucket_policy", Bucket=NAME, Policy=text)
    assert not await cloud.difference(one)


async def test_tags_are_set_and_removed_by_one_call(cloud: Cloud) -> None:
    """PutBucketTagging replaces the set, so one call does both; tags of others are sent along."""
    await cloud.converge(bucket(cloud))
    found = [*({"Key": key, "Value": "old"} for key in (*TAGS, "left", "owner"))]
    await cloud.session.call("s3", "put_bucket_tagging", Bucket=NAME, Tagging={"TagSet": found})
    one = bucket(cloud, obsolete_tags=frozenset({"left"}))
    assert await cloud.converge(one) == ["put_bucket_tagging"]
    assert dict(await one.read_tags(await cloud.observe(one))) == {**TAGS, "owner": "old"}


async def test_rules_statements_and_tags_of_others_stay(cloud: Cloud) -> None:
    """In an adopted bucket others keep what they have."""
    await cloud.session.call("s3", "create_bucket", Bucket=NAME)
    theirs = {"ID": "tidy", "Filter": {"Prefix": "tmp/"}, "Status": "Enabled"}
    await cloud.session.call(
        "s3",
        "put_bucket_lifecycle_configuration",
        Bucket=NAME,
        LifecycleConfiguration={"Rules": [{**theirs, "Expiration": {"Days": 3}}]},
    )
    reader = {
        "Sid": "clickstreamReaders",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{NAME}/raw/*",
    }
    await cloud.session.call(
        "s3",
        "put_bucket_policy",
        Bucket=NAME,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": reader}),
    )
    tagging = {"TagSet": [{"Key": "owner", "Value": "data"}]}
    await cloud.session.call("s3", "put_bucket_tagging", Bucket=NAME, Tagging=tagging)

    one = bucket(cloud)
    await cloud.converge(one)
    observed = await cloud.settled(one)
    assert dict(await one.read_tags(observed)) == {**TAGS, "owner": "data"}
    policy = json.loads(
        (await cloud.session.call("s3", "get_bucket_policy", Bucket=NAME))["Policy"]
    )
    assert reader in policy["Statement"]
    rules = await cloud.session.call("s3", "get_bucket_lifecycle_configuration", Bucket=NAME)
    assert [rule["ID"] for rule in rules["Rules"]] == [
        "tidy",
        "clickstream-raw",
        "clickstream-bad",
        "clickstream-failed",
    ]


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """An empty bucket goes, and goes again."""
    one = bucket(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None


async def test_deletion_of_what_holds_data_is_blocked(cloud: Cloud) -> None:
    """Delete means: only if empty. The count and the remedy are told."""
    one = bucket(cloud)
    await cloud.converge(one)
    await put(cloud, "raw/a")
    await put(cloud, "raw/a")
    with pytest.raises(ResourceBlocked, match="holds 2 object versions") as raised:
        await one.delete(await cloud.observe(one))
    assert raised.value.reason == "DeletionBlocked"
    assert "delete_objects" not in cloud.writes


async def test_empty_deletes_versions_and_markers_first(
    cloud: Cloud, delete_twice: DeleteTwice
) -> None:
    """Old versions and delete markers go as well."""
    one = bucket(cloud, deletion=DeletionPolicy.EMPTY)
    await cloud.converge(one)
    await put(cloud, "raw/a")
    await put(cloud, "raw/a")
    await cloud.session.call("s3", "delete_object", Bucket=NAME, Key="raw/a")
    assert await delete_twice(one) is None


async def test_emptying_is_bounded_and_resumes(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call deletes a bounded number of pages; the next goes on."""
    monkeypatch.setattr("clickstream_operator.resources.s3_object_versions.PAGES_PER_CALL", 1)
    monkeypatch.setattr("clickstream_operator.resources.s3_object_versions.PAGE_SIZE", 2)
    one = bucket(cloud, deletion=DeletionPolicy.EMPTY)
    await cloud.converge(one)
    for number in range(5):
        await put(cloud, f"raw/{number}")
    for _ in range(2):
        await one.delete(await cloud.observe(one))
        assert cloud.writes == ["delete_objects"]
    await one.delete(await cloud.observe(one))
    assert cloud.writes == ["delete_objects", "delete_bucket"]


@pytest.mark.parametrize("text", ["Access Denied", "Forbidden"])
async def test_bucket_of_another_account_is_a_conflict(cloud: Cloud, text: str) -> None:
    """S3 denies without a word about permissions: the bucket is somebody else's."""
    one = bucket(cloud)
    one._calls = Denied(text)  # type: ignore[assignment]
    with pytest.raises(ResourceBlocked, match="another AWS account") as raised:
        await one.observe(full=False)
    assert raised.value.reason == "OwnershipConflict"


async def test_missing_permission_is_no_conflict(cloud: Cloud) -> None:
    """S3 names the permission when the bucket is ours."""
    one = bucket(cloud)
    one._calls = Denied(  # type: ignore[assignment]
        "User x is not authorized to perform: s3:GetBucketVersioning on resource y"
    )
    with pytest.raises(AwsError) as raised:
        await one.observe(full=False)
    assert raised.value.category is Category.ACCESS_DENIED


async def test_taken_name_is_a_conflict(cloud: Cloud) -> None:
    """CreateBucket says so as well."""
    one = bucket(cloud)
    one._calls = Denied("taken", code="BucketAlreadyExists")  # type: ignore[assignment]
    with pytest.raises(ResourceBlocked) as raised:
        await one.create(one.desired({}))
    assert raised.value.reason == "OwnershipConflict"


async def test_failed_objects_are_counted_on_request(cloud: Cloud) -> None:
    """The request metrics behind the failed-objects alarm; only where they are asked for."""
    assert GAPS["s3 bucket metrics configurations"]
    written: list[dict[str, Any]] = []

    class NewBucket:
        async def write(self, _service: str, operation: str, /, **rest: Any) -> dict[str, Any]:
            if operation == "put_bucket_metrics_configuration":
                written.append(rest)
            return {}

    one = bucket(cloud, count_failed_objects=True)
    one._calls = NewBucket()  # type: ignore[assignment]
    made = await one.create(one.desired({}))
    diff = one.diff(one.desired({}), made)
    assert "failedObjectMetrics" in diff
    await one.update(one.desired({}), made, diff)
    assert written[0]["MetricsConfiguration"] == {
        "Id": "clickstream-failed",
        "Filter": {"Prefix": "aws/lambda/"},
    }
    assert "failedObjectMetrics" not in bucket(cloud).desired({})


class Denied:
    """Calls that all end in one S3 error."""

    def __init__(self, text: str, *, code: str = "AccessDenied") -> None:
        self._text = text
        self._code = code

    async def read(self, service: str, operation: str, /, **_parameters: Any) -> dict[str, Any]:
        """Fail."""
        raise AwsError(
            service=service,
            operation=operation,
            code=self._code,
            text=self._text,
            category=Category.ACCESS_DENIED,
        )

    write = read
