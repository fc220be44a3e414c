"""Monthly cost of the shards of a provisioned stream. Pure."""

from __future__ import annotations

from clickstream_operator.cost.prices import prices_of
from clickstream_operator.cost.traffic import HOURS


def shards_text(region: str, before: int, after: int) -> str:
    """Dollars a month of `after` shards, and how that differs from `before`.

    With `~` before prices of another region, as in `status.estimatedMonthlyCost`. Shard hours only,
    without PUT payload units, longer retention and shard-level metrics.
    """
    prices = prices_of(region)
    month = HOURS * prices["kinesis.shardHour"]
    mark = "" if prices.region == region else "~"
    change = abs(after - before) * month
    return (
        f"the shards cost {mark}{after * month:.2f} dollars a month, {mark}{change:.2f} "
        f"{'more' if after > before else 'less'}"
    )
