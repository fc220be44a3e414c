"""Lambda event source mapping of a Kinesis stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Unpack

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.permissions import FUNCTIONS, Grant, only
from clickstream_operator.aws.readings import Reading
from clickstream_operator.engine.inventory import Origin
from clickstream_operator.engine.resource import (
    ORIGIN_OUTPUT,
    READY,
    Diff,
    Observed,
    Outputs,
    Properties,
    Readiness,
    Resource,
    ResourceArguments,
    deleting,
    progressing,
)

GRANTS: Final = (
    only("lambda:List*Mappings"),
    Grant(
        "LambdaTags",
        ("arn:aws:lambda:*:*:event-source-mapping:*", *FUNCTIONS),
        ("lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"),
        by_tag=True,
    ),
    Grant(
        "Mappings",
        ("*",),
        condition={"ArnLike": {"lambda:FunctionArn": list(FUNCTIONS)}},
        by_tag=True,
    ),
)
BESIDES: Final = {"lambda:create_event_source_mapping": ("lambda:TagResource",)}
READINGS: Final = (
    Reading(
        "lambda",
        "list_event_source_mappings",
        {"FunctionName": "<name>"},
        {
            "enabled": "EventSourceMappings[0].State",
            "batchSize": "EventSourceMappings[0].BatchSize",
            "batchingWindowSeconds": "EventSourceMappings[0].MaximumBatchingWindowInSeconds",
            "parallelizationFactor": "EventSourceMappings[0].ParallelizationFactor",
            "maximumRetryAttempts": "EventSourceMappings[0].MaximumRetryAttempts",
            "maximumRecordAgeSeconds": "EventSourceMappings[0].MaximumRecordAgeInSeconds",
            "bisectBatchOnFunctionError": "EventSourceMappings[0].BisectBatchOnFunctionError",
            "responseTypes": "EventSourceMappings[0].FunctionResponseTypes",
            "onFailure": "EventSourceMappings[0].DestinationConfig.OnFailure.Destination",
            "filters": "EventSourceMappings[0].FilterCriteria.Filters",
        },
    ),
    Reading("lambda", "list_tags", {"Resource": "<arn>"}, {"tags": "Tags"}, full_only=True),
)


_OFF: Final = frozenset({"Disabled", "Disabling"})
_SETTLED: Final = frozenset({"Enabled", "Disabled"})
#: Seconds; "might not be completely deleted for several" (DeleteEventSourceMapping, API reference).
_USUALLY: Final = 10.0
_CUTOVER: Final = "startingPosition.cutover"


class EventSourceMapping(Resource):
    """Lambda event source mapping of a Kinesis stream.

    `physical_name`: the function's name. `starting_position`: TRIM_HORIZON, LATEST or AT_TIMESTAMP
    (then with `starting_timestamp`); it means something at the creation only and is not compared.
    `stream`: the stream's inventory name; when it was taken over, TRIM_HORIZON would count again
    what others have counted, so the mapping starts at `cutover`.
    `on_failure_arn`: bucket ARN, None for no destination; objects land under
    ``aws/lambda/<uuid>/``, whatever is asked (see `bucket_lifecycle.FAILED_PREFIX`).
    `maximum_retry_attempts`, `maximum_record_age_seconds`: -1 is for ever. Outputs: ``arn, uuid,
    lastProcessingResult``.

    One shard is read by one invocation at a time (parallelization 1), a failing batch is halved,
    and the function reports the first record that failed.
    """

    kind = "EventSourceMapping"
    fast_is_complete = True
    create_first = True
    #: Somebody else's filter would drop events in silence.
    added_later = {"filters": ()}  # noqa: RUF012 - as the contract declares it

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        function_name: str,
        stream_arn: str,
        batch_size: int,
        batching_window_seconds: int,
        maximum_retry_attempts: int,
        maximum_record_age_seconds: int,
        on_failure_arn: str | None,
        starting_position: str = "TRIM_HORIZON",
        starting_timestamp: datetime | None = None,
        stream: str = "",
        cutover: datetime | None = None,
        enabled: bool = True,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._function_name = function_name
        self._stream_arn = stream_arn
        self._batch_size = batch_size
        self._batching_window_seconds = batching_window_seconds
        self._maximum_retry_attempts = maximum_retry_attempts
        self._maximum_record_age_seconds = maximum_record_age_seconds
        self._on_failure_arn = on_failure_arn
        self._starting_position = starting_position
        self._starting_timestamp = starting_timestamp
        self._stream = stream
        self._cutover = cutover
        self._enabled = enabled

    def desired(self, outputs: Outputs) -> Properties:
        """Batching, retries, destination, state."""
        adopted = outputs.get(self._stream, {}).get(ORIGIN_OUTPUT) == Origin.ADOPTED
        start = {}
        if adopted and self._cutover is not None and self._starting_position == "TRIM_HORIZON":
            # Not observed, so never drift.
            start[_CUTOVER] = self._cutover.isoformat()
        return {
            **start,
            "enabled": self._enabled,
            "batchSize": self._batch_size,
            "batchingWindowSeconds": self._batching_window_seconds,
            "parallelizationFactor": 1,
            "maximumRetryAttempts": self._maximum_retry_attempts,
            "maximumRecordAgeSeconds": self._maximum_record_age_seconds,
            "bisectBatchOnFunctionError": True,
            "responseTypes": ("ReportBatchItemFailures",),
            "onFailure": self._on_failure_arn or "",
            "filters": (),
        }

    async def observe(self, *, full: bool) -> Observed | None:
        """ListEventSourceMappings of the stream: one read for all mappings of the pipeline.

        Another mapping of the same function and stream may still be in deletion; a living one wins.
        """
        answer = await ignore_not_found(
            self._calls.read(
                "lambda", "list_event_source_mappings", EventSourceArn=self._stream_arn
            )
        )
        ours = [
            one
            for one in (answer or {}).get("EventSourceMappings", ())
            if _function_name(one["FunctionArn"]) == self._function_name
        ]
        ours.sort(key=lambda one: one["State"] == "Deleting")
        return self._observed(ours[0]) if ours else None

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListTags."""
        answer = await self._calls.read("lambda", "list_tags", Resource=observed.arn)
        tags: Mapping[str, str] = answer.get("Tags", {})
        return tags

    async def create(self, desired: Properties) -> Observed:
        """CreateEventSourceMapping, with tags; Lambda refuses a second one of the same pair."""
        position: dict[str, Any] = {"StartingPosition": self._starting_position}
        timestamp = self._starting_timestamp
        if _CUTOVER in desired:
            position["StartingPosition"] = "AT_TIMESTAMP"
            timestamp = datetime.fromisoformat(desired[_CUTOVER])
        if timestamp is not None:
            position["StartingPositionTimestamp"] = timestamp
        answer = await self._calls.write(
            "lambda",
            "create_event_source_mapping",
            EventSourceArn=self._stream_arn,
            Tags=dict(self.tags),
            **position,
            **self._settings(desired),
        )
        return self._observed(answer, tags=self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """All settings in one UpdateEventSourceMapping; empty criteria detach a filter."""
        filters: dict[str, Any] = {"FilterCriteria": {}} if "filters" in diff else {}
        await self._calls.write(
            "lambda",
            "update_event_source_mapping",
            UUID=observed.outputs["uuid"],
            **self._settings(desired),
            **filters,
        )

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagResource."""
        await self._calls.write("lambda", "tag_resource", Resource=observed.arn, Tags=dict(tags))

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagResource."""
        await self._calls.write(
            "lambda", "untag_resource", Resource=observed.arn, TagKeys=list(keys)
        )

    async def delete(self, observed: Observed) -> None:
        """DeleteEventSourceMapping; it is in state Deleting for some seconds."""
        await ignore_not_found(
            self._calls.write(
                "lambda", "delete_event_source_mapping", UUID=observed.outputs["uuid"]
            )
        )

    def _settings(self, desired: Properties) -> dict[str, Any]:
        return {
            "FunctionName": self._function_name,
            "Enabled": desired["enabled"],
            "BatchSize": desired["batchSize"],
            "MaximumBatchingWindowInSeconds": desired["batchingWindowSeconds"],
            "ParallelizationFactor": desired["parallelizationFactor"],
            "MaximumRetryAttempts": desired["maximumRetryAttempts"],
            "MaximumRecordAgeInSeconds": desired["maximumRecordAgeSeconds"],
            "BisectBatchOnFunctionError": desired["bisectBatchOnFunctionError"],
            "FunctionResponseTypes": list(desired["responseTypes"]),
            "DestinationConfig": {
                "OnFailure": {"Destination": desired["onFailure"]} if desired["onFailure"] else {}
            },
        }

    def _observed(
        self, mapping: Mapping[str, Any], tags: Mapping[str, str] | None = None
    ) -> Observed:
        uuid = mapping["UUID"]
        arn = mapping.get("EventSourceMappingArn") or self._place.event_source_mapping(uuid)
        return Observed(
            arn=arn,
            properties=_mapping_properties(mapping),
            readiness=_readiness(mapping["State"]),
            outputs={
                "arn": arn,
                "uuid": uuid,
                "lastProcessingResult": mapping.get("LastProcessingResult") or "",
            },
            tags=tags,
        )


def _mapping_properties(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults as CreateEventSourceMapping documents them."""
    properties = {
        "batchSize": mapping.get("BatchSize", 100),
        "batchingWindowSeconds": mapping.get("MaximumBatchingWindowInSeconds", 0),
        "parallelizationFactor": mapping.get("ParallelizationFactor", 1),
        "maximumRetryAttempts": mapping.get("MaximumRetryAttempts", -1),
        "maximumRecordAgeSeconds": mapping.get("MaximumRecordAgeInSeconds", -1),
        "bisectBatchOnFunctionError": mapping.get("BisectBatchOnFunctionError", False),
        "responseTypes": tuple(sorted(mapping.get("FunctionResponseTypes") or ())),
        "onFailure": (mapping.get("DestinationConfig") or {})
        .get("OnFailure", {})
        .get("Destination", ""),
        "filters": tuple(
            sorted(
                one.get("Pattern", "")
                for one in (mapping.get("FilterCriteria") or {}).get("Filters") or ()
            )
        ),
    }
    # Creating and Updating do not tell where the mapping is going.
    if mapping["State"] in _SETTLED | _OFF | {"Enabling"}:
        properties["enabled"] = mapping["State"] not in _OFF
    return properties


def _function_name(arn: str) -> str:
    """``arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]`` -> name."""
    return arn.split(":")[6]


def _readiness(state: str) -> Readiness:
    if state in _SETTLED:
        return READY
    if state == "Deleting":
        return deleting("Lambda is deleting the mapping", seconds=_USUALLY)
    return progressing("MappingBusy", f"the mapping is {state}", seconds=_USUALLY)
