"""Bounds of what the collector takes. Fixed: whoever sends more sends several requests."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024

PAGE_BODY_BYTES: Final = 64 * KIB
"""Most bytes of a page's request: browsers keep as many for a page that is being closed (Fetch
Standard, "keepalive")."""
PAGE_EVENTS: Final = 100
PAGE_DATA_BYTES: Final = 16 * KIB
"""Most bytes of an own event's data."""
SERVER_BODY_BYTES: Final = 4 * KIB * KIB
"""Most bytes of a server's request. Lambda itself refuses one over 6 MB ("Lambda quotas"), with the
fourth that Base64 adds."""
SERVER_EVENTS: Final = 500
EVENT_BYTES: Final = 256 * KIB
"""Most bytes of any event as it lies in the stream."""
RECORD_BYTES: Final = 768 * KIB
"""Most bytes of a record: below Kinesis's 1 MiB with its key ("PutRecordsRequestEntry")."""
QUERY_CHARACTERS: Final = 4 * KIB
URL_CHARACTERS: Final = 2 * KIB
USER_CHARACTERS: Final = 256
AGENT_CHARACTERS: Final = 1 * KIB
"""Characters of a header that are kept."""

EVENTS_PER_SECOND: Final = 200.0
"""Events a second that a container takes in the long run; ten requests of twenty."""
EVENTS_AT_ONCE: Final = 2_000.0
BYTES_PER_SECOND: Final = 256.0 * KIB
BYTES_AT_ONCE: Final = 8.0 * KIB * KIB
