"""Event source mapping: found by its stream, changed when it has settled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clickstream_operator.engine.resource import Phase
from clickstream_operator.resources.lambda_event_source_mapping import (
    EventSourceMapping,
    _mapping_properties,
    _readiness,
)
from tests.resources.conftest import TAGS, Cloud, DeleteTwice
from tests.resources.test_lambda_function import TRUST, function

BUCKET = "arn:aws:s3:::shop-archive"


def mapping(cloud: Cloud, **changes: Any) -> EventSourceMapping:
    """The processor's mapping with the API's defaults, but for `changes`."""
    settings: dict[str, Any] = {
        "batch_size": 1000,
        "batching_window_seconds": 5,
        "maximum_retry_attempts": -1,
        "maximum_record_age_seconds": 79200,
        "on_failure_arn": BUCKET,
    }
    return EventSourceMapping(
        calls=cloud.calls,
        place=cloud.place,
        function_name="shop-processor",
        stream_arn=cloud.place.stream("shop-events"),
        name="processor-mapping",
        physical_name="shop-processor",
        tags=TAGS,
        **settings | changes,
    )


@pytest.fixture
async def pair(cloud: Cloud) -> None:
    """A stream and a function."""
    await cloud.session.call("kinesis", "create_stream", StreamName="shop-events", ShardCount=1)
    await cloud.session.call(
        "iam",
        "create_role",
        RoleName="shop-processor",
        Path="/clickstream/",
        AssumeRolePolicyDocument=TRUST,
    )
    await cloud.converge(function(cloud))


@pytest.mark.usefixtures("pair")
async def test_creation_settles(cloud: Cloud) -> None:
    """One write, one read, and then rest."""
    one = mapping(cloud)
    assert await cloud.converge(one) == ["create_event_source_mapping"]
    observed = await cloud.settled(one)
    assert cloud.reads == ["list_event_source_mappings"]
    assert observed.arn.endswith(f":event-source-mapping:{observed.outputs['uuid']}")
    assert dict(await one.read_tags(observed)) == TAGS


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"batch_size": 500}, "batchSize"),
        ({"batching_window_seconds": 60}, "batchingWindowSeconds"),
        ({"maximum_retry_attempts": 3}, "maximumRetryAttempts"),
        ({"maximum_record_age_seconds": 3600}, "maximumRecordAgeSeconds"),
        ({"on_failure_arn": "arn:aws:s3:::other"}, "onFailure"),
        ({"enabled": False}, "enabled"),
    ],
)
async def test_each_field_changes_and_comes_back(
    cloud: Cloud, changes: dict[str, Any], path: str
) -> None:
    """A changed field is named, takes one call, and reverts."""
    await cloud.converge(mapping(cloud))
    changed = mapping(cloud, **changes)
    assert (await cloud.difference(changed)).paths == (path,)
    assert await cloud.converge(changed) == ["update_event_source_mapping"]
    await cloud.settled(changed)
    assert await cloud.converge(mapping(cloud)) == ["update_event_source_mapping"]


@pytest.mark.usefixtures("pair")
async def test_starting_position_counts_at_the_creation_only(cloud: Cloud) -> None:
    """Another position is no difference."""
    await cloud.converge(mapping(cloud))
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    later = mapping(cloud, starting_position="AT_TIMESTAMP", starting_timestamp=moment)
    assert not await cloud.difference(later)


@pytest.mark.usefixtures("pair")
async def test_mapping_of_another_function_is_not_ours(cloud: Cloud) -> None:
    """The stream's list holds everybody's."""
    await cloud.converge(mapping(cloud))
    other = mapping(cloud)
    other._function_name = "shop-detector"
    assert await other.observe(full=True) is None


async def test_living_mapping_wins_over_one_in_deletion(cloud: Cloud) -> None:
    """After a replacement both are there for a while."""

    class Listing:
        async def read(self, _service: str, _operation: str, /, **_: Any) -> dict[str, Any]:
            arn = cloud.place.function("shop-processor")
            return {
                "EventSourceMappings": [
                    {"UUID": "old", "State": "Deleting", "FunctionArn": arn},
                    {"UUID": "new", "State": "Enabled", "FunctionArn": arn + ":live"},
                ]
            }

    one = mapping(cloud)
    one._calls = Listing()  # type: ignore[assignment]
    observed = await one.observe(full=True)
    assert observed is not None
    assert observed.outputs["uuid"] == "new"


@pytest.mark.usefixtures("pair")
async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """A tag that somebody removed is drift."""
    one = mapping(cloud)
    await cloud.converge(one)
    arn = (await cloud.observe(one)).arn
    await cloud.session.call("lambda", "untag_resource", Resource=arn, TagKeys=["team"])
    assert await cloud.converge(one) == ["tag_resource"]


@pytest.mark.usefixtures("pair")
async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = mapping(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None


@pytest.mark.parametrize(
    ("state", "phase", "enabled"),
    [
        ("Creating", Phase.PROGRESSING, None),
        ("Enabling", Phase.PROGRESSING, True),
        ("Enabled", Phase.READY, True),
        ("Updating", Phase.PROGRESSING, None),
        ("Disabling", Phase.PROGRESSING, False),
        ("Disabled", Phase.READY, False),
        ("Deleting", Phase.DELETING, None),
    ],
)
def test_states(state: str, phase: Phase, enabled: bool | None) -> None:  # noqa: FBT001
    """Every state that AWS documents; None: it does not tell where the mapping is going."""
    assert _readiness(state).phase is phase
    assert _mapping_properties({"State": state}).get("enabled") is enabled
