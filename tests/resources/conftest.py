"""What every resource test needs: moto in place of AWS, and the engine's loop in small."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto import mock_aws

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession, CallRecord, is_read
from clickstream_operator.engine.desired import Desired, difference
from clickstream_operator.engine.resource import AlreadyGone, Diff, Observed, Outputs, Resource
from clickstream_operator.engine.write import write_update

ACCOUNT = "123456789012"
REGION = "us-east-1"
TAGS = {"clickstream.dev/pipeline": "shop", "clickstream.dev/component": "part", "team": "web"}
MAX_STEPS = 10


class Cloud:
    """An AWS account of moto, and a record of every call made to it."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.records: list[CallRecord] = []
        self.place = AwsLocation(partition="aws", region=REGION, account=ACCOUNT)
        self.session = AwsSession(
            region=REGION,
            executor=executor,
            limits=Limits(enabled=False),
            on_call=self.records.append,
        )
        self.calls = Calls(self.session)

    @property
    def writes(self) -> list[str]:
        """Operations that may have changed something, in order."""
        return [one.operation for one in self.records if not is_read(one.operation)]

    @property
    def reads(self) -> list[str]:
        """Operations that only read, in order."""
        return [one.operation for one in self.records if is_read(one.operation)]

    def forget(self) -> None:
        """Start the record and the cache of reads anew, as a new reconcile does."""
        self.records.clear()
        self.calls._reads.clear()

    async def observe(self, resource: Resource, *, full: bool = True) -> Observed:
        """A new observation of something that must be there."""
        self.forget()
        observed = await resource.observe(full=full)
        assert observed is not None
        return observed

    async def difference(self, resource: Resource, outputs: Outputs | None = None) -> Diff:
        """What differs, tags included."""
        observed = await self.observe(resource)
        if observed.tags is None and resource.taggable:
            observed = with_tags(observed, dict(await resource.read_tags(observed)))
        return difference(resource, desired_of(resource, outputs), observed)

    async def converge(self, resource: Resource, outputs: Outputs | None = None) -> list[str]:
        """Create or update until nothing differs; the writes that it took."""
        self.forget()
        desired = desired_of(resource, outputs)
        writes: list[str] = []
        if await resource.observe(full=True) is None:
            self.forget()
            made = await resource.create(desired.properties)
            writes += self.writes
            if made is not None and (diff := difference(resource, desired, made)):
                await write_update(resource, desired.properties, made, diff)
                writes = self.writes.copy()
        for _ in range(MAX_STEPS):
            diff = await self.difference(resource, outputs)
            if not diff:
                return writes
            observed = await self.observe(resource)
            self.forget()
            await write_update(resource, desired.properties, observed, diff)
            writes += self.writes
        raise AssertionError(f"still different: {diff.fields}")

    async def settled(self, resource: Resource, outputs: Outputs | None = None) -> Observed:
        """Assert that a new reconcile finds nothing to do and writes nothing."""
        assert not (await self.difference(resource, outputs))
        assert self.writes == []
        observed = await self.observe(resource)
        assert observed.readiness.phase == "Ready"
        return observed


def desired_of(resource: Resource, outputs: Outputs | None = None) -> Desired:
    """The desired state, with its tags."""
    return Desired.of(resource, resource.desired(outputs or {}))


def with_tags(observed: Observed, tags: dict[str, str]) -> Observed:
    """The observation with the tags that the service's own API tells."""
    return Observed(
        arn=observed.arn,
        properties=observed.properties,
        readiness=observed.readiness,
        outputs=observed.outputs,
        tags=tags,
        created_at=observed.created_at,
    )


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A new, empty account."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws(), ThreadPoolExecutor(max_workers=4) as executor:
        yield Cloud(executor)


DeleteTwice = Callable[[Resource], Awaitable[Observed | None]]


@pytest.fixture
def delete_twice(cloud: Cloud) -> DeleteTwice:
    """Delete a resource, and delete it again; what AWS still had of it in between."""

    async def delete(resource: Resource) -> Observed | None:
        observed = await cloud.observe(resource)
        await resource.delete(observed)
        cloud.forget()
        left = await resource.observe(full=True)
        # Some say that it was gone; none fails.
        with contextlib.suppress(AlreadyGone):
            await resource.delete(observed)
        return left

    return delete
