"""A configuration that is too large for a function's environment, as an object."""

from __future__ import annotations

import hashlib

from clickstream_operator.engine.resource import Outputs
from clickstream_operator.resources.s3_config_object import ConfigObject, Content
from tests.resources.conftest import ACCOUNT, Cloud

BUCKET = "shop-archive"


def configuration(cloud: Cloud, text: str) -> ConfigObject:
    """The object of a text, bound as the engine binds it."""

    def content(_outputs: Outputs) -> Content:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Content(f"config/{digest}.json", text)

    one = ConfigObject(
        name="processor-config",
        physical_name=BUCKET,
        calls=cloud.calls,
        account=ACCOUNT,
        content=content,
    )
    return one.bind({})


async def test_the_object_is_written_once(cloud: Cloud) -> None:
    """Another content is another object: a function of the earlier one still reads its own."""
    await cloud.session.call("s3", "create_bucket", Bucket=BUCKET)
    first, second = configuration(cloud, "{}"), configuration(cloud, "[]")
    assert await cloud.converge(first) == ["put_object"]
    seen = await cloud.settled(first)
    assert await cloud.converge(second) == ["put_object"]
    await cloud.settled(first)
    assert seen.outputs["uri"].startswith(f"s3://{BUCKET}/config/")
    assert (await cloud.observe(second)).outputs["uri"] != seen.outputs["uri"]


async def test_without_outputs_there_is_nothing_to_look_up(cloud: Cloud) -> None:
    """The key follows from what the functions are told, which is not known yet."""
    one = ConfigObject(
        name="processor-config",
        physical_name=BUCKET,
        calls=cloud.calls,
        account=ACCOUNT,
        content=lambda _outputs: Content("k", "t"),
    )
    assert await one.observe(full=True) is None
    assert cloud.reads == []


async def test_deletion_takes_the_object_alone(cloud: Cloud) -> None:
    """Other configurations stay for the functions that read them."""
    await cloud.session.call("s3", "create_bucket", Bucket=BUCKET)
    first, second = configuration(cloud, "{}"), configuration(cloud, "[]")
    await cloud.converge(first)
    await cloud.converge(second)
    await first.delete(await cloud.observe(first))
    cloud.forget()
    assert await first.observe(full=True) is None
    assert await second.observe(full=True) is not None
