"""S3, SQS and SNS in memory, as far as the pipeline calls them; arguments and answers are boto3's.

The bucket is strongly consistent (Amazon S3 User Guide, "What is Amazon S3?", data consistency
model) and honours `If-None-Match: *` ("How to prevent object overwrites with conditional writes").
"""

# ruff: noqa: N803 - arguments are named as boto3 names them.
from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from simulator.tables import aws_error
from simulator.usage import Usage

#: AWS answers with up to 1,000 keys; fewer here, so that callers must follow the token.
_PAGE_KEYS: Final = 50
#: Amazon SQS Developer Guide, "Amazon SQS message quotas"; SNS has the same.
_LONGEST_MESSAGE: Final = 262_144
_LONGEST_SUBJECT: Final = 100


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of the bucket."""

    body: bytes
    metadata: Mapping[str, str]


class Bucket:
    """One S3 bucket."""

    def __init__(self, usage: Usage | None = None) -> None:
        self.usage = usage or Usage()
        self.objects: dict[str, StoredObject] = {}

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        Metadata: Mapping[str, str] | None = None,
        ContentType: str = "",
        IfNoneMatch: str = "",
    ) -> dict[str, Any]:
        """PutObject."""
        del Bucket, ContentType
        self.usage.requests["put_object"] += 1
        if IfNoneMatch not in ("", "*"):
            raise aws_error("NotImplemented", "PutObject")
        if IfNoneMatch == "*" and Key in self.objects:
            raise aws_error("PreconditionFailed", "PutObject")
        self.objects[Key] = StoredObject(bytes(Body), dict(Metadata or {}))
        self.usage.stored_bytes[Key.partition("/")[0]] += len(Body)
        return {}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """HeadObject."""
        del Bucket
        self.usage.requests["head_object"] += 1
        if Key not in self.objects:
            raise aws_error("404", "HeadObject")
        stored = self.objects[Key]
        return {"ContentLength": len(stored.body), "Metadata": dict(stored.metadata)}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """GetObject."""
        del Bucket
        self.usage.requests["get_object"] += 1
        if Key not in self.objects:
            raise aws_error("NoSuchKey", "GetObject")
        stored = self.objects[Key]
        return {
            "Body": io.BytesIO(stored.body),
            "ContentLength": len(stored.body),
            "Metadata": dict(stored.metadata),
        }

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str = "", ContinuationToken: str = "", StartAfter: str = ""
    ) -> dict[str, Any]:
        """ListObjectsV2."""
        del Bucket
        self.usage.requests["list_objects_v2"] += 1
        after = max(ContinuationToken, StartAfter)
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix) and key > after]
        page = keys[:_PAGE_KEYS]
        answer: dict[str, Any] = {
            "Contents": [{"Key": key, "Size": len(self.objects[key].body)} for key in page],
            "KeyCount": len(page),
            "IsTruncated": len(keys) > len(page),
        }
        if answer["IsTruncated"]:
            answer["NextContinuationToken"] = page[-1]
        return answer


class Queue:
    """One SQS queue that is only sent to."""

    def __init__(self, usage: Usage | None = None) -> None:
        self.usage = usage or Usage()
        self.messages: list[str] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:
        """SendMessage."""
        del QueueUrl
        self.usage.requests["send_message"] += 1
        if not 0 < len(MessageBody.encode()) <= _LONGEST_MESSAGE:
            raise aws_error("InvalidParameterValue", "SendMessage")
        self.messages.append(MessageBody)
        return {}


class Topic:
    """One SNS topic."""

    def __init__(self, usage: Usage | None = None) -> None:
        self.usage = usage or Usage()
        self.messages: list[dict[str, str]] = []
        self.is_out: Callable[[], bool] = lambda: False

    def publish(
        self,
        *,
        TopicArn: str,
        Message: str,
        Subject: str = "",
        MessageAttributes: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Publish."""
        del MessageAttributes
        self.usage.requests["publish"] += 1
        if self.is_out():
            raise aws_error("ThrottlingException", "Publish")
        if len(Subject) > _LONGEST_SUBJECT or not Subject.isascii() or "\n" in Subject:
            raise aws_error("InvalidParameter", "Publish")
        if not 0 < len(Message.encode()) <= _LONGEST_MESSAGE:
            raise aws_error("InvalidParameter", "Publish")
        self.messages.append({"TopicArn": TopicArn, "Subject": Subject, "Message": Message})
        return {}
