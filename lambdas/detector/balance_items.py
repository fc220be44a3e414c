"""State of the balance, and the balances of hours: items of the counters table.

`balance-state`: the next hour, and the sums of lanes that are ahead of others, compare-and-set on a
generation. `balance`: one item for each hour that was judged, or for several hours together.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

from clickstream_layout.tables import BALANCE, BALANCE_STATE, counter_key
from detector.balance_sources import Standing
from shared.conditional_write import Update, apply_update
from shared.tally import Numbers
from shared.timestamps import hour_text

STATE_TTL_SECONDS = 28 * 86_400
HISTORY_TTL_SECONDS = 90 * 86_400
_PARTS = 8
_STATE_KEY = counter_key(BALANCE_STATE, "state")

BALANCED, DIFFERENT, UNKNOWN = "Balanced", "Different", "Unknown"
ROWS_LOST = "RowsUnaccounted"
COUNTERS_DIFFER = "CountersDiffer"
PAGES_DIFFER = "PagesDiffer"
SESSIONS_DIFFER = "SessionsDiffer"
ARCHIVE_DIFFERS = "ArchiveDiffers"
BAD_ROWS_DIFFER = "BadRowsDiffer"
ITEMS_REFUSED = "ItemsRefused"
GIVEN_UP = "BatchesGivenUp"
INCOMPLETE = "TallyIncomplete"
NOT_KEPT = "TallyNotKept"
NOT_PERMITTED = "NotPermitted"


@dataclass(slots=True)
class BalanceState:
    """The state.

    `next` is the first hour (since 1970) that is not judged, 0 before the first tick; `marks` by
    lane code and hour what had arrived before it; `ended` codes of lanes that bring nothing more;
    `given_up` how many batches Lambda had given up on; `attempts` comparisons of the next hour that
    found a difference; `surplus` by lane code what was archived beyond what was counted when the
    last hour was closed; `requests` for pages and sessions of the last hour that had them compared;
    `partial` sums of a comparison that time cut short, and where it ends.
    """

    generation: int = 0
    next: int = 0
    marks: dict[str, dict[int, Numbers]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    given_up: int = 0
    attempts: int = 0
    requests: int = 0
    surplus: dict[str, tuple[int, int]] = field(default_factory=dict)
    partial: tuple[int, Standing] | None = None

    def encode(self) -> bytes:
        """Return the state as bytes."""
        marks = {
            code: {hour: astuple(sums) for hour, sums in hours.items()}
            for code, hours in self.marks.items()
        }
        partial = [self.partial[0], asdict(self.partial[1])] if self.partial else None
        numbers = [self.next, self.given_up, self.attempts, self.requests]
        parts = [*numbers, marks, sorted(self.ended), self.surplus, partial]
        return zlib.compress(json.dumps(parts, separators=(",", ":")).encode())

    @classmethod
    def decode(cls, data: bytes, generation: int) -> BalanceState:
        """Return the state that `encode` wrote."""
        parts = json.loads(zlib.decompress(data))
        following, given_up, attempts, requests, marks, ended, surplus, cut = parts[:_PARTS]
        read = {
            code: {int(hour): Numbers(*sums) for hour, sums in hours.items()}
            for code, hours in marks.items()
        }
        return cls(
            generation=generation,
            next=following,
            marks=read,
            ended=set(ended),
            given_up=given_up,
            attempts=attempts,
            requests=requests,
            surplus={code: (raw, bad) for code, (raw, bad) in surplus.items()},
            partial=(cut[0], Standing(**cut[1])) if cut else None,
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of the hours from `hour` until before `until`.

    `received` is what the lanes say, `standing` what was found; `late` rows that came for hours
    that had been judged; `surplus` events and bad rows that were archived since the last balance
    and not counted, or the other way round.
    """

    hour: int
    until: int
    received: Numbers
    standing: Standing
    given_up: int
    late: int
    surplus: tuple[int, int] = (0, 0)
    unknown: tuple[str, ...] = ()

    @property
    def differences(self) -> dict[str, int]:
        """Rows that are too many (above 0) or missing, by reason, without what agrees."""
        lanes, found = self.received, self.standing
        used = lanes.counted + lanes.repeated + lanes.bad + lanes.quarantined
        items = {COUNTERS_DIFFER: found.counters - lanes.counted}
        if found.compared:
            items[PAGES_DIFFER] = found.views - lanes.views
            items[SESSIONS_DIFFER] = found.sessions - lanes.counted - found.replayed
        refused = 0
        if found.refused:
            # DynamoDB took some items not at all: a redrive rebuilds them.
            refused = sum(min(number, 0) for number in items.values())
            items = {reason: max(number, 0) for reason, number in items.items()}
        if found.recovered:
            # They may have been rebuilt with what Lambda had given up on.
            items = {reason: min(number, 0) for reason, number in items.items()}
        raw = (found.raw_rows - lanes.raw_rows) or (found.raw_bytes - lanes.raw_bytes)
        raw = raw or found.unnamed or self.surplus[0]
        bad = (found.bad_rows - lanes.bad_rows) or (found.bad_bytes - lanes.bad_bytes)
        every = {
            ROWS_LOST: used - lanes.rows,
            **items,
            ITEMS_REFUSED: refused,
            ARCHIVE_DIFFERS: raw,
            BAD_ROWS_DIFFER: bad or self.surplus[1],
            GIVEN_UP: -self.given_up,
        }
        return {reason: number for reason, number in every.items() if number}

    @property
    def verdict(self) -> str:
        """The verdict: an hour that is not known whole is neither balanced nor different."""
        if self.unknown:
            return UNKNOWN
        return DIFFERENT if self.differences else BALANCED

    def item(self, now: float) -> dict[str, dict[str, str]]:
        """Return what the table holds."""
        found = asdict(self.standing)
        for name in ("cursor", "given_up", "tables_done", "compared"):
            del found[name]
        if not self.standing.compared:
            del found["views"], found["sessions"]
        numbers = {
            **asdict(self.received),
            **{f"found_{name}": number for name, number in found.items()},
            "given_up": self.given_up,
            "late": self.late,
        }
        differences = {} if self.unknown else self.differences
        return {
            **counter_key(BALANCE, hour_text(self.hour)),
            "until": {"S": hour_text(self.until)},
            "verdict": {"S": self.verdict},
            "reasons": {"S": " ".join(self.unknown or differences)},
            "differences": {"S": json.dumps(differences)},
            **{name: {"N": str(number)} for name, number in numbers.items()},
            "ttl": {"N": str(round(now) + HISTORY_TTL_SECONDS)},
        }


class BalanceItems:
    """Reads and writes these items."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def load(self) -> BalanceState:
        """Return the stored state, a fresh one when there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_STATE_KEY, ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return BalanceState()
        return BalanceState.decode(item["state"]["B"], int(item["g"]["N"]))

    def save(self, state: BalanceState, now: float) -> bool:
        """Write the state; False when another tick has written since it was loaded."""
        update = Update()
        update.set("state", {"B": state.encode()})
        update.set("g", {"N": str(state.generation + 1)})
        update.set("ttl", {"N": str(round(now) + STATE_TTL_SECONDS)})
        update.require_value("g", {"N": str(state.generation)} if state.generation else None)
        if apply_update(self._dynamodb, update.request(self._table, _STATE_KEY)) is not None:
            return False
        state.generation += 1
        return True

    def put(self, balance: Balance, now: float) -> None:
        """Write the balance of some hours; again is safe."""
        self._dynamodb.put_item(TableName=self._table, Item=balance.item(now))
