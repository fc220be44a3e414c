"""A record's lane, from its sequence number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lanes import Lane, lane_of, life_of

SHARD = "shardId-000000000006"


@pytest.mark.parametrize(
    ("sequence", "made", "arrival"),
    [
        # AWS Lambda Developer Guide, "Using AWS Lambda with Amazon Kinesis": two of one shard.
        (
            49590338271490256608559692538361571095921575989136588898,
            "2018-11-21T04:57:38",
            "2018-12-17T22:10:50",
        ),
        (
            49590338271490256608559692540925702759324208523137515618,
            "2018-11-21T04:57:38",
            "2018-12-17T22:11:51",
        ),
    ],
)
def test_numbers_of_aws_tell_when_the_shard_was_made(
    sequence: int, made: str, arrival: str
) -> None:
    """The life in AWS's own examples is a moment before the record's arrival."""
    assert made < arrival
    life = life_of(sequence)
    assert life == datetime.fromisoformat(made).replace(tzinfo=UTC).timestamp()
    assert lane_of(SHARD, sequence, "e1") == Lane(f"{life:x}", SHARD)


def test_a_shard_and_its_records_tell_the_same_life() -> None:
    """As in AWS's example: Kinesis Data Streams Developer Guide, basic operations with the CLI."""
    starting = 49546986683135544286507457935754639466300920667981217794
    put = 49546986683135544286507457936321625675700192471156785154
    assert life_of(starting) == life_of(put) is not None


@given(life=st.integers(0, 2**36 - 1), rests=st.tuples(*[st.integers(0, 2**148 - 1)] * 2))
def test_a_lane_is_one_life_of_a_shard(life: int, rests: tuple[int, int]) -> None:
    """All numbers of one life share a lane, whatever follows; no other life has it."""
    first, second = ((2 << 36 | life) << 148 | rest for rest in rests)
    lane = lane_of(SHARD, first, "e1")
    assert lane == lane_of(SHARD, second, "e2")
    assert lane != lane_of(SHARD, first ^ 1 << 148, "e1")


@pytest.mark.parametrize("sequence", [0, 7, 10**29, (1 << 184) - 1, 3 << 184, 1 << 190])
def test_other_numbers_tell_nothing(sequence: int) -> None:
    """A number of another form belongs to the epoch of the config."""
    assert life_of(sequence) is None
    assert lane_of(SHARD, sequence, "e1") == Lane("e1", SHARD)
