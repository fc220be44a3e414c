"""Messages that nobody has sent: found by the tick without reading all incidents.

Before incidents are written, an entry with their keys is: `metric_name` = `unsent`, `time_window` =
`<time>#<digest>`, `due` the keys of which something may have to be published, `ttl`. Once they are
sent `due` goes, so an entry that still has it after a minute belongs to an invocation that died or
could not reach the topic. The tick reads entries from a cursor on, which stands in its own state.

Versions before this one left no entries. After one of them has written the tick's state, all
incidents are searched once, in portions.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import COUNTER_KEY, INCIDENT, UNSENT_KEYS, counter_key
from detector.messages import UNSENT
from shared.conditional_write import Update, apply_update
from shared.timestamps import instant_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from detector.messages import Messages
    from detector.site_state import SiteState
    from shared.thread_pool import Workers
    from shared.time_limit import TimeLimit

UNDISTURBED_SECONDS = 60
"""Younger messages are being published by the invocation that wrote their incidents."""
LONGEST_INVOCATION_SECONDS = 1200
"""Longer than any invocation of a function (AWS Lambda Developer Guide, "Lambda quotas": 15
minutes): after that no entry appears, and no incident that an entry names."""
MOST_MESSAGES = 200
"""Messages of one tick: after an outage of the topic, the others wait for the next ticks."""
_SETTLED_TTL_SECONDS = 7200
_HOUR_SECONDS = 3600

Item = dict[str, Any]


class UnsentMessages:
    """Entries of what may have to be published, and the search for what was left behind."""

    def __init__(
        self,
        *,
        dynamodb: Any,
        table: str,
        ttl_hours: int,
        messages: Messages,
        workers: Workers,
        clock: Callable[[], float],
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_seconds = ttl_hours * _HOUR_SECONDS
        self._messages = messages
        self._workers = workers
        self._clock = clock

    def announce(self, keys: Sequence[str], place: str) -> str | None:
        """Note the sort keys of incidents that are about to be written; returns the entry's key.

        None when there is no topic, so that nothing will have to be sent.
        """
        if not self._messages.topic_arn:
            return None
        text = json.dumps([place, *keys])
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        entry = f"{self._instant()}#{digest}"
        self._write(entry, keys, self._ttl_seconds)
        return entry

    def settle(self, entry: str | None, left: Sequence[str]) -> None:
        """Note of which of an entry's incidents messages are still to be sent."""
        if entry is not None:
            self._write(entry, left, self._ttl_seconds if left else _SETTLED_TTL_SECONDS)

    def _write(self, entry: str, keys: Sequence[str], ttl_seconds: int) -> None:
        update = Update()
        update.set("ttl", {"N": str(round(self._clock()) + ttl_seconds)})
        if keys:
            update.set("due", {"S": json.dumps(keys)})
        else:
            update.remove("due")
        key = counter_key(UNSENT_KEYS, entry)
        apply_update(self._dynamodb, update.request(self._table, key))

    def publish_left_behind(self, state: SiteState, limit: TimeLimit) -> int:
        """Publish messages that were left behind; returns how many incidents they are of.

        What cannot be sent now, or in this invocation's time, is tried by the next tick.
        """
        if not self._messages.topic_arn:
            return 0
        found = self._publish_entries(state, limit)
        if state.swept != str(state.generation):
            found += self._sweep(state, limit)
        if state.swept.isdecimal():
            state.swept = str(state.generation + 1)
        return found

    def _publish_entries(self, state: SiteState, limit: TimeLimit) -> int:
        latest = self._instant(-UNDISTURBED_SECONDS)
        # Entries up to here are complete: no invocation is left that could still write one.
        cursor = self._instant(-LONGEST_INVOCATION_SECONDS)
        found = 0
        for item in chain.from_iterable(
            items for items, _ in self._pages(UNSENT_KEYS, state.cursor)
        ):
            entry: str = item[COUNTER_KEY[1]]["S"]
            if "due" not in item or entry >= latest:
                continue
            if found >= MOST_MESSAGES or self._messages.failure or not limit.may_begin():
                cursor = min(cursor, entry)
                break
            keys = json.loads(item["due"]["S"])
            left, published = self._publish_keys(keys, is_complete=entry < cursor)
            found += published
            if len(left) < len(keys):
                self.settle(entry, left)
            if left:
                cursor = min(cursor, entry)
        state.cursor = max(state.cursor, cursor)
        return found

    def _publish_keys(self, keys: Sequence[str], *, is_complete: bool) -> tuple[list[str], int]:
        """Publish what is due of some incidents; returns what is left, and how many had any.

        `is_complete`: an incident that does not exist will not come any more.
        """
        done: list[str] = []
        published: list[str] = []

        def publish(key: str) -> None:
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=counter_key(INCIDENT, key), ConsistentRead=True
            )
            item = answer.get("Item")
            if item is None:
                done.extend([key] if is_complete else [])
            elif not _is_due(item):
                done.append(key)
            elif self._messages.try_publish(item):
                done.append(key)
                published.append(key)

        self._workers.run([partial(publish, key) for key in keys])
        finished = set(done)
        return [key for key in keys if key not in finished], len(published)

    def _sweep(self, state: SiteState, limit: TimeLimit) -> int:
        """Search the incidents of versions that left no entries; may end before it is done.

        `swept` is the generation whose state says that it is done, or how far it is.
        """
        generation, _, start = state.swept.partition(" ")
        if generation != str(state.generation):
            start = ""
        latest = round(self._clock() * 1000) - UNDISTURBED_SECONDS * 1000
        found, young = 0, False
        for items, last in self._pages(INCIDENT, start, due_only=True):
            for item in items:
                written = item["ended"] if "ended" in item else item["created"]
                if int(written["N"]) > latest:
                    young = True
                elif self._messages.try_publish(item):
                    found += 1
            if last is None:
                # What is young may be of an earlier version that still runs beside this one.
                state.swept = "" if young or self._messages.failure else str(state.generation)
                return found
            start = last
            if self._messages.failure or found >= MOST_MESSAGES or not limit.may_begin():
                break
        state.swept = f"{state.generation + 1} {start}"
        return found

    def _pages(
        self, name: str, start: str, *, due_only: bool = False
    ) -> Iterator[tuple[list[Item], str | None]]:
        """Yield the items of a partition from a sort key on, page by page.

        With each page comes the last sort key that was read for it, None at the end. `due_only`:
        incidents of which a message is due.
        """
        arguments: Item = {
            "TableName": self._table,
            "KeyConditionExpression": "#m = :m",
            "ExpressionAttributeNames": {"#m": COUNTER_KEY[0]},
            "ExpressionAttributeValues": {":m": {"S": name}},
        }
        if start:
            arguments["KeyConditionExpression"] += " AND #t >= :t"
            arguments["ExpressionAttributeNames"]["#t"] = COUNTER_KEY[1]
            arguments["ExpressionAttributeValues"][":t"] = {"S": start}
        if due_only:
            arguments["FilterExpression"] = "#sent = :unsent OR #over = :unsent"
            arguments["ExpressionAttributeNames"] |= {"#sent": "sent", "#over": "over_sent"}
            arguments["ExpressionAttributeValues"][":unsent"] = {"N": str(UNSENT)}
        while True:
            answer = self._dynamodb.query(**arguments)
            last: Item | None = answer.get("LastEvaluatedKey")
            yield answer["Items"], None if last is None else str(last[COUNTER_KEY[1]]["S"])
            if last is None:
                return
            arguments["ExclusiveStartKey"] = last

    def _instant(self, seconds: int = 0) -> str:
        return instant_text(round((self._clock() + seconds) * 1000))


def _is_due(item: Item) -> bool:
    return any(int(item.get(name, {"N": "1"})["N"]) == UNSENT for name in ("sent", "over_sent"))
