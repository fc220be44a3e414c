"""Changes of a DynamoDB table that AWS takes only so often: refusals that are waits, no errors."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import Diff, StepMustWait, Wait

# "Time to live has been modified multiple times within a fixed interval" (ValidationException).
_TTL_TOO_SOON: Final = re.compile(r"time to live has been modified", re.IGNORECASE)
# "Update to PayPerRequest mode are limited to ..." (LimitExceededException).
_BILLING_TOO_SOON: Final = re.compile(r"PayPerRequest|PAY_PER_REQUEST|billing mode", re.IGNORECASE)
_RETRY_SECONDS: Final = 900.0


async def take(steps: Mapping[str, Callable[[], Awaitable[Any]]], diff: Diff) -> None:
    """Take the steps, by path; one that is refused for now does not hold up the others.

    Raises:
        StepMustWait: AWS takes one or more of them only later.
    """
    written: set[str] = set()
    waits: list[Wait] = []
    for step, send in steps.items():
        try:
            await send()
        except AwsError as error:
            wait = _wait_for(step, error)
            if wait is None:
                raise
            waits.append(wait)
        else:
            written |= {path for path in diff.fields if path.partition(".")[0] == step}
    if waits:
        raise StepMustWait(waits[0], written=frozenset(written))


def _wait_for(step: str, error: AwsError) -> Wait | None:
    """The wait that a refusal means; None when it is an error."""
    invalid = error.category is Category.INVALID
    if step == "ttl" and invalid and _TTL_TOO_SOON.search(error.text):
        return _too_soon("AWS takes one change of a table's TTL in an hour, and refuses this one")
    limited = error.category is Category.LIMIT_EXCEEDED
    if step == "billing" and limited and _BILLING_TOO_SOON.search(error.text):
        return _too_soon(
            "AWS takes four switches of a table to on-demand in 24 hours, and refuses this one "
            f"({error.text})"
        )
    return None


def _too_soon(why: str) -> Wait:
    message = f"{why}; tried again every 15 minutes, and what is set now stays in use until then"
    return Wait(Reason.CHANGE_TOO_SOON, message, _RETRY_SECONDS)
