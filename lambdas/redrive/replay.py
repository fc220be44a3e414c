"""Bad rows replayed after a fix, each exactly once, whatever the order and number of calls.

The rows of one reason in one object are a lane of their own: its name is the hash of key and
reason, a row's sequence number is its line. So the processor's protocols hold for it as for a
shard, a second call finds the lane at its end, and "one reason" and "the whole object" never
overlap. What is still bad becomes a new bad object, which can be replayed in turn. The lane item
never expires: it must outlive the object.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clickstream_layout.archive import REPLAYED
from redrive.objects import read_lines
from redrive.recovery import Repairs, is_replayed, read_repairs
from shared.budget import UNLIMITED
from shared.decode import Decoder
from shared.lanes import Lane
from shared.paths import find
from shared.privacy import Scrubber
from shared.records import BadRow, Batch, Event, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from processor.processor import Processor
    from shared.config import Config

_PSEUDONYM = re.compile("u_[0-9a-f]{24}")
_DIGITS = 24


class ScrubbedAgain(Scrubber):
    """The privacy rules for what they have been applied to: a pseudonym stays what it is."""

    def pseudonym(self, identifier: str) -> str:
        """Return the stand-in of a user id, or the stand-in itself."""
        if _PSEUDONYM.fullmatch(identifier):
            return identifier
        return super().pseudonym(identifier)


@dataclass(frozen=True, slots=True)
class Replayed:
    """Result for the rows of one reason: valid events, and rows that are still bad.

    `earlier` are those that an earlier replay took: what was still bad then is in a newer object.
    """

    key: str
    reason: str
    events: int
    still_bad: int
    earlier: int


class BadObjects:
    """Replays bad objects of one pipeline."""

    def __init__(self, config: Config, *, s3: Any, processor: Processor, hash_key: bytes) -> None:
        """Args: `processor` must keep its lane items without end (`permanent_lanes`)."""
        self._bucket = config.bucket
        self._s3 = s3
        self._processor = processor
        self._scrubber = ScrubbedAgain(config.privacy, config.fields, hash_key)
        self._decoder = Decoder(config, self._scrubber)

    def replay(self, key: str, reason: str | None = None) -> list[Replayed]:
        """Replay a bad object, or its rows of one reason; again is safe.

        Raises:
            ValueError: no bad object, or no row with that reason.
            ClientError: AWS's; the whole call again is safe.
        """
        if not key.startswith("bad/"):
            raise ValueError(f"{key} is no bad object: name a key under bad/")
        groups: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for number, line in enumerate(read_lines(self._s3, self._bucket, key)):
            groups.setdefault(line["reason"], [])
            if is_replayed(line):
                groups[line["reason"]].append((number, line))
        if reason is not None and reason not in groups:
            known = ", ".join(sorted(groups)) or "none: the object is empty"
            raise ValueError(f"{key} has no row with reason {reason}: it has {known}")
        return [
            self._replay(key, name, lines)
            for name, lines in sorted(groups.items())
            if reason in (None, name) and lines
        ]

    def repairs(self, key: str, reason: str | None = None) -> Repairs:
        """Return what the rows of a bad object, or those of one reason, ask for but a replay."""
        lines = read_lines(self._s3, self._bucket, key)
        return read_repairs(line for line in lines if reason in (None, line["reason"]))

    def _replay(self, key: str, reason: str, lines: list[tuple[int, dict[str, Any]]]) -> Replayed:
        batch = self._decode(lines)
        done = self._processor.process_batch(lane_of(key, reason), batch)
        events = sum(row.sequence > done for row in batch.events)
        still_bad = sum(row.sequence > done for row in batch.bad_rows)
        earlier = len(batch.events) + len(batch.bad_rows) - events - still_bad
        return Replayed(key, reason, events, still_bad, earlier)

    def _decode(self, lines: Iterable[tuple[int, dict[str, Any]]]) -> Batch:
        events: list[Event] = []
        bad_rows: list[BadRow] = []
        arrivals: list[int] = []
        last = 0
        for last, line in lines:
            arrivals.append(line["arrival"])
            for row in self._rows(last, line):
                if isinstance(row, Event):
                    events.append(row)
                else:
                    bad_rows.append(row)
        # From line 0: the lane's limits do not depend on where a reason begins.
        return Batch(0, last, arrivals[0], max(arrivals), events, bad_rows)

    def _rows(self, number: int, line: dict[str, Any]) -> Sequence[Event | BadRow]:
        """Return the rows of a line: those of its payload, or the bad row that it is.

        Text is never taken apart into events: it is the rest that was left of a payload when all
        that a member names was hidden in it, the user id of each event as well.
        """
        payload = line["payload"]
        if isinstance(payload, str) or payload is None:
            return [_same(number, line)]
        data = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
        rows = list(self._decoder.decode(Record(number, line["arrival"], data), UNLIMITED))
        if len(rows) == 1 and isinstance(payload, dict) and self._keeps_visitor(line, payload):
            kept, member = bytes.fromhex(line["visitor"]), line.get("visitorMember")
            (row,) = rows
            if isinstance(row, Event):
                return [replace(row, visitor=kept)]
            return [replace(row, visitor=kept, visitor_member=member)]
        return rows

    def _keeps_visitor(self, line: dict[str, Any], payload: dict[str, Any]) -> bool:
        """Return whether a row's visitor is the one that was stored, made of ids before hiding.

        It is not where the fix finds another member, as the payload holds that id as it came; but
        where that one names the same person, it was hidden in both.
        """
        if "visitor" not in line:
            return False
        before, now = line.get("visitorMember"), self._scrubber.visitor_member(payload)
        if before is None or now is None or before == now:
            return True
        held = find(payload, before)
        return held is not None and find(payload, now) == held


def _same(number: int, line: dict[str, Any]) -> BadRow:
    return BadRow(
        sequence=number,
        sub=0,
        arrival_ms=line["arrival"],
        reason=line["reason"],
        detail=line["detail"],
        payload=line["payload"],
    )


def lane_of(key: str, reason: str) -> Lane:
    """Return the lane of one reason in one bad object."""
    digest = hashlib.sha256(f"{key}\n{reason}".encode()).hexdigest()
    return Lane(REPLAYED, digest[:_DIGITS])
