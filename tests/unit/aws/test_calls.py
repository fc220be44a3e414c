"""Calls of one reconcile: what is shared, and what a write makes old."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from tests.unit.engine.fake_resource import aws_error


class Store:
    """One value by service, which ``put`` changes and ``get`` tells; gates hold calls up."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.sent: list[str] = []
        self.error: Exception | None = None
        self.before_put: asyncio.Event | None = None
        self.putting = asyncio.Event()

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Answer with the value of the service."""
        self.sent.append(f"{service}:{operation}")
        if operation == "put":
            self.putting.set()
            if self.before_put is not None:
                await self.before_put.wait()
            self.values[service] = parameters.get("value", parameters.get("values"))
            if self.error is not None:
                raise self.error
        return {"value": self.values.get(service)}


@pytest.fixture
def store() -> Store:
    """An empty store."""
    return Store()


@pytest.fixture
def calls(store: Store) -> Calls:
    """The calls of one reconcile."""
    return Calls(store)


async def test_equal_reads_share_a_call(store: Store, calls: Calls) -> None:
    """At the same time and one after another; another parameter is another read."""
    await asyncio.gather(*(calls.read("iam", "get", name="a") for _ in range(3)))
    await calls.read("iam", "get", name="a")
    assert store.sent == ["iam:get"]
    await calls.read("iam", "get", name="b")
    await calls.read("iam", "list", name="a")
    await calls.read("sns", "get", name="a")
    assert len(store.sent) == 4


@pytest.mark.parametrize("error", [None, aws_error(Category.TRANSIENT)])
async def test_a_read_after_a_write_asks_aws(
    store: Store, calls: Calls, error: Exception | None
) -> None:
    """Also after one that failed, which may have changed something; other services stay known."""
    await calls.read("iam", "get")
    await calls.read("sns", "get")
    store.error = error
    with pytest.raises(AwsError) if error else nullcontext():
        await calls.write("iam", "put", value=1)
    assert await calls.read("iam", "get") == {"value": 1}
    await calls.read("sns", "get")
    assert store.sent == ["iam:get", "sns:get", "iam:put", "iam:get"]


@pytest.mark.parametrize("error", [None, aws_error(Category.TRANSIENT)])
async def test_a_read_during_a_write_is_of_neither_side(
    store: Store, calls: Calls, error: Exception | None
) -> None:
    """It is not answered from before the write, nor does its answer serve after it."""
    await calls.read("iam", "get")
    store.before_put, store.error = asyncio.Event(), error
    write = asyncio.ensure_future(calls.write("iam", "put", value=1))
    await store.putting.wait()
    assert await calls.read("iam", "get") == {"value": None}
    assert store.sent == ["iam:get", "iam:put", "iam:get"]
    store.before_put.set()
    with pytest.raises(AwsError) if error else nullcontext():
        await write
    assert await calls.read("iam", "get") == {"value": 1}


async def test_a_reader_that_gives_up_leaves_the_answer_to_the_others(
    store: Store, calls: Calls
) -> None:
    """The shared call is not cancelled with the first who asked."""
    first = asyncio.ensure_future(calls.read("iam", "get"))
    second = asyncio.ensure_future(calls.read("iam", "get"))
    first.cancel()
    assert await second == {"value": None}
    assert first.cancelled() or (await asyncio.wait({first}))[0]
    assert store.sent == ["iam:get"]


async def test_writes_of_a_list_share_a_call(store: Store, calls: Calls) -> None:
    """Those of one moment; each gets the answer, and what was read before is old."""
    await calls.read("cloudwatch", "get")
    answers = await asyncio.gather(
        *(calls.batched_write("cloudwatch", "put", "values", name) for name in ("b", "a"))
    )
    assert answers == [{"value": ["a", "b"]}] * 2
    assert await calls.read("cloudwatch", "get") == {"value": ["a", "b"]}
    assert store.sent == ["cloudwatch:get", "cloudwatch:put", "cloudwatch:get"]
    await calls.batched_write("cloudwatch", "put", "values", "c")
    assert store.values["cloudwatch"] == ["c"]
