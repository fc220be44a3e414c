"""Times as text and numbers: what producers send in, what keys and attributes carry out."""

from __future__ import annotations

import calendar
import re
import time
from functools import lru_cache

_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})"
    r"(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"(?: ?([Zz]|UTC|GMT)| ?([+-])([0-9]{2})(?::?([0-9]{2}))?(?: [A-Z]{3,5})?)"
    r"(?:\[!?[A-Za-z0-9_+/-]{1,64}\])?"
)
"""ISO 8601 with a zone: as RFC 3339 writes it, as databases (`2026-11-23 12:00:00 UTC`) and Go
(`+0100 CET`) print it, and as RFC 9557 extends it (`+01:00[Europe/Berlin]`); the offset decides."""
_EPOCH = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,9})?")

_SECONDS_BELOW = 100_000_000_000
"""Seconds until the year 5138; milliseconds above, from March 1973."""
_MILLISECONDS_BELOW = 253_402_300_800_000
"""Milliseconds until the year 10000, where ISO 8601 text grows a digit; microseconds above, from
January 1978."""
_MICROSECONDS_BELOW = _MILLISECONDS_BELOW * 1000
"""Microseconds until the year 10000; nanoseconds above, from January 1978."""
_NANOSECONDS_BELOW = _MICROSECONDS_BELOW * 1000
_HOURS, _MINUTES, _SECONDS, _MS = 24, 60, 60, 1000


def parse_time(value: object) -> int:
    """Return UTC milliseconds from ISO 8601 text with a zone, or from time since the epoch.

    Time since the epoch is a number, or a number as text, in seconds, milliseconds, microseconds
    or nanoseconds: its size tells which, without overlap for times after January 1978.

    Raises:
        ValueError: anything else: no zone, a boolean, a date that does not exist, out of range.
    """
    if isinstance(value, str):
        return _parse_epoch(value) if _EPOCH.fullmatch(value) else _parse_iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("neither ISO 8601 text nor a number")  # noqa: TRY004 - one error for callers
    return _milliseconds(value)


def _parse_epoch(text: str) -> int:
    return _milliseconds(float(text) if "." in text else int(text))


def _milliseconds(number: float) -> int:
    # Compared before converted: a float of a 400-digit integer would raise OverflowError.
    if not 0 <= number < _NANOSECONDS_BELOW:
        raise ValueError("outside of the years 1970 to 9999")
    if number < _SECONDS_BELOW:
        return round(number * _MS)
    if number < _MILLISECONDS_BELOW:
        return round(number)
    # Cut, not rounded, as the digits of ISO 8601 text are.
    return int(number // (_MS if number < _MICROSECONDS_BELOW else _MS * _MS))


def _parse_iso(text: str) -> int:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError("not ISO 8601 with a zone")
    date, hour, minute, second, fraction, utc, sign, zone_hour, zone_minute = match.groups()
    hours, minutes, seconds = int(hour), int(minute), int(second or 0)
    # A leap second is the first second of the next minute, as in POSIX time.
    leap = seconds == _SECONDS and minutes == _MINUTES - 1
    if hours >= _HOURS or minutes >= _MINUTES or (seconds >= _SECONDS and not leap):
        raise ValueError("no such time of day")
    total = _day_start(date) + hours * 3600 + minutes * 60 + seconds
    if not utc:
        offset_hours, offset_minutes = int(zone_hour), int(zone_minute or 0)
        if offset_hours >= _HOURS or offset_minutes >= _MINUTES:
            raise ValueError("no such zone")
        offset = offset_hours * 3600 + offset_minutes * 60
        total += -offset if sign == "+" else offset
    milliseconds = total * _MS + int((fraction or "0").ljust(3, "0")[:3])
    if not 0 <= milliseconds < _MILLISECONDS_BELOW:
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
