"""Capacity of a Kinesis stream: resizes and switches of mode, at the pace that AWS allows."""

from __future__ import annotations

import re
from typing import Any, Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.permissions import BASE, Grant
from clickstream_operator.engine.resource import StepMustWait, Wait
from clickstream_operator.resources.alarm_mute import AlarmMute
from clickstream_operator.resources.kinesis_history import RETRY_AFTER, StreamHistory
from clickstream_operator.resources.kinesis_limits import (
    RESIZES,
    SWITCHES,
    Budget,
    Quota,
    next_step,
    steps_between,
)

GRANTS: Final = (Grant("Stream", (f"arn:aws:kinesis:*:*:stream/{BASE}-events",), by_tag=True),)

_RESIZE: Final = "update_shard_count"
_SWITCH: Final = "update_stream_mode"
#: A quota of the account is raised by a person; a budget of the stream comes back by itself.
_OF_THE_ACCOUNT: Final = re.compile(
    r"limit for (the|this|your) account|account limit", re.IGNORECASE
)


class StreamCapacity:
    """Shard count and mode of one stream in one reconcile.

    `history`: requests on record, from which the budgets of a day are counted; grows. `mute`:
    of the alarms, for a resize.
    """

    def __init__(
        self, calls: Calls, stream: str, history: StreamHistory, mute: AlarmMute | None = None
    ) -> None:
        self._calls = calls
        self._mute = mute
        self._stream = stream
        self._history = history
        self._resized = False

    async def resize(self, current: int, target: int) -> int:
        """Take the next step from `current` to `target` shards; returns the count it leads to.

        Raises:
            StepMustWait: the budget is spent, or this reconcile has taken its step.
        """
        step = next_step(current, target)
        if self._resized:
            # One a reconcile: the status has each before the next is requested.
            raise StepMustWait(_in_steps(current, target))
        await self._paced(
            _RESIZE,
            RESIZES,
            self._history.resize_budget(),
            f"the step from {_way(current, step, target)}",
            StreamName=self._stream,
            TargetShardCount=step,
            ScalingType="UNIFORM_SCALING",
        )
        self._resized = True
        self._history.resized(step)
        if self._mute is not None:
            # Not before: a resize that AWS refuses must not mute anything, again and again.
            await self._mute.begin(self._history.now())
        return step

    async def switch(self, arn: str, mode: str) -> None:
        """Switch the mode.

        Raises:
            StepMustWait: the budget is spent.
        """
        await self._paced(
            _SWITCH,
            SWITCHES,
            self._history.switch_budget(),
            f"the switch of the stream's mode to {mode}",
            StreamARN=arn,
            StreamModeDetails={"StreamMode": mode},
        )
        self._history.switched(mode)

    def under_way(self, target: int) -> Wait | None:
        """The latest step of a resize to `target` shards, while more will follow."""
        if not self._history.resizes:
            return None
        step = self._history.resizes[-1].shards
        return None if step == target else _in_steps(step, target)

    async def _paced(
        self, operation: str, quota: Quota, budget: Budget, step: str, /, **parameters: Any
    ) -> None:
        """Send what AWS takes only so often; a spent budget and its refusal are waits, no errors.

        Raises:
            StepMustWait: until AWS takes it again.
        """
        spent = quota.spent(step, budget, self._history.now())
        if spent is not None:
            raise StepMustWait(spent)
        seconds = self._history.seconds_refused(operation)
        if not seconds:
            try:
                await self._calls.write("kinesis", operation, **parameters)
            except AwsError as error:
                of_the_stream = not _OF_THE_ACCOUNT.search(error.text)
                if error.category is not Category.LIMIT_EXCEEDED or not of_the_stream:
                    raise
                self._history.refuse(operation)
                seconds = RETRY_AFTER.total_seconds()
            else:
                return
        raise StepMustWait(quota.refused(step, seconds))


def _way(current: int, step: int, target: int) -> str:
    way = f"{current} to {step} shards"
    return way if step == target else f"{way}, on the way to {target},"


def _in_steps(step: int, target: int) -> Wait:
    """The wait between two steps; `step`: the count that the latest leads to."""
    left = steps_between(step, target)
    more = "1 more step follows" if left == 1 else f"{left} more steps follow"
    return Wait(
        Reason.SCALING_IN_STEPS,
        f"on the way to {target} shards, in steps of at most double or half: the step to {step} "
        f"was asked for, {more}",
    )
