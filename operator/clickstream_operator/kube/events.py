"""An Event, as a value. Pure: `event_recorder` posts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clickstream_operator.api.reasons import Reason


@dataclass(frozen=True, slots=True)
class Event:
    """What an Event says. Type Warning is for what a person must act on."""

    kind: Literal["Normal", "Warning"]
    reason: Reason
    note: str
    action: str
