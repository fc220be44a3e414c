"""Specs that several tests start from."""

from __future__ import annotations

from typing import Any, Final

#: A whole pipeline without what only watches it: eleven resources.
LEAN: Final[dict[str, Any]] = {
    "anomalyDetection": {"enabled": False},
    "dashboard": {"enabled": False},
    "alarms": {"enabled": False},
}
#: Nothing is left when the pipeline is deleted.
NOTHING_STAYS: Final[dict[str, Any]] = {
    "deletionPolicy": {"archive": "Delete", "tables": "Delete"},
    "tables": {"deletionProtection": False},
}
