"""Index of tags: the Resource Groups Tagging API reads those of many resources in one call."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import structlog

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.permissions import ANYTHING
from clickstream_operator.aws.tags import from_list

GRANTS: Final = (ANYTHING,)


log = structlog.get_logger(__name__)

#: ARNs of one call (Resource Groups Tagging API reference, GetResources).
_MOST: Final = 100


class TagIndex:
    """GetResources by ARN. It lags, so a difference is confirmed by the service's own call."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def __call__(self, arns: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        """Tags of those among `arns` that the index has.

        A failed call returns nothing, and each resource is then read by its own call.
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
                log.warning("index of tags failed, reading tags one by one", error=str(error))
                return {}
            found |= {
                one["ResourceARN"]: from_list(one.get("Tags", ()))
                for one in answer.get("ResourceTagMappingList", ())
            }
        return found
