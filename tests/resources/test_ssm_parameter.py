"""Hash key parameter: made once, never read, never changed."""

from __future__ import annotations

import base64

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.resources.ssm_parameter import HashKeyParameter
from tests.resources.conftest import TAGS, Cloud, DeleteTwice

NAME = "/clickstream/shop/hash-key"


def parameter(cloud: Cloud) -> HashKeyParameter:
    """The parameter, with a predictable key."""
    return HashKeyParameter(
        calls=cloud.calls,
        place=cloud.place,
        random_bytes=lambda count: bytes(range(count)),
        name="hash-key",
        physical_name=NAME,
        tags=TAGS,
    )


async def test_creation_settles_and_never_reads_the_value(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    """One write; the value is 32 bytes in base64 and in no log line."""
    one = parameter(cloud)
    assert await cloud.converge(one) == ["put_parameter"]
    observed = await cloud.settled(one)
    assert cloud.reads == ["describe_parameters"]
    assert observed.outputs["arn"] == f"arn:aws:ssm:us-east-1:123456789012:parameter{NAME}"
    assert dict(await one.read_tags(observed)) == TAGS
    answer = await cloud.session.call("ssm", "get_parameter", Name=NAME, WithDecryption=True)
    assert answer["Parameter"]["Type"] == "SecureString"
    value = answer["Parameter"]["Value"]
    assert base64.b64decode(value) == bytes(range(32))
    assert value not in capsys.readouterr().out


async def test_existing_key_stays(cloud: Cloud) -> None:
    """Create-first relies on SSM refusing a second one."""
    one = parameter(cloud)
    await one.create({})
    with pytest.raises(AwsError) as raised:
        await one.create({})
    assert raised.value.category is Category.ALREADY_EXISTS


async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """A tag that somebody removed is drift."""
    one = parameter(cloud)
    await cloud.converge(one)
    await cloud.session.call(
        "ssm",
        "remove_tags_from_resource",
        ResourceType="Parameter",
        ResourceId=NAME,
        TagKeys=["team"],
    )
    assert await cloud.converge(one) == ["add_tags_to_resource"]


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = parameter(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None
