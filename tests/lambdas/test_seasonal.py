"""The memory of a series: what is odd for its minute of the week, and what it learns from it."""

from __future__ import annotations

import json
import math
import random

import pytest

from detector.seasonality import LIMITS, Season

MONDAY = 29_447_040 + 3 * 1440
DAY = 1440
MEDIUM = LIMITS["Medium"]


def traffic(seed: int, days: int, volume: float = 300.0) -> list[int]:
    """Return counts by minute of days with a quiet night."""
    source = random.Random(seed)  # noqa: S311 - reproducible
    means = (volume * (1 + 0.5 * math.sin(2 * math.pi * m / DAY)) for m in range(days * DAY))
    return [max(0, round(source.gauss(mean, 0.1 * mean + math.sqrt(mean)))) for mean in means]


def learned(days: int = 8, volume: float = 300.0) -> Season:
    """Return the memory after some days without incident."""
    season = Season()
    for minute, count in enumerate(traffic(1, days, volume)):
        season.feed(MONDAY + minute, count, MEDIUM)
    return season


SEASON = learned()
NEXT = MONDAY + 8 * DAY


def odd_after(counts: list[int], season: Season | None = None, **more: str) -> list[bool]:
    """Return what the learned memory says of the minutes that follow."""
    season = season or Season.decode(SEASON.encode())
    verdicts = []
    for minute, count in enumerate(counts):
        season.feed(NEXT + minute, count, MEDIUM, **more)  # type: ignore[arg-type]
        verdicts.append(season.odd)
    return verdicts


def test_two_odd_minutes_are_odd_and_one_is_not() -> None:
    """A single wild minute says nothing; the second one in a row does."""
    assert odd_after([300, 3000, 300, 300, 0, 300]) == [False] * 6
    assert odd_after([300, 3000, 3000]) == [False, False, True]
    assert odd_after([300, 0, 0]) == [False, False, True]


def test_small_shift_adds_up() -> None:
    """Half the traffic is no outlier by itself and is seen within ten minutes."""
    verdicts = odd_after([150] * 10)
    assert verdicts[-1]
    assert not verdicts[0]


def test_one_direction_is_blind_to_the_other() -> None:
    """`up` does not see an outage, `down` does not see a spike."""
    assert not any(odd_after([0] * 5, direction="up"))
    assert not any(odd_after([3000] * 5, direction="down"))
    assert any(odd_after([3000] * 5, direction="up"))
    assert any(odd_after([0] * 5, direction="down"))


def test_calm_ends_it_and_a_lasting_level_becomes_the_new_one() -> None:
    """Five calm minutes end an incident; what lasts half a day is no incident any more."""
    verdicts = odd_after([0, 0, 0, *[300] * 6])
    assert verdicts[2]
    assert not verdicts[-1]
    shifted = odd_after([count * 2 for count in traffic(5, 1)])
    assert any(shifted[:30])
    assert not any(shifted[-60:])


def test_incident_does_not_teach_itself() -> None:
    """Half an hour of outage leaves the same half hour of the next week as it was expected."""
    season = Season.decode(SEASON.encode())
    before = [season._level(NEXT + minute) for minute in range(0, 60, 15)]
    odd_after([0] * 30, season)
    after = [season._level(NEXT + minute) for minute in range(0, 60, 15)]
    assert after == pytest.approx(before, rel=0.02)


def test_memory_survives_encoding_at_any_minute() -> None:
    """A memory that is written and read after each minute says what an undisturbed one says."""
    kept, stored = Season(), Season()
    for minute, count in enumerate(traffic(2, 3, 20.0)):
        kept.feed(MONDAY + minute, count, MEDIUM)
        stored.feed(MONDAY + minute, count, MEDIUM)
        if minute % 97 == 0:
            stored = Season.decode(json.loads(json.dumps(stored.encode())))
        assert stored.odd == kept.odd
    assert len(json.dumps(SEASON.encode(), separators=(",", ":"))) < 5000


def test_few_events_are_gathered() -> None:
    """At three events a minute it judges by five or fifteen minutes, and sees an outage in time."""
    season = learned(3, 3.0)
    assert season.step in {5, 15}
    verdicts = odd_after([0] * 90, season)
    assert any(verdicts)


