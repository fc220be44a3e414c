"""Times of the last full comparison with AWS in the status, and when they are refreshed. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from clickstream_operator.api.v1alpha1 import Status

#: Age at which the shown time is refreshed although nothing else changed in the status.
SHORTEST_AGE: Final = timedelta(hours=4)
LONGEST_AGE: Final = timedelta(hours=6)


def oldest(verified: Mapping[str, str]) -> str:
    """The oldest of the times, empty where a resource has none: it was never compared in full.

    Times are RFC 3339 in UTC with seconds, whose order is that of their text.
    """
    return min(verified.values(), default="")


def with_verified(status: Status, verified: Mapping[str, str]) -> Status:
    """The status with these times by resource; it keeps the oldest while one was never compared."""
    return status.model_copy(
        update={
            "last_verified": oldest(verified) or status.last_verified,
            "resources": [
                one.model_copy(
                    update={"last_verified": verified.get(one.name) or one.last_verified}
                )
                for one in status.resources
            ],
        }
    )


def refresh_due(shown: str, *, uid: str) -> datetime:
    """When the time that a status shows is old enough to be refreshed by a write of its own.

    Spread by the pipeline and the time itself, so that pipelines that were made together, or that
    a restart found together, do not write together, and a restart changes nothing.
    """
    digest = hashlib.sha256(f"{uid} {shown}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    age = SHORTEST_AGE + share * (LONGEST_AGE - SHORTEST_AGE)
    return datetime.fromisoformat(shown) + age
