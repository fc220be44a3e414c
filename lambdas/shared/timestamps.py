"""Times as text and numbers: what producers send in, what keys and attributes carry out."""

from __future__ import annotations

import calendar
import re
import time
from functools import lru_cache

_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2})"
    r"(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2})?)"
)
_LARGEST_SECONDS = 100_000_000_000
"""Numbers below are seconds (until the year 5138), above milliseconds (from March 1973)."""
_LARGEST_MILLISECONDS = 253_402_300_800_000  # The year 10000, where ISO 8601 text grows a digit.
_HOURS, _MINUTES, _SECONDS, _MS = 24, 60, 60, 1000


def parse_time(value: object) -> int:
    """Return UTC milliseconds from ISO 8601 text with a zone, or from epoch seconds or ms.

    Raises:
        ValueError: anything else: no zone, a boolean, a date that does not exist, out of range.
    """
    if isinstance(value, str):
        return _parse_iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("neither ISO 8601 text nor a number")  # noqa: TRY004 - one error for callers
    # Compared before converted: a float of a 400-digit integer would raise OverflowError.
    if not 0 <= value < _LARGEST_MILLISECONDS:
        raise ValueError("outside of the years 1970 to 9999")
    return round(value * _MS) if value < _LARGEST_SECONDS else round(value)


def _parse_iso(text: str) -> int:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError("not ISO 8601 with a zone")
    date, hour, minute, second, fraction, zulu, sign, zone_hour, zone_minute = match.groups()
    hours, minutes, seconds = int(hour), int(minute), int(second or 0)
    if hours >= _HOURS or minutes >= _MINUTES or seconds >= _SECONDS:
        raise ValueError("no such time of day")
    total = _day_start(date) + hours * 3600 + minutes * 60 + seconds
    if not zulu:
        offset_hours, offset_minutes = int(zone_hour), int(zone_minute or 0)
        if offset_hours >= _HOURS or offset_minutes >= _MINUTES:
            raise ValueError("no such zone")
        offset = offset_hours * 3600 + offset_minutes * 60
        total += -offset if sign == "+" else offset
    milliseconds = total * _MS + int((fraction or "0").ljust(3, "0")[:3])
    if not 0 <= milliseconds < _LARGEST_MILLISECONDS:
        raise ValueError("outside of the years 1970 to 9999")
    return milliseconds


@lru_cache(maxsize=64)
def _day_start(date: str) -> int:
    return calendar.timegm(time.strptime(date, "%Y-%m-%d"))


@lru_cache(maxsize=4096)
def minute_text(minute: int) -> str:
    """Return `YYYY-MM-DDTHH:MM` for a count of minutes since 1970."""
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(minute * 60))


@lru_cache(maxsize=512)
def hour_text(hour: int) -> str:
    """Return `YYYY-MM-DDTHH` for a count of hours since 1970."""
    return time.strftime("%Y-%m-%dT%H", time.gmtime(hour * 3600))


def instant_text(milliseconds: int) -> str:
    """Return `YYYY-MM-DDTHH:MM:SS.mmmZ`: fixed width, so its order as text is its order in time."""
    minute, rest = divmod(milliseconds, 60_000)
    return f"{minute_text(minute)}:{rest // 1000:02d}.{rest % 1000:03d}Z"
