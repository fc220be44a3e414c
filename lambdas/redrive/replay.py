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

from redrive.objects import read_lines
from redrive.recovery import Repairs, is_replayed, read_repairs
from shared.budget import UNLIMITED
from shared.decode import Decoder
from shared.lanes import Lane
from shared.privacy import Scrubber
from shared.records import Batch, Event, Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processor.processor import Processor
    from shared.config import Config
    from shared.records import BadRow

EPOCH = "redrive"
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
    """Result for the rows of one reason: valid events, and rows that are still bad."""

    key: str
    reason: str
    events: int
    still_bad: int


class BadObjects:
    """Replays bad objects of one pipeline."""

    def __init__(self, config: Config, *, s3: Any, processor: Processor, hash_key: bytes) -> None:
        """Args: `processor` must keep its lane items without end (`permanent_lanes`)."""
        self._bucket = config.bucket
        self._s3 = s3
        self._processor = processor
        self._decoder = Decoder(config, ScrubbedAgain(config.privacy, config.fields, hash_key))

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
        self._processor.process_batch(lane_of(key, reason), batch)
        return Replayed(key, reason, len(batch.events), len(batch.bad_rows))

    def _decode(self, lines: Iterable[tuple[int, dict[str, Any]]]) -> Batch:
        events: list[Event] = []
        bad_rows: list[BadRow] = []
        arrivals: list[int] = []
        last = 0
        for last, line in lines:
            arrivals.append(line["arrival"])
            record = Record(last, line["arrival"], payload_bytes(line["payload"]))
            visitor = bytes.fromhex(line.get("visitor", "")) or None
            for row in self._decoder.decode(record, UNLIMITED):
                if isinstance(row, Event):
                    events.append(replace(row, visitor=visitor or row.visitor))
                else:
                    bad_rows.append(replace(row, visitor=visitor or row.visitor))
        # From line 0: the lane's limits do not depend on where a reason begins.
        return Batch(0, last, arrivals[0], max(arrivals), events, bad_rows)


def lane_of(key: str, reason: str) -> Lane:
    """Return the lane of one reason in one bad object."""
    digest = hashlib.sha256(f"{key}\n{reason}".encode()).hexdigest()
    return Lane(EPOCH, digest[:_DIGITS])


def payload_bytes(payload: Any) -> bytes:
    """Return a payload as the record that it stands for: text as it is, all else as JSON."""
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return text.encode("utf-8", "replace")
