"""Status after a reconcile that ended in an unexpected error, or could not read the object. Pure.

It works on the stored document: nothing that this version can't read, or that led to the error, is
touched. Only the conditions change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from clickstream_operator.api import conditions as types
from clickstream_operator.api.conditions import ConditionSet
from clickstream_operator.api.v1alpha1 import Condition
from clickstream_operator.status.progress_deadline import stalls
from clickstream_operator.status.result import Blocker, timestamp


def with_failure(
    status: Mapping[str, Any], blocker: Blocker, *, generation: int, now: datetime
) -> dict[str, Any]:
    """The stored status with the blocker in its conditions, and nothing else changed."""
    known = [one for one in map(_readable, status.get("conditions") or ()) if one is not None]
    conditions = ConditionSet(known, generation=generation, now=timestamp(now))
    before = conditions.get(types.READY)
    goes_on = before is not None and before.reason == blocker.reason
    since = before.last_transition_time if before is not None and goes_on else timestamp(now)
    conditions.set(types.READY, "False", blocker.reason, blocker.message)
    if stalls(replace(blocker, since=since), now=now):
        conditions.stalled(blocker.reason, blocker.message)
    else:
        conditions.reconciling(blocker.reason, blocker.message)
    as_bodies = [one.model_dump(mode="json", by_alias=True) for one in conditions.as_list()]
    return {**status, "observedGeneration": generation, "conditions": as_bodies}


def _readable(condition: Any) -> Condition | None:
    try:
        return Condition.model_validate(condition)
    except ValidationError:
        return None
