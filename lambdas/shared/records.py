"""Events and bad rows of a Kinesis record, both free of the data that privacy forbids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickstream_layout.tables import AgentClass

NOT_JSON = "not_json"
NOT_AN_OBJECT = "not_an_object"
MISSING_FIELD = "missing_field"
BAD_TIMESTAMP = "bad_timestamp"
OUT_OF_RANGE = "timestamp_out_of_range"
TOO_LARGE = "too_large"
BAD_KEY = "bad_key"
QUARANTINED = "quarantined"
REFUSED_ITEM = "refused_item"


@dataclass(frozen=True, slots=True)
class Record:
    """One Kinesis record: the unit of ordering. Times are UTC milliseconds."""

    sequence: int
    arrival_ms: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One valid event after the privacy rules; `document` is what the archive keeps.

    `page` is the page's key; `is_page_view` says whether it counts there; `visitor` is an 8-byte
    keyed hash; `id` is the producer's, by which a reader tells its repeats. `channel` is that of a
    page view that came from elsewhere; see `shared.channels`. One that is `repeated` is archived
    and counts nowhere.
    """

    sequence: int
    sub: int
    arrival_ms: int
    time_ms: int
    type: str
    session: str
    page: str | None
    user_agent: str | None
    visitor: bytes
    document: dict[str, Any]
    is_page_view: bool
    id: str | None = None
    agent_class: AgentClass = "Human"
    channel: str | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be used. `reason` is one of a small fixed set, `payload` is scrubbed.

    `visitor` as in `Event`, of a payload that is an object: made before the user id was hidden,
    from the member `visitor_member`. None where no member names anybody.
    """

    sequence: int
    sub: int
    arrival_ms: int
    reason: str
    detail: str
    payload: Any
    visitor: bytes | None = None
    visitor_member: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """All rows of one lane in one invocation, in lane order; first and last are inclusive.

    `arrivals`: sequence number and arrival in ms of each of its records, rows or none.
    """

    first: int
    last: int
    first_arrival_ms: int
    last_arrival_ms: int
    events: Sequence[Event]
    bad_rows: Sequence[BadRow]
    arrivals: Sequence[tuple[int, int]] = ()
