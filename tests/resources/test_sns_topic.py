"""SNS topic: found before it is made."""

from __future__ import annotations

from clickstream_operator.resources.sns_topic import SNSTopic
from tests.resources.conftest import TAGS, Cloud, DeleteTwice


def topic(cloud: Cloud, kms_key_id: str | None = None) -> SNSTopic:
    """The alerts topic."""
    return SNSTopic(
        calls=cloud.calls,
        place=cloud.place,
        kms_key_id=kms_key_id,
        name="alerts",
        physical_name="shop-alerts",
        tags=TAGS,
    )


async def test_creation_settles(cloud: Cloud) -> None:
    """One write, one read, and then rest."""
    one = topic(cloud)
    assert await cloud.converge(one) == ["create_topic"]
    observed = await cloud.settled(one)
    assert cloud.reads == ["get_topic_attributes"]
    assert observed.outputs["arn"] == "arn:aws:sns:us-east-1:123456789012:shop-alerts"
    assert dict(await one.read_tags(observed)) == TAGS


async def test_key_changes_and_comes_back(cloud: Cloud) -> None:
    """A changed key is named, takes one call, and reverts."""
    await cloud.converge(topic(cloud))
    changed = topic(cloud, "alias/mine")
    assert (await cloud.difference(changed)).paths == ("encryption.keyId",)
    assert await cloud.converge(changed) == ["set_topic_attributes"]
    await cloud.settled(changed)
    assert await cloud.converge(topic(cloud)) == ["set_topic_attributes"]


async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """A tag that somebody removed is drift."""
    one = topic(cloud)
    await cloud.converge(one)
    arn = (await cloud.observe(one)).arn
    await cloud.session.call("sns", "untag_resource", ResourceArn=arn, TagKeys=["team"])
    assert await cloud.converge(one) == ["tag_resource"]


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = topic(cloud, "alias/mine")
    await cloud.converge(one)
    assert await delete_twice(one) is None
