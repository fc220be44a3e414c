"""Time that an invocation has left, by Lambda's own clock."""

from __future__ import annotations

from typing import Any

from shared.budget import DEFAULT_TIMEOUT_SECONDS

_SHARE_TO_BEGIN = 0.5
_SHARE_TO_GO_ON = 0.15


class TimeLimit:
    """The timeout of one invocation.

    A record's budget is half of the timeout, so one that begins in the first half ends in time.
    """

    def __init__(self, context: Any) -> None:
        """Args: `context` is Lambda's, or anything without its method where no time is limited."""
        self._left = getattr(context, "get_remaining_time_in_millis", None)
        self._whole_ms = float(self._left()) if self._left else DEFAULT_TIMEOUT_SECONDS * 1000.0

    @property
    def seconds(self) -> int:
        """The timeout, asked when the invocation began; whole seconds, as it is set."""
        return -int(-self._whole_ms // 1000)

    def may_begin(self) -> bool:
        """Return whether another portion of the batch may be begun."""
        return self._has(_SHARE_TO_BEGIN)

    def may_go_on(self) -> bool:
        """Return whether another part of a portion may be begun."""
        return self._has(_SHARE_TO_GO_ON)

    def _has(self, share: float) -> bool:
        return self._left is None or self._left() > self._whole_ms * share
