"""A function's configuration as an S3 object, for what does not fit the function's environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final, Unpack

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.permissions import BASE, Grant
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

GRANTS: Final = (Grant("Bucket", (f"arn:aws:s3:::{BASE}-archive-*",)),)


class ConfigObject(Resource):
    """The object ``config/<hash>.json``.

    The key holds the content's hash, so an object is never overwritten while a function of an
    earlier configuration still reads it; earlier objects stay until the bucket goes. `content`:
    dependencies' outputs -> (key, text). `physical_name`: the bucket. Outputs: ``uri``.
    """

    kind: ClassVar[str] = "ConfigObject"
    taggable: ClassVar[bool] = False
    observe_late: ClassVar[bool] = True

    def __init__(
        self,
        *,
        calls: Calls,
        account: str,
        content: Callable[[Outputs], tuple[str, str]],
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._account = account
        self._content = content
        self._key = ""
        self._text = ""

    def desired(self, outputs: Outputs) -> Properties:
        """The key, which stands for the content."""
        self._key, self._text = self._content(outputs)
        return {"key": self._key}

    async def observe(self, *, full: bool) -> Observed | None:
        """HEAD of the current key; before the key is known there is nothing to look for."""
        del full
        if not self._key:
            return None
        try:
            await self._calls.read(
                "s3",
                "head_object",
                Bucket=self.physical_name,
                Key=self._key,
                ExpectedBucketOwner=self._account,
            )
        except AwsError as error:
            if error.category is Category.NOT_FOUND:
                return None
            raise
        uri = f"s3://{self.physical_name}/{self._key}"
        return Observed(arn=uri, properties={"key": self._key}, outputs={"uri": uri})

    async def create(self, desired: Properties) -> Observed | None:
        """Write the object."""
        del desired
        await self._calls.write(
            "s3",
            "put_object",
            Bucket=self.physical_name,
            Key=self._key,
            Body=self._text.encode(),
            ContentType="application/json",
            ExpectedBucketOwner=self._account,
        )
        return None

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Another content has another key, so an object is created, never updated."""

    async def delete(self, observed: Observed) -> None:
        """Remove the object of the inventory."""
        await self._calls.write(
            "s3",
            "delete_object",
            Bucket=self.physical_name,
            Key=observed.properties["key"],
            ExpectedBucketOwner=self._account,
        )
