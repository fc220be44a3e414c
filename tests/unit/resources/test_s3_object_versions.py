"""What S3 refuses to delete, and what it could not delete just now."""

from __future__ import annotations

from typing import Any, cast

import pytest

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import ResourceBlocked
from clickstream_operator.resources.s3_object_versions import delete_versions

BUCKET = {"Bucket": "archive", "ExpectedBucketOwner": "123456789012"}


class MemoryCalls:
    """A bucket of so many versions; `codes` are the errors of the next deletions, by key."""

    def __init__(self, count: int, *codes: dict[str, str]) -> None:
        self.left = [f"key-{number}" for number in range(count)]
        self.codes = list(codes)

    async def read(self, service: str, operation: str, **_: Any) -> dict[str, Any]:
        """The first page."""
        page = [{"Key": key, "VersionId": "1"} for key in self.left[:2]]
        return {"Versions": page, "IsTruncated": len(self.left) > 2}

    async def write(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Delete what has no error."""
        codes = self.codes.pop(0) if self.codes else {}
        keys = [one["Key"] for one in parameters["Delete"]["Objects"]]
        self.left = [key for key in self.left if key not in keys or key in codes]
        return {"Errors": [{"Key": key, "Code": code} for key, code in codes.items()]}


async def test_what_s3_could_not_do_just_now_is_tried_again() -> None:
    """A 5xx of one key is no lock: what went is counted, and the rest goes next."""
    calls = MemoryCalls(3, {"key-0": "InternalError"})
    assert await delete_versions(cast("Calls", calls), BUCKET) == (1, False)
    assert await delete_versions(cast("Calls", calls), BUCKET) == (2, True)


async def test_nothing_of_a_page_is_a_transient_error() -> None:
    """SlowDown for all: the next try waits as for any throttle."""
    calls = MemoryCalls(2, {"key-0": "SlowDown", "key-1": "SlowDown"})
    with pytest.raises(AwsError, match="SlowDown") as caught:
        await delete_versions(cast("Calls", calls), BUCKET)
    assert caught.value.category is Category.TRANSIENT


async def test_a_lock_blocks_and_says_so() -> None:
    """Also among transient errors."""
    calls = MemoryCalls(2, {"key-0": "SlowDown", "key-1": "AccessDenied"})
    with pytest.raises(ResourceBlocked, match="remove the lock"):
        await delete_versions(cast("Calls", calls), BUCKET)
