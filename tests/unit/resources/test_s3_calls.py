"""Calls of the kinds that live in S3: each names the account that must own the bucket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from clickstream_operator.aws import policies
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import READY, DeletionPolicy, Observed, ResourceBlocked
from clickstream_operator.resources.s3_bucket import S3Bucket
from clickstream_operator.resources.s3_config_object import ConfigObject, Content

ACCOUNT = "123456789012"
NAME = "shop-archive"
ARN = f"arn:aws:s3:::{NAME}"
ANSWERS: dict[str, dict[str, Any]] = {
    "get_bucket_tagging": {"TagSet": []},
    "head_object": {"ContentLength": 0, "ETag": '""'},
    "get_bucket_policy": {"Policy": '{"Version": "2012-10-17", "Statement": []}'},
}
#: Of a bucket that is not there yet: nobody owns it, and S3 takes no expected owner.
WITHOUT_OWNER = {"create_bucket"}


class RecordedCalls:
    """S3 that answers everything but `refused`, and holds `versions` of objects."""

    def __init__(self) -> None:
        self.refused: frozenset[str] = frozenset()
        self.versions: list[dict[str, str]] = []
        self.seen: list[tuple[str, dict[str, Any]]] = []

    async def read(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Note it and answer."""
        assert service == "s3"
        self.seen.append((operation, parameters))
        if operation in self.refused:
            raise AwsError(
                service=service,
                operation=operation,
                code="BucketNotEmpty",
                text="because",
                category=Category.CONFLICT,
            )
        if operation == "list_object_versions":
            return {"Versions": self.versions}
        if operation == "delete_objects":
            self.versions = []
        return ANSWERS.get(operation, {})

    write = read

    def without_owner(self) -> set[str]:
        """Operations that went out without the account that must own the bucket."""
        return {
            operation
            for operation, parameters in self.seen
            if parameters.get("ExpectedBucketOwner") != ACCOUNT
        }


def bucket(calls: RecordedCalls, **changes: Any) -> S3Bucket:
    """A bucket that uses every setting."""
    return S3Bucket(
        calls=cast("Calls", calls),
        name="archive",
        physical_name=NAME,
        tags={"team": "web"},
        place=AwsLocation(partition="aws", region="eu-west-1", account=ACCOUNT),
        transitions=[("GLACIER", 90)],
        expiration_days=365,
        noncurrent_version_days=30,
        abort_multipart_days=7,
        kms_key_id="alias/mine",
        count_failed_objects=True,
        **changes,
    )


def configuration(calls: RecordedCalls) -> ConfigObject:
    """An object in the bucket, bound to its content."""
    one = ConfigObject(
        name="processor-config",
        physical_name=NAME,
        calls=cast("Calls", calls),
        account=ACCOUNT,
        content=lambda _outputs: Content("config/1.json", "{}"),
    )
    return one.bind({})


async def _create_and_update(calls: RecordedCalls) -> None:
    one = bucket(calls)
    desired = one.desired({})
    new = await one.create(desired)
    await one.update(desired, new, one.diff(desired, new))


async def _observe(calls: RecordedCalls) -> None:
    one = bucket(calls)
    seen = await one.observe(full=True)
    assert seen is not None
    await one.read_tags(seen)


async def _change_tags(calls: RecordedCalls) -> None:
    seen = Observed(arn=ARN, properties={}, readiness=READY, outputs={})
    await bucket(calls).set_tags(seen, {"team": "shop"})
    await bucket(calls).remove_tags(seen, ["team"])


async def _empty(calls: RecordedCalls) -> None:
    calls.versions = [{"Key": "raw/a", "VersionId": "1"}]
    seen = Observed(arn=ARN, properties={}, readiness=READY, outputs={})
    await bucket(calls, deletion=DeletionPolicy.EMPTY).delete(seen)


async def _delete_what_holds_data(calls: RecordedCalls) -> None:
    calls.refused = frozenset({"delete_bucket"})
    seen = Observed(arn=ARN, properties={}, readiness=READY, outputs={})
    with pytest.raises(ResourceBlocked, match="holds 0 object versions"):
        await bucket(calls).delete(seen)


async def _keep_a_configuration(calls: RecordedCalls) -> None:
    one = configuration(calls)
    await one.create(one.desired({}))
    seen = await one.observe(full=True)
    assert seen is not None
    await one.delete(seen)


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (
            _create_and_update,
            {
                "create_bucket",
                "put_bucket_versioning",
                "put_bucket_encryption",
                "put_public_access_block",
                "put_bucket_policy",
                "put_bucket_lifecycle_configuration",
                "put_bucket_metrics_configuration",
            },
        ),
        (
            _observe,
            {
                "get_bucket_versioning",
                "get_bucket_encryption",
                "get_public_access_block",
                "get_bucket_policy",
                "get_bucket_lifecycle_configuration",
                "get_bucket_metrics_configuration",
                "get_bucket_tagging",
            },
        ),
        (_change_tags, {"get_bucket_tagging", "put_bucket_tagging"}),
        (_empty, {"list_object_versions", "delete_objects", "delete_bucket"}),
        (_delete_what_holds_data, {"delete_bucket", "list_object_versions"}),
        (_keep_a_configuration, {"put_object", "head_object", "delete_object"}),
    ],
)
async def test_a_bucket_of_another_account_is_never_touched(
    use: Callable[[RecordedCalls], Awaitable[None]], expected: set[str]
) -> None:
    """A name that another account took meanwhile: S3 refuses what names its expected owner.

    Amazon S3 User Guide, "Verifying bucket ownership with bucket owner condition".
    """
    calls = RecordedCalls()
    await use(calls)
    assert {operation for operation, _ in calls.seen} == expected
    assert calls.without_owner() == expected & WITHOUT_OWNER


async def test_nothing_is_read_or_written_without_tls() -> None:
    """The statement denies every action, on the bucket and on each of its objects."""
    calls = RecordedCalls()
    await _create_and_update(calls)
    (text,) = (given["Policy"] for name, given in calls.seen if name == "put_bucket_policy")
    (statement,) = policies.statements(text)
    assert statement == {
        "Sid": "clickstreamTlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [ARN, f"{ARN}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


@pytest.mark.parametrize("regional", [True, False])
async def test_a_bucket_is_made_in_the_namespace_of_its_name(*, regional: bool) -> None:
    """S3 answers MissingNamespaceHeader for an account-regional name without it."""
    calls = RecordedCalls()
    one = bucket(calls, account_regional=regional)
    await one.create(one.desired({}))
    ((_, given),) = [one for one in calls.seen if one[0] == "create_bucket"]
    assert given.get("BucketNamespace") == ("account-regional" if regional else None)
