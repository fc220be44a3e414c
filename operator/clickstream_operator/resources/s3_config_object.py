"""Configuration of a function as an S3 object, where it does not fit the function's environment."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Self, Unpack

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.permissions import BUCKET
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

GRANTS: Final = (BUCKET,)
BESIDES: Final = {"s3:head_object": ("s3:ListBucket",)}


class Content(NamedTuple):
    """Key and text of a configuration object."""

    key: str
    text: str


class ConfigObject(Resource):
    """The object ``config/<hash>.json``.

    The key holds the content's hash, so an object is never overwritten while a function of an
    earlier configuration still reads it; earlier objects stay until the bucket goes. `content`:
    dependencies' outputs -> content. `physical_name`: the bucket. Outputs: ``uri``.
    """

    kind = "ConfigObject"
    taggable = False
    observe_late = True

    def __init__(
        self,
        *,
        calls: Calls,
        account: str,
        content: Callable[[Outputs], Content],
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._account = account
        self._content_from = content
        self._content: Content | None = None

    def bind(self, outputs: Outputs) -> Self:
        """The object of the present content."""
        bound = copy.copy(self)
        bound._content = self._content_from(outputs)  # noqa: SLF001 - a copy of itself
        return bound

    def desired(self, outputs: Outputs) -> Properties:
        """The key, which stands for the content."""
        return {"key": self._content_from(outputs).key}

    async def observe(self, *, full: bool) -> Observed | None:
        """HEAD of the key; without outputs there is no key to look up.

        Other content under the key is another key.
        """
        if self._content is None:
            return None
        key = self._content.key
        try:
            answer = await self._calls.read(
                "s3",
                "head_object",
                Bucket=self.physical_name,
                Key=key,
                ExpectedBucketOwner=self._account,
            )
        except AwsError as error:
            if error.category is Category.NOT_FOUND:
                return None
            raise
        uri = f"s3://{self.physical_name}/{key}"
        shown = key if _has(answer, self._content.text.encode()) else f"{key} (other content)"
        return Observed(arn=uri, properties={"key": shown}, outputs={"uri": uri})

    async def create(self, desired: Properties) -> Observed | None:
        """PutObject."""
        await self._put()
        return None

    async def _put(self) -> None:
        if self._content is None:
            raise RuntimeError("an object is created after it is bound to its content")
        await self._calls.write(
            "s3",
            "put_object",
            Bucket=self.physical_name,
            Key=self._content.key,
            Body=self._content.text.encode(),
            ContentType="application/json",
            ExpectedBucketOwner=self._account,
        )

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """PutObject over what somebody else wrote; another configuration has another key."""
        await self._put()

    async def delete(self, observed: Observed) -> None:
        """DeleteObject."""
        await self._calls.write(
            "s3",
            "delete_object",
            Bucket=self.physical_name,
            Key=observed.arn.removeprefix(f"s3://{self.physical_name}/"),
            ExpectedBucketOwner=self._account,
        )


def _has(answer: Mapping[str, Any], content: bytes) -> bool:
    """Whether an answer of HeadObject is of this content, as far as it tells.

    The ETag is the MD5 of an object that was put in one piece, in a bucket without KMS (Object, S3
    API reference); otherwise the length has to do.
    """
    if answer["ContentLength"] != len(content):
        return False
    etag = answer["ETag"].strip('"')
    plain = answer.get("ServerSideEncryption", "AES256") == "AES256" and "-" not in etag
    return not plain or etag == hashlib.md5(content, usedforsecurity=False).hexdigest()
