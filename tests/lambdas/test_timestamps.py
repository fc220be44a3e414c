"""Forms of time that producers send, and those that are refused."""

from __future__ import annotations

import pytest

from shared.timestamps import parse_time

NOON = 1_795_435_200_000
"""2026-11-23T12:00:00Z in milliseconds."""


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("2026-11-23T12:00:00Z", NOON),
        ("2026-11-23T12:00Z", NOON),
        ("2026-11-23t12:00:00z", NOON),
        ("2026-11-23 12:00:00 UTC", NOON),
        ("2026-11-23 12:00:00.125 GMT", NOON + 125),
        ("2026-11-23T12:00:00,1239+0000", NOON + 123),
        ("2026-11-23T17:30:00.198+05:30", NOON + 198),
        ("2026-11-23 12:00:00+00", NOON),
        ("2026-11-23 13:00:00 +0100 CET", NOON),
        ("2026-11-23T13:00:00+01:00[Europe/Berlin]", NOON),
        ("2026-11-23T12:00:00Z[UTC]", NOON),
        ("2026-11-23T11:59:60Z", NOON),
        ("2026-11-23T11:59:60.250Z", NOON + 250),
        (NOON // 1000, NOON),
        (NOON / 1000 + 0.25, NOON + 250),
        (NOON, NOON),
        (NOON * 1000 + 999, NOON),
        (NOON * 1_000_000 + 999_999, NOON),
        (str(NOON // 1000), NOON),
        ("1795435200.125", NOON + 125),
        (str(NOON), NOON),
        (str(NOON * 1000), NOON),
        (str(NOON * 1_000_000), NOON),
        (0, 0),
        ("0", 0),
        (253_402_300_799_999, 253_402_300_799_999),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_forms_of_time_that_producers_send(value: object, milliseconds: int) -> None:
    """Each form is the same instant; digits beyond a millisecond are cut."""
    assert parse_time(value) == milliseconds


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-23T12:00:00",
        "2026-11-23",
        "2026-02-30T12:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T12:60:00Z",
        "2026-11-23T12:00:60Z",
        "2026-11-23T12:59:61Z",
        "2026-11-23T12:00:00+24:00",
        "2026-11-23T12:00:00[Europe/Berlin]",
        "2026-11-23T12:00:00 CET",
        "2026-11-23T12:00:00.029:Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-01:00",
        "\u0661\u0667\u0669",
        "-1",
        "1e12",
        " 1795435200",
        "1_795_435_200",
        "99999999999999999999",
        "",
        -1,
        10**400,
        float("inf"),
        float("nan"),
        True,
        None,
        [],
    ],
)
def test_what_is_no_time_is_refused(value: object) -> None:
    """No zone, no such date, no number of the years 1970 to 9999: a ValueError, nothing else."""
    with pytest.raises(ValueError, match=r"zone|time of day|years|number|day"):
        parse_time(value)
