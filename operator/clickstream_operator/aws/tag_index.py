"""AWS's index of tags, the Resource Groups Tagging API: many resources with one call."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import structlog

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.tags import from_list

log = structlog.get_logger(__name__)

#: ARNs in one call (GetResources, API reference).
_MOST: Final = 100


class TagIndex:
    """GetResources by ARN. It lags, so it hints and never decides."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def __call__(self, arns: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        """Tags of those among `arns` that the index has.

        A call that fails finds nothing: whoever asks has each thing's own call.
        """
        wanted = sorted(arns)
        found: dict[str, Mapping[str, str]] = {}
        for start in range(0, len(wanted), _MOST):
            try:
                answer = await self._calls.read(
                    "resourcegroupstaggingapi",
                    "get_resources",
                    ResourceARNList=wanted[start : start + _MOST],
                )
            except AwsError as error:
                log.warning("tags are read one by one: the index of tags fails", error=str(error))
                return {}
            found |= {
                one["ResourceARN"]: from_list(one.get("Tags", ()))
                for one in answer.get("ResourceTagMappingList", ())
            }
        return found
