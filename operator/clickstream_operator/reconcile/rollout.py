"""Limit on the pipelines that get new function code at the same time.

A new version of the operator brings new functions for every pipeline. They go out to a few
pipelines at once; the others wait as they are, so that a bad version is seen before it is
everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clickstream_operator.api import conditions as types
from clickstream_operator.kube.objects import ObjectKey, PipelineObject

#: Seconds until a pipeline that waits for its turn asks again.
ASK_AGAIN: Final = 5.0


class Rollout:
    """Turns for new function code, at most `most` at once.

    A turn ends when the pipeline is ready with the new code, stalled or suspended: one that hangs
    for good must not stop the others for good.

    Turns are kept in memory. After a restart a pipeline that has the code already and is not ready
    when it is first met keeps its turn; it is met before those that wait, which are settled.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._going: set[ObjectKey] = set()
        self._met: set[ObjectKey] = set()

    def may_go(self, obj: PipelineObject, shipped: Mapping[str, str]) -> bool:
        """Whether a reconcile may bring the packages `shipped` (content hash by function).

        Asked after `release`, which each reconcile calls first, however far it comes.
        """
        is_first = obj.key not in self._met
        self._met.add(obj.key)
        recorded = obj.status.effective
        if recorded is None or not recorded.packages or obj.spec.suspend:
            return True
        key = obj.key
        if recorded.packages == dict(shipped):
            if _is(types.READY, obj):
                self._going.discard(key)
            elif is_first and not _is(types.STALLED, obj):
                self._going.add(key)
            return True
        if key not in self._going and len(self._going) >= self._most:
            return False
        self._going.add(key)
        return True

    def release(self, obj: PipelineObject) -> None:
        """End the turn of one that can't go on: stalled, before or in its update, or suspended."""
        if obj.spec.suspend or _is(types.STALLED, obj):
            self._going.discard(obj.key)

    def forget(self, key: ObjectKey) -> None:
        """The pipeline is gone, or is being deleted."""
        self._going.discard(key)
        self._met.discard(key)


def _is(kind: str, obj: PipelineObject) -> bool:
    return any(one.type == kind and one.status == "True" for one in obj.status.conditions)
