"""S3: a name that was deleted just now."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule, Windows
from sandbox.aws.strict.wire import Call


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
