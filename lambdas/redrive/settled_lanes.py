"""Sequence up to which each lane is settled: all below was counted, or given up on, for good."""

from __future__ import annotations

from typing import Any

from clickstream_layout.tables import LANE, counter_key
from shared.lanes import NOTHING, decode_watermark

_ENDLESS = 1 << 192


class LaneEnds:
    """The end of each lane; read before the archive, so that nothing below it is missed."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ends: dict[str, int] = {}

    def of(self, code: str) -> int:
        """Return the end of a lane. One without item is over: its item outlives its records.

        A batch that a redrive took back is below the end: `Archive.settle` has seen to it.
        """
        if code not in self._ends:
            answer = self._dynamodb.get_item(
                TableName=self._table,
                Key=counter_key(LANE, code),
                ConsistentRead=True,
            )
            item = answer.get("Item")
            if item is None:
                self._ends[code] = _ENDLESS
            else:
                self._ends[code] = decode_watermark(item["wm"]["B"]) if "wm" in item else NOTHING
        return self._ends[code]
