"""Dollars of a resize."""

from __future__ import annotations

import pytest

from clickstream_operator.cost import shards_text


@pytest.mark.parametrize(
    ("region", "before", "after", "said"),
    [
        ("us-east-1", 2, 4, "the shards cost 43.80 dollars a month, 21.90 more"),
        ("us-east-1", 4, 2, "the shards cost 21.90 dollars a month, 21.90 less"),
        ("eu-west-1", 2, 4, "the shards cost ~43.80 dollars a month, ~21.90 more"),
    ],
)
def test_a_resize_says_what_it_costs(region: str, before: int, after: int, said: str) -> None:
    """Shards of 730 hours; prices of another region carry a mark."""
    assert shards_text(region, before, after) == said
