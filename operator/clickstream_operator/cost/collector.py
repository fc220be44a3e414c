"""Traffic and work of the collector. Pure."""

from __future__ import annotations

from typing import Final

from clickstream_operator.cost.traffic import Traffic

#: Events taken, unwanted, refused, turned away.
METRICS: Final = 4
#: CPU of a request of ten events, client included, on one x86 vCPU.
CPU_SECONDS: Final = 0.0011
#: Time that a request waits for PutRecords.
WAIT_SECONDS: Final = 0.01
#: Events in a request, as pages and servers gather them: an assumption.
_EVENTS_PER_REQUEST: Final = 10


def requests(traffic: Traffic) -> float:
    """Requests a month, where every event comes through the collector."""
    return traffic.events / _EVENTS_PER_REQUEST
