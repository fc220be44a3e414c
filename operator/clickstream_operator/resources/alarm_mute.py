"""Mute of a pipeline's alarms while its stream is resized: a rule that CloudWatch ends itself.

A muted alarm goes on being evaluated and shown. What is still wrong when the rule ends, or is
deleted, is told then (Amazon CloudWatch API Reference, PutAlarmMuteRule, DeleteAlarmMuteRule).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, ignore_not_found
from clickstream_operator.aws.permissions import BASE, Grant

log = structlog.get_logger(__name__)

PREFIX: Final = "clickstream-mute-"
"""Beginning of a rule's name: IAM knows it by nothing else, as no rule outlives a resize."""
_RULES: Final = (f"arn:aws:cloudwatch:*:*:alarm-mute-rule:{PREFIX}{BASE}",)
#: To put a rule needs the right on it and on each alarm that it mutes.
_ALARMS: Final = Grant("Alarms", (f"arn:aws:cloudwatch:*:*:alarm:{BASE}-*",), by_tag=True)
GRANTS: Final = (
    Grant("Mutes", _RULES, ("cloudwatch:PutAlarmMuteRule",), also=(_ALARMS,)),
    Grant("Mutes", _RULES),
)

LONGEST: Final = timedelta(minutes=15)
"""Of a mute, from the next full minute on. AWS needs about half a minute for each step."""


@dataclass(slots=True)
class MuteRecord:
    """Memory of one pipeline's mute in this process."""

    may_last: bool | None = None
    """Whether a rule may be there; None: a process before may have left one."""
    refused: AwsError | None = None
    """What AWS refused since it was told last."""

    def tell(self) -> AwsError | None:
        """What is to be told now, once."""
        found, self.refused = self.refused, None
        return found


@dataclass(frozen=True, slots=True)
class AlarmMute:
    """The mute of one stream's resize.

    `rule`: its name; `alarms`: names of those that it mutes; `wanted`: whether a resize begins one.
    """

    calls: Calls
    rule: str
    alarms: Sequence[str]
    record: MuteRecord
    wanted: bool = True

    async def begin(self, now: datetime) -> None:
        """Mute until `LONGEST` from the next full minute on, or so much longer than before.

        A refusal does not hold up the resize: it is kept to be told.
        """
        if not self.wanted:
            return
        start = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        minutes = int(LONGEST.total_seconds()) // 60
        try:
            await self.calls.write(
                "cloudwatch",
                "put_alarm_mute_rule",
                Name=self.rule,
                Description="The stream is being resized.",
                Rule={
                    "Schedule": {
                        "Expression": f"at({start:%Y-%m-%dT%H:%M})",
                        "Duration": f"PT{minutes}M",
                    }
                },
                MuteTargets={"AlarmNames": list(self.alarms)},
                ExpireDate=start + LONGEST,
            )
        except AwsError as error:
            log.warning("alarms not muted", why=str(error))
            self.record.refused = error
            if not error.may_have_landed:
                return
        self.record.may_last = True

    async def end(self) -> None:
        """Take it back, also one that a process left which died; AWS is asked once about such."""
        if self.record.may_last is False:
            return
        try:
            if self.record.may_last or await self._is_there():
                await self.calls.write(
                    "cloudwatch", "delete_alarm_mute_rule", AlarmMuteRuleName=self.rule
                )
        except AwsError as error:
            log.warning("mute of the alarms not taken back", why=str(error))
            self.record.refused = error
        else:
            self.record.may_last = False

    async def _is_there(self) -> bool:
        answer = await ignore_not_found(
            self.calls.read("cloudwatch", "get_alarm_mute_rule", AlarmMuteRuleName=self.rule)
        )
        return answer is not None
