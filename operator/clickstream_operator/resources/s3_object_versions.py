"""Versions and delete markers in a bucket, counted and deleted page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category, ignore_not_found
from clickstream_operator.aws.permissions import BUCKET
from clickstream_operator.engine.resource import ResourceBlocked

GRANTS: Final = (BUCKET,)
BESIDES: Final = {"s3:delete_objects": ("s3:DeleteObjectVersion",)}


PAGES_PER_CALL: Final = 10
#: As many as DeleteObjects takes (S3 API reference).
PAGE_SIZE: Final = 1000
_PASSING: Final = frozenset({"InternalError", "SlowDown", "ServiceUnavailable", "OperationAborted"})


async def delete_versions(calls: Calls, bucket: Mapping[str, str]) -> tuple[int, bool]:
    """Delete at most `PAGES_PER_CALL` pages: how many went, whether none is left.

    `bucket`: ``Bucket`` and ``ExpectedBucketOwner``, as every call names it.

    Raises:
        ResourceBlocked: ``DeletionBlocked``; S3 refuses to delete an object.
        AwsError: S3 could delete none of a page just now.
    """
    deleted = 0
    for _page in range(PAGES_PER_CALL):
        answer = await ignore_not_found(_page_of(calls, bucket))
        if answer is None:
            return deleted, True
        keys = [
            {"Key": one["Key"], "VersionId": one["VersionId"]}
            for group in ("Versions", "DeleteMarkers")
            for one in answer.get(group, ())
        ]
        if not keys:
            return deleted, True
        result = await calls.write(
            "s3", "delete_objects", **bucket, Delete={"Objects": keys, "Quiet": True}
        )
        errors = result.get("Errors", ())
        deleted += len(keys) - len(errors)
        if errors:
            _judge(errors, bucket["Bucket"])
            if deleted:
                return deleted, False
            raise AwsError(
                service="s3",
                operation="delete_objects",
                code=errors[0].get("Code", ""),
                text=errors[0].get("Message", ""),
                category=Category.TRANSIENT,
            )
        if not answer.get("IsTruncated"):
            return deleted, True
    return deleted, False


def _judge(errors: Sequence[Mapping[str, Any]], bucket: str) -> None:
    """Tell what S3 refuses from what it could not do just now (S3 API reference, DeleteObjects)."""
    for error in errors:
        if error.get("Code") not in _PASSING:
            raise ResourceBlocked(
                "DeletionBlocked",
                f"bucket {bucket}: S3 refused to delete some objects with {error.get('Code')}; "
                "remove the lock or grant s3:DeleteObjectVersion",
            )


async def amount_of_versions(calls: Calls, bucket: Mapping[str, str]) -> str:
    """Their number; more than a page is ``at least`` that."""
    answer = await _page_of(calls, bucket)
    count = len(answer.get("Versions", ())) + len(answer.get("DeleteMarkers", ()))
    return f"at least {count}" if answer.get("IsTruncated") else str(count)


async def not_empty(calls: Calls, bucket: Mapping[str, str]) -> ResourceBlocked:
    """The refusal to delete a bucket that holds objects, with their number and the remedies."""
    amount = await amount_of_versions(calls, bucket)
    return ResourceBlocked(
        "DeletionBlocked",
        f"bucket {bucket['Bucket']} holds {amount} object versions; empty it, or set "
        "spec.deletionPolicy.archive to Empty or Retain",
    )


async def first_version_since(calls: Calls, bucket: Mapping[str, str]) -> datetime | None:
    """Age of the first version, or delete marker, by key; None of an empty bucket."""
    page = await calls.read("s3", "list_object_versions", **bucket, MaxKeys=1)
    for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
        return datetime.fromisoformat(str(one["LastModified"]))
    return None


async def _page_of(calls: Calls, bucket: Mapping[str, str]) -> dict[str, Any]:
    return await calls.read("s3", "list_object_versions", **bucket, MaxKeys=PAGE_SIZE)
