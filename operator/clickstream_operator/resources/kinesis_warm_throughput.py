"""Warm throughput of an on-demand stream: the writes that AWS keeps it ready for.

AWS takes it in accounts with On-demand Advantage only (MinimumThroughputBillingCommitment). That
changes what every on-demand stream of the account and region costs, so it is read and never set
(ADR 61).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.permissions import BASE, Grant, only
from clickstream_operator.engine.resource import Observed, ResourceBlocked

GRANTS: Final = (
    only("kinesis:DescribeAccountSettings"),
    Grant("Stream", (f"arn:aws:kinesis:*:*:stream/{BASE}-events",), by_tag=True),
)

_PATH: Final = "warmThroughputMiBps"
#: One that was told to end goes on until the commitment of 24 hours is over
#: (MinimumThroughputBillingCommitmentOutput, API reference).
_DISABLED: Final = "DISABLED"


def properties(summary: Mapping[str, Any]) -> dict[str, int]:
    """The property in an answer of DescribeStreamSummary.

    The target, not what is reached: on the way to it the stream is UPDATING. 0 where AWS shows
    none, as of provisioned streams and of accounts without On-demand Advantage.
    """
    return {_PATH: summary.get("WarmThroughput", {}).get("TargetMiBps", 0)}


async def change(calls: Calls, observed: Observed, mibps: int) -> None:
    """Set the warm throughput of a stream that exists.

    Raises:
        ResourceBlocked: ``ChangeBlocked``; the account takes none.
    """
    if not observed.properties[_PATH]:
        await check_account(calls, observed.outputs["name"])
    await calls.write(
        "kinesis",
        "update_stream_warm_throughput",
        StreamARN=observed.arn,
        WarmThroughputMiBps=mibps,
    )


async def check_account(calls: Calls, stream: str) -> None:
    """Let a stream have warm throughput in an account with On-demand Advantage.

    Without the right to read that, AWS itself answers to the change.

    Raises:
        ResourceBlocked: ``ChangeBlocked``; says how to turn it on.
    """
    try:
        answer = await calls.read("kinesis", "describe_account_settings")
    except AwsError as error:
        if error.category is not Category.ACCESS_DENIED or error.credentials_are_bad:
            raise
        return
    status = answer.get("MinimumThroughputBillingCommitment", {}).get("Status", _DISABLED)
    if status == _DISABLED:
        raise ResourceBlocked(
            Reason.CHANGE_BLOCKED,
            f"stream {stream} can't have warm throughput: On-demand Advantage is off in this "
            "account and region; remove spec.stream.warmThroughputMiBps, or turn it on with aws "
            "kinesis update-account-settings --minimum-throughput-billing-commitment "
            "Status=ENABLED, which bills at least 25 MiB a second in and out for the account",
        )
