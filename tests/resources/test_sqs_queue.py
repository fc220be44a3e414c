"""SQS queue: found before it is made, and encrypted one way or the other."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.resources.sqs_queue import SQSQueue
from tests.resources.conftest import TAGS, Cloud, DeleteTwice


def queue(cloud: Cloud, **changes: Any) -> SQSQueue:
    """A queue with the API's defaults, but for `changes`."""
    settings: dict[str, Any] = {"retention_days": 14, "kms_key_id": None}
    return SQSQueue(
        calls=cloud.calls,
        place=cloud.place,
        name="dead-letter",
        physical_name="shop-dead-letter",
        tags=TAGS,
        **settings | changes,
    )


async def test_creation_settles(cloud: Cloud) -> None:
    """One write, two reads when full, and then rest."""
    one = queue(cloud)
    assert await cloud.converge(one) == ["create_queue"]
    observed = await cloud.settled(one)
    assert cloud.reads == ["get_queue_url", "get_queue_attributes"]
    assert observed.outputs["arn"] == "arn:aws:sqs:us-east-1:123456789012:shop-dead-letter"
    assert observed.outputs["url"].endswith("/shop-dead-letter")
    assert observed.created_at is not None
    assert dict(await one.read_tags(observed)) == TAGS


async def test_fast_observation_is_one_call(cloud: Cloud) -> None:
    """Existence, URL and ARN."""
    one = queue(cloud)
    await cloud.converge(one)
    fast = await cloud.observe(one, full=False)
    assert cloud.reads == ["get_queue_url"]
    assert not fast.properties
    assert set(fast.outputs) == {"arn", "name", "url"}


async def test_url_on_record_spares_the_question_for_it(cloud: Cloud) -> None:
    """One call shows everything; another queue's URL, or one of none, is not believed."""
    await cloud.converge(queue(cloud))
    seen = await cloud.observe(queue(cloud))
    again = await cloud.observe(queue(cloud, recorded_url=seen.outputs["url"]), full=False)
    assert cloud.reads == ["get_queue_attributes"]
    assert again == seen
    other = await cloud.session.call("sqs", "create_queue", QueueName="other")
    for wrong in (other["QueueUrl"], seen.outputs["url"] + "-gone"):
        assert await cloud.observe(queue(cloud, recorded_url=wrong)) == seen


@pytest.mark.parametrize(
    ("changes", "path"),
    [({"retention_days": 3}, "retentionSeconds"), ({"kms_key_id": "alias/q"}, "encryption.keyId")],
)
async def test_each_field_changes_and_comes_back(
    cloud: Cloud, changes: dict[str, Any], path: str
) -> None:
    """A changed field is named, takes one call, and reverts."""
    await cloud.converge(queue(cloud))
    changed = queue(cloud, **changes)
    assert (await cloud.difference(changed)).paths == (path,)
    assert await cloud.converge(changed) == ["set_queue_attributes"]
    await cloud.settled(changed)
    assert await cloud.converge(queue(cloud)) == ["set_queue_attributes"]


async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """A tag that somebody removed is drift."""
    one = queue(cloud)
    await cloud.converge(one)
    url = (await cloud.observe(one)).outputs["url"]
    await cloud.session.call("sqs", "untag_queue", QueueUrl=url, TagKeys=["team"])
    assert await cloud.converge(one) == ["tag_queue"]


async def test_url_of_a_deleted_queue_tells_nothing(cloud: Cloud) -> None:
    """GetQueueUrl may answer for another minute; the attributes say that the queue is gone."""
    one = queue(cloud)
    await cloud.converge(one)
    await one.delete(await cloud.observe(one))
    cloud.forget()
    assert await one.observe(full=False) is None
    assert cloud.reads == ["get_queue_attributes"]


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = queue(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None