def test_gap_in_the_minutes_is_no_drop() -> None:
    """Minutes that nobody could judge leave the memory as it is."""
    season = Season.decode(SEASON.encode())
    for minute in (0, 1, 2, 700, 701, 2000):
        season.feed(NEXT + minute, traffic(9, 2)[minute], MEDIUM)
    assert not season.odd


def test_first_half_hour_is_silent() -> None:
    """With nothing to compare with, nothing is odd."""
    season = Season()
    source = random.Random(4)  # noqa: S311 - reproducible
    for minute in range(29):
        assert season.feed(MONDAY + minute, source.randrange(10_000), MEDIUM) is None


def steep_traffic(first: int, days: int, shift: int, seed: int) -> list[int]:
    """Return counts by minute of a site whose clock is `shift` minutes from UTC, nights at 1:8."""
    source = random.Random(seed)  # noqa: S311 - reproducible
    counts = []
    for minute in range(first, first + days * DAY):
        hour = (minute + shift) % DAY / 60
        curve = 1 + 0.75 * math.sin(2 * math.pi * (hour - 13.5) / 24)
        curve += 0.3 * math.sin(4 * math.pi * (hour - 5.5) / 24)
        mean = 600 * max(0.1, curve) * max(0.1, source.gauss(1, 0.1))
        counts.append(max(0, round(source.gauss(mean, math.sqrt(mean)))))
    return counts


def feed_all(season: Season, first: int, counts: list[int]) -> int:
    """Feed counts from a minute on; returns how many minutes were odd."""
    odd = 0
    for minute, count in enumerate(counts, first):
        season.feed(minute, count, MEDIUM)
        odd += season.odd
    return odd


@pytest.fixture(scope="module")
def settled() -> list[object]:
    """Return the memory of a site with steep days after four weeks."""
    season = Season()
    feed_all(season, MONDAY, steep_traffic(MONDAY, 28, 0, seed=1))
    return season.encode()


@pytest.mark.parametrize("shift", [60, -60, 0])
@pytest.mark.parametrize("hour", [1, 16])
def test_clock_that_changes_is_no_incident(settled: list[object], shift: int, hour: int) -> None:
    """Two days after a site's clock went forward or back nothing is odd, and an outage still is.

    The memory is stored and read each day, as the detector stores it after each minute.
    """
    season = Season.decode(json.loads(json.dumps(settled)))
    start = MONDAY + 28 * DAY
    assert feed_all(season, start, steep_traffic(start, 1, 0, seed=2)[: hour * 60]) == 0
    start += hour * 60
    for day in range(2):
        first = start + day * DAY
        assert feed_all(season, first, steep_traffic(first, 1, shift, seed=3 + day)) == 0
        season = Season.decode(json.loads(json.dumps(season.encode())))
    assert season.offset == shift
    start += 2 * DAY
    until_noon = (12 - hour) % 24 * 60
    assert feed_all(season, start, steep_traffic(start, 1, shift, seed=9)[:until_noon]) == 0
    assert feed_all(season, start + until_noon, [0] * 5) >= 3


def test_incident_is_no_change_of_the_clock(settled: list[object]) -> None:
    """A spike, an outage and a half that no other week explains leave the week where it is."""
    noon = MONDAY + 28 * DAY + 720
    for factor in (0, 0.5, 3):
        season = Season.decode(json.loads(json.dumps(settled)))
        feed_all(season, MONDAY + 28 * DAY, steep_traffic(MONDAY + 28 * DAY, 1, 0, 2)[:720])
        counts = [round(each * factor) for each in steep_traffic(noon, 1, 0, seed=4)[:60]]
        assert feed_all(season, noon, counts) > 40
        assert season.offset == 0


def test_memory_of_before_clocks_is_read(settled: list[object]) -> None:
    """What a version wrote that knew no change of clocks is at its first offset."""
    season = Season.decode(settled[:4])
    assert (season.offset, season.weeks) == (0, {})
    assert season.profile == Season.decode(settled).profile
