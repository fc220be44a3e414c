"""SSM parameter that holds the key of the privacy hash."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Unpack

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.permissions import Grant, only
from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.tags import as_list, from_list
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

GRANTS: Final = (
    only("ssm:Describe*"),
    Grant(
        "HashKey",
        ("arn:aws:ssm:*:*:parameter/clickstream/*",),
        by_tag=True,
        creating=("ssm:PutParameter",),
    ),
)
BESIDES: Final = {"ssm:put_parameter": ("ssm:AddTagsToResource",)}
READINGS: Final = (
    Reading(
        "ssm",
        "list_tags_for_resource",
        {"ResourceType": "Parameter", "ResourceId": "<name>"},
        {"tags": "TagList"},
        full_only=True,
    ),
)


KEY_BYTES: Final = 32


class HashKeyParameter(Resource):
    """SSM SecureString with a random key, made once.

    `physical_name`: ``/clickstream/<base>/hash-key``. `kms_key_id` None: ``alias/aws/ssm``.
    `random_bytes`: count -> that many random bytes. The value is 32 of them in base64. Outputs:
    ``arn, name``.

    The value is never read back, never compared and never changed: a new key would give every
    visitor a new pseudonym.
    """

    kind = "HashKeyParameter"
    holds = "the key of the hashes, so every visitor counts as a new one from now on"
    fast_is_complete = True
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        kms_key_id: str | None = None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._arn = place.parameter(self.physical_name)
        self._kms_key_id = kms_key_id
        self._random_bytes = random_bytes

    def desired(self, outputs: Outputs) -> Properties:
        """Nothing: that it is there is all that is asked."""
        return {}

    async def observe(self, *, full: bool) -> Observed | None:
        """DescribeParameters: it tells names, never values."""
        answer = await self._calls.read(
            "ssm",
            "describe_parameters",
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [self.physical_name]}],
        )
        for found in answer.get("Parameters", ()):
            # It is never changed after it was made.
            return self._observed(created_at=found["LastModifiedDate"])
        return None

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListTagsForResource."""
        answer = await self._calls.read("ssm", "list_tags_for_resource", **self._resource())
        return from_list(answer.get("TagList", ()))

    async def create(self, desired: Properties) -> Observed:
        """PutParameter without overwriting: an existing key stays."""
        encryption = {"KeyId": self._kms_key_id} if self._kms_key_id else {}
        await self._calls.write(
            "ssm",
            "put_parameter",
            Name=self.physical_name,
            Description="Key of the visitor hash; made once, never change it",
            Value=base64.b64encode(self._random_bytes(KEY_BYTES)).decode(),
            Type="SecureString",
            Overwrite=False,
            Tags=as_list(self.tags),
            **encryption,
        )
        return self._observed(tags=self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Nothing: no property of it is ever changed."""

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By AddTagsToResource."""
        await self._calls.write(
            "ssm", "add_tags_to_resource", Tags=as_list(tags), **self._resource()
        )

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By RemoveTagsFromResource."""
        await self._calls.write(
            "ssm", "remove_tags_from_resource", TagKeys=list(keys), **self._resource()
        )

    async def delete(self, observed: Observed) -> None:
        """DeleteParameter: what was hashed with the key cannot be matched any more."""
        await ignore_not_found(
            self._calls.write("ssm", "delete_parameter", Name=self.physical_name)
        )

    def _resource(self) -> dict[str, Any]:
        return {"ResourceType": "Parameter", "ResourceId": self.physical_name}

    def _observed(
        self, tags: Mapping[str, str] | None = None, created_at: datetime | None = None
    ) -> Observed:
        return Observed(
            arn=self._arn,
            properties={},
            outputs={"arn": self._arn, "name": self.physical_name},
            tags=tags,
            created_at=created_at,
        )
