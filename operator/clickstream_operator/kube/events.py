"""Event, as a value that `event_recorder` posts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clickstream_operator.api.reasons import Reason


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes Event about a pipeline."""

    kind: Literal["Normal", "Warning"]
    """Type of the Event: Warning if a person must act."""
    reason: Reason
    note: str
    """Message; the API server takes 1,024 characters."""
    action: str
    """Verb for the change, such as Created."""
