"""Page items: views and visitors of one page in one hour and lane.

The visitors sketch is read, merged and written back, so the write requires `wm` to be exactly that
of the copy it was merged into: under the weaker `wm < :first` a change of containers alone spoils
17 % of the sketches (simulated). The copies stay in memory between invocations.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clickstream_layout.sketch import Visitors
from clickstream_layout.tables import page_key
from processor.aggregate import HOUR_MS, Views, after, by_arrival, hour_key
from shared.conditional_write import MOST_ATTEMPTS, ContentionError, Update, apply_update
from shared.lanes import NOTHING, decode_watermark, encode_watermark

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_COPIES = 8192  # About 1 KB each.
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class PageCopy:
    """Contents of a page item, as this container last knew them."""

    watermark: int = NOTHING
    visitors: Visitors = Visitors()  # noqa: RUF009 - a set is never changed in place
    last_updated: int = 0


def read_copy(item: dict[str, Any]) -> PageCopy:
    """Return the copy that a stored item stands for; of an absent item, the empty copy."""
    if "wm" not in item:
        return PageCopy()
    return PageCopy(
        watermark=decode_watermark(item["wm"]["B"]),
        visitors=Visitors.decode(item["visitors"]["B"]),
        last_updated=int(item["last_updated"]["N"]),
    )


def grow(copy: PageCopy, contributions: Sequence[Views]) -> PageCopy:
    """Return the copy after at least one contribution, all above its watermark."""
    hashes = {visitor for each in contributions for visitor in each.visitors}
    return PageCopy(
        watermark=contributions[-1].sequence,
        visitors=copy.visitors.with_hashes(hashes),
        last_updated=max(copy.last_updated, *(each.arrival_ms for each in contributions)),
    )


def plan_update(
    copy: PageCopy, grown: PageCopy, contributions: Sequence[Views], ttl: int
) -> Update:
    """Return the write that turns the item of `copy` into that of `grown` by contributions."""
    update = Update()
    update.add("view_count", sum(each.views for each in contributions))
    for attribute, views in by_arrival(contributions).items():
        update.add(attribute, views)
    update.set("visitors", {"B": grown.visitors.encode()})
    update.set("last_updated", {"N": str(grown.last_updated)})
    update.set("wm", {"B": encode_watermark(grown.watermark)})
    update.set("ttl", {"N": str(ttl)})
    name = update.name("wm")
    # Exactly the copy's: an item only ever grows, so one below the copy does not exist, and `<=`
    # would make no difference until an item is taken back by hand.
    if copy.watermark == NOTHING:
        update.require(f"attribute_not_exists({name})")
    else:
        update.require(f"{name} = {update.value({'B': encode_watermark(copy.watermark)})}")
    return update


class PageItems:
    """Writes page items; one instance per container, used by several threads for distinct keys."""

    def __init__(self, dynamodb: Any, table: str, ttl_days: int) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_seconds = ttl_days * _DAY_SECONDS
        self._copies: OrderedDict[tuple[str, str], PageCopy] = OrderedDict()

    def known(self, page: str, hour: int, lane_code: str) -> bool:
        """Return whether this container has seen the item, and so its page in a list."""
        return (page, hour_key(hour, lane_code)) in self._copies

    def write(self, page: str, hour: int, lane_code: str, contributions: Sequence[Views]) -> None:
        """Add what is not yet in the item.

        Raises:
            ContentionError: other writers kept changing it.
            ClientError: DynamoDB's, when it is not a refused condition.
        """
        sort_key = hour_key(hour, lane_code)
        key = page_key(page, sort_key)
        # Taken out: after a failure nobody knows what the item holds. A copy that stayed would be
        # refused by the condition and read again, as an absent one is.
        copy = self._copies.pop((page, sort_key), PageCopy())
        ttl = hour * HOUR_MS // 1000 + self._ttl_seconds
        remaining = after(contributions, copy.watermark)
        for _ in range(MOST_ATTEMPTS):
            if not remaining:
                break
            grown = grow(copy, remaining)
            update = plan_update(copy, grown, remaining, ttl)
            refused = apply_update(self._dynamodb, update.request(self._table, key))
            if refused is None:
                copy = grown
                break
            copy = read_copy(refused)
            remaining = after(remaining, copy.watermark)
        else:
            raise ContentionError("a page item was changed by others too often")
        self._copies[page, sort_key] = copy
        while len(self._copies) > _MOST_COPIES:
            self._copies.popitem(last=False)
