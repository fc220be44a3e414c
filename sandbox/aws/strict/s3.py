"""S3: names that were deleted just now, uploads with their callers' keys, request metrics."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

import re
from typing import Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule, Windows
from sandbox.aws.strict.wire import Call

_BLOCKED: Final = re.compile(rb"<BlockedEncryptionTypes>.*?</BlockedEncryptionTypes>", re.DOTALL)
_SSE_C: Final = (
    b"<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"
)
_WITH_OWN_KEY: Final = "x-amz-server-side-encryption-customer-algorithm"
_UPLOADS: Final = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})


class BucketDeletions(Rule):
    """The name of a deleted bucket is busy for a while.

    OperationAborted, 409: "A conflicting conditional operation is currently in progress against
    this resource. Try again" (Amazon S3 API Reference, Error responses). How long it lasts is not
    documented.
    """

    name = "s3-deletions"
    services = frozenset({"s3"})
    default_seconds = 60.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse CreateBucket of the name."""
        # Bucket names are global.
        if call.operation == "CreateBucket" and self._windows.state(call.text("Bucket")):
            raise Refusal(
                "OperationAborted",
                "A conflicting conditional operation is currently in progress against this "
                "resource. Please try again.",
                409,
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """The wait starts with DeleteBucket."""
        if call.operation == "DeleteBucket":
            self._windows.open(call.text("Bucket"), "DELETED", self.seconds)


class BlockedEncryption(Rule):
    """New buckets refuse uploads that are encrypted with a key of their caller (SSE-C).

    "All new general purpose buckets have SSE-C encryption disabled for all new write requests";
    "requests to upload objects using SSE-C are rejected with an HTTP 403 AccessDenied error"
    (Amazon S3 User Guide, Default SSE-C setting for new buckets FAQ; Blocking or unblocking SSE-C
    for a general purpose bucket). A PutBucketEncryption that leaves the element out is not
    documented; here it leaves the setting as it is.
    """

    name = "s3-blocked-encryption"
    services = frozenset({"s3"})
    default_seconds = 0.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._settings: dict[str, bytes] = {}

    async def before(self, call: Call) -> Answer | None:
        """Refuse an upload with a key of the caller."""
        blocked = b"SSE-C" in self._settings.get(call.text("Bucket"), _SSE_C)
        if blocked and call.operation in _UPLOADS and _WITH_OWN_KEY in call.request.headers:
            raise Refusal(
                "AccessDenied",
                "Requests that specify SSE-C encryption are blocked on this bucket.",
                403,
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Keep the setting, and tell it with the encryption."""
        bucket = call.text("Bucket")
        if call.operation in ("CreateBucket", "DeleteBucket"):
            self._settings.pop(bucket, None)
        elif call.operation == "PutBucketEncryption":
            if said := _BLOCKED.search(call.request.body):
                self._settings[bucket] = said[0]
        elif call.operation == "GetBucketEncryption":
            told = _BLOCKED.sub(b"", answer.body)
            setting = self._settings.get(bucket, _SSE_C)
            answer.replace(told.replace(b"</Rule>", setting + b"</Rule>", 1))


class MetricsConfigurations(Rule):
    """Request metrics of a bucket, which the emulator does not keep.

    PutBucketMetricsConfiguration: "Sets a metrics configuration (specified by the metrics
    configuration ID) for the bucket"; GetBucketMetricsConfiguration answers it, or
    NoSuchConfiguration (Amazon S3 API Reference, and Error responses).
    """

    name = "s3-metrics"
    services = frozenset({"s3"})
    default_seconds = 0.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._kept: dict[tuple[str, str], bytes] = {}

    async def before(self, call: Call) -> Answer | None:
        """Keep, tell or forget a configuration in the emulator's place."""
        key = call.text("Bucket"), call.text("Id")
        if call.operation == "PutBucketMetricsConfiguration":
            self._kept[key] = call.request.body
            return Answer(call, 200, {}, b"")
        if call.operation == "DeleteBucketMetricsConfiguration":
            self._kept.pop(key, None)
            return Answer(call, 204, {}, b"")
        if call.operation != "GetBucketMetricsConfiguration":
            return None
        if key not in self._kept:
            raise Refusal("NoSuchConfiguration", "The specified configuration does not exist.", 404)
        return Answer(call, 200, {"content-type": "application/xml"}, self._kept[key])

    async def after(self, call: Call, answer: Answer) -> None:
        """A bucket takes its configurations along."""
        if call.operation == "DeleteBucket":
            for key in [key for key in self._kept if key[0] == call.text("Bucket")]:
                del self._kept[key]
