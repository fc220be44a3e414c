"""Settings of a bucket: what others chose about uploads with their own keys stays."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock

import pytest

from clickstream_operator.engine.resource import Observed
from clickstream_operator.resources import s3_settings
from tests.resources.conftest import Cloud
from tests.resources.test_s3_bucket import bucket


async def blocked_by_a_new_key(cloud: Cloud, observed: Observed | None = None) -> Any:
    """The types that the write of a key blocks, in a new bucket or in the observed one."""
    one = bucket(cloud, kms_key_id="alias/mine")
    calls = AsyncMock()
    one._calls = calls
    desired = one.desired({})
    observed = observed or await one.create(desired)
    await one.update(desired, observed, one.diff(desired, observed))
    written = {call.args[1]: call.kwargs for call in calls.write.await_args_list}
    rules = written["put_bucket_encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
    return rules[0].get("BlockedEncryptionTypes")


async def test_a_new_bucket_stays_closed_to_keys_of_callers(cloud: Cloud) -> None:
    """The write of a KMS key into a new bucket says that SSE-C is blocked."""
    assert await blocked_by_a_new_key(cloud) == {"EncryptionType": ["SSE-C"]}


@pytest.mark.parametrize("blocked", [["SSE-C"], ["NONE"], None])
async def test_what_is_blocked_is_written_as_it_was_read(
    cloud: Cloud, blocked: list[str] | None
) -> None:
    """Whoever opened a bucket to SSE-C keeps that; where S3 says nothing, nothing is written."""
    said = {"EncryptionType": blocked} if blocked else None
    rule = {"BlockedEncryptionTypes": said} if said else {}
    answer = {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
    observed = Observed("arn:aws:s3:::b", s3_settings.encryption_properties(answer))
    assert not bucket(cloud).diff(bucket(cloud).desired({}), observed)
    assert await blocked_by_a_new_key(cloud, observed) == said
