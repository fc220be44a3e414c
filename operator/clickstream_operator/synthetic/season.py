"""Seasonal curve of traffic, for generated sessions and for counts by the minute."""

from __future__ import annotations

import math
from typing import Final

_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
#: Days since Thursday, 1 January 1970, modulo seven.
_WEEKEND: Final = frozenset({2, 3})
_WEEKEND_SHARE: Final = 0.75


def season(minute: int) -> float:
    """Return the share of the mean traffic of a working day expected in a minute.

    Quiet nights (least, 0.55, at 3:00), busy afternoons (most, 1.65, at 15:00), three quarters of
    that at weekends. The shares of a working day have the mean 1.

    Args:
        minute: minutes since the epoch, in UTC.
    """
    hour = minute % _DAY / _HOUR
    day = (
        1 + 0.55 * math.sin(2 * math.pi * (hour - 9) / 24) + 0.1 * math.sin(4 * math.pi * hour / 24)
    )
    return day * (_WEEKEND_SHARE if minute // _DAY % 7 in _WEEKEND else 1.0)
