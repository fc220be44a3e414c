"""Ids that a lane has seen: what the window tells, and how it is kept. Properties."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from processor.sightings import ID_BYTES, Sighting, Window, decode, encode, merge

IDS = [bytes([number]) * ID_BYTES for number in range(6)]
identities = st.sampled_from(IDS)
#: Seconds between records, back as well as forth, and the ids in each.
records = st.lists(
    st.tuples(st.integers(-3, 9), st.lists(identities, min_size=1, max_size=4)), max_size=30
)


def sightings_of(steps: list[tuple[int, list[bytes]]]) -> list[Sighting]:
    """Records in lane order, with the lane's clock at each."""
    found = []
    arrival = clock = 10_000
    for number, (seconds, ids) in enumerate(steps):
        arrival += seconds * 1000
        clock = max(clock, arrival)
        found.append(Sighting(10**40 + number * 7**20, clock, tuple(ids)))
    return found


def told(window: Window, sightings: list[Sighting]) -> list[bool]:
    """What the window says of each id."""
    answers = []
    for each in sightings:
        window.advance(each.clock_ms)
        answers += [window.see(identity) for identity in each.ids]
    return answers


@given(records, st.integers(1, 20), st.integers(1, 12))
def test_a_repeat_is_what_was_seen_within_the_window(
    steps: list[tuple[int, list[bytes]]], seconds: int, most: int
) -> None:
    """Of the latest ids before it those within the time: nothing else counts."""
    sightings = sightings_of(steps)
    expected = []
    before: list[tuple[int, bytes]] = []
    for each in sightings:
        for identity in each.ids:
            near = [
                (clock, seen) for clock, seen in before if clock >= each.clock_ms - seconds * 1000
            ]
            expected.append(identity in [seen for _, seen in near[-most:]])
            before.append((each.clock_ms, identity))
    assert told(Window(seconds, most), sightings) == expected


@given(records, st.integers(1, 20), st.integers(1, 12), st.data())
def test_what_is_told_does_not_depend_on_where_one_begins(
    steps: list[tuple[int, list[bytes]]], seconds: int, most: int, data: st.DataObject
) -> None:
    """A window that is read back at any place of the lane goes on as the one that was there."""
    sightings = sightings_of(steps)
    whole = told(Window(seconds, most), sightings)
    cut = data.draw(st.integers(0, len(sightings)))
    window = Window(seconds, most)
    window.replay(sightings[:cut])
    rest = told(window, sightings[cut:])
    assert rest == whole[len(whole) - len(rest) :]


@given(records, st.sampled_from([ID_BYTES, 40, 90, 300_000]))
def test_items_hold_all_that_was_seen(steps: list[tuple[int, list[bytes]]], size: int) -> None:
    """Cut into items of any size, records cut as well, and in any order."""
    sightings = sightings_of(steps)
    with mock.patch("processor.sightings.MOST_BYTES", size):
        items = list(encode(sightings))
    found = [(1, each) for _, data in reversed(items) for each in decode(data)]
    read: dict[int, list[bytes]] = {}
    for each in merge(found, 10**41):
        read.setdefault(each.sequence, []).extend(each.ids)
    assert read == {each.sequence: [*each.ids] for each in sightings}
    lasts = [(last.clock_ms, last.sequence) for last, _ in items]
    assert lasts == sorted(lasts)


def test_a_later_attempt_that_set_a_record_aside_wins() -> None:
    """Whatever order they are found in; and what is beyond the lane's end is not there yet."""
    seen, aside = Sighting(5, 1000, (IDS[0],)), Sighting(5, 1000)
    for found in ([(1, seen), (2, aside)], [(2, aside), (1, seen)]):
        assert merge(found, 5) == [aside]
    assert merge([(1, seen), (1, Sighting(6, 1000, (IDS[1],)))], 5) == [seen]


def test_what_was_set_aside_does_not_move_the_clock() -> None:
    """It has no ids, so that no event counts by it."""
    window = Window(5)
    window.replay([Sighting(1, 1000, (IDS[0],)), Sighting(2, 90_000)])
    window.advance(2000)
    assert window.see(IDS[0])
