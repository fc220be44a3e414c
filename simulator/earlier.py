"""The processor as it was before a batch was taken in portions: it takes each batch whole.

It knows no attempts, progress or budgets, reads none of them and leaves them where they stand. It
runs beside the present one, as during an upgrade or after a rollback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from processor.lane_items import Intent, LaneItems, LaneState
from processor.portions import Portion
from processor.processor import Processor
from shared.lambda_records import read_records
from shared.time_limit import TimeLimit


class EarlierLaneItems(LaneItems):
    """Lane items of which only what the earlier version knew is read, written or removed."""

    removed_by_begin = ()
    removed_by_finish = ("intent",)

    def _add_up(self, update: Any, state: LaneState, generation: int) -> None:
        """Leave the tally as it is."""

    def load(self, lane: Any) -> LaneState:
        """Return the stored state."""
        return _known(super().load(lane))

    def begin(
        self, lane: Any, state: LaneState, intent: Intent, batch: Any, judged: Any = None
    ) -> tuple[bool, LaneState]:
        """Take the next generation."""
        del judged
        taken, found = super().begin(lane, state, intent, batch)
        return taken, _known(found)

    def finish(self, lane: Any, state: LaneState, batch: Any) -> tuple[bool, LaneState]:
        """Close the batch."""
        finished, found = super().finish(lane, state, batch)
        return finished, _known(found)


class EarlierProcessor(Processor):
    """Decodes a batch before it reads the lane, and does all its writes at once."""

    def process(self, event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        """Process one Kinesis event of Lambda."""
        del context
        for lane, records in read_records(event, self._config.stream_epoch).items():
            batch = self._decoder.decode_batch(records)
            state = self._states.pop(lane, None) or self._lanes.load(lane)
            self._states[lane] = self._process_portion(lane, Portion(batch), state, TimeLimit(None))
        return {"batchItemFailures": []}


def _known(state: LaneState) -> LaneState:
    return replace(state, tries=0, error="", progress=None, judged=None)
