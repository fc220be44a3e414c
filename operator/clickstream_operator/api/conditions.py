"""Conditions of a status, with transition times that change only with the status. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.status import Condition

READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"
DRIFT_DETECTED: Final = "DriftDetected"
CREDENTIALS_VALID: Final = "CredentialsValid"
SUSPENDED: Final = "Suspended"
ANOTHER_OPERATOR: Final = "AnotherOperator"
OUTPUTS_PUBLISHED: Final = "OutputsPublished"
NUMBERS_BALANCED: Final = "NumbersBalanced"
EVENTS_MAPPED: Final = "EventsMapped"

# Order in the list: kstatus takes the first condition that decides.
_ORDER: Final = (
    READY,
    RECONCILING,
    STALLED,
    CREDENTIALS_VALID,
    DRIFT_DETECTED,
    SUSPENDED,
    ANOTHER_OPERATOR,
    OUTPUTS_PUBLISHED,
    NUMBERS_BALANCED,
    EVENTS_MAPPED,
)

Truth = Literal["True", "False", "Unknown"]


class ConditionSet:
    """Conditions of one object while a reconcile sets them.

    Args:
        previous: conditions of the last status.
        generation: generation of the spec that they speak about.
        now: RFC 3339 time for transitions.
    """

    def __init__(self, previous: Iterable[Condition], *, generation: int, now: str) -> None:
        self._before = {condition.type: condition for condition in previous}
        self._conditions = dict(self._before)
        self._generation = generation
        self._now = now

    def set(self, kind: str, status: Truth, reason: Reason, message: str = "") -> None:
        """Set a condition; its transition time changes only if its status does."""
        before = self._before.get(kind)
        same = before is not None and before.status == status
        self._conditions[kind] = Condition(
            type=kind,
            status=status,
            reason=reason.value,
            message=message,
            last_transition_time=before.last_transition_time if before and same else self._now,
            observed_generation=self._generation,
        )

    def remove(self, kind: str) -> None:
        """Remove a condition. Reconciling and Stalled exist only while they are True."""
        self._conditions.pop(kind, None)

    def get(self, kind: str) -> Condition | None:
        """The condition of a type; None if it is not set."""
        return self._conditions.get(kind)

    def reconciling(self, reason: Reason, message: str) -> None:
        """Set Reconciling: the operator is at work."""
        self.set(RECONCILING, "True", reason, message)
        self.remove(STALLED)

    def stalled(self, reason: Reason, message: str) -> None:
        """Set Stalled: a person must act."""
        self.set(STALLED, "True", reason, message)
        self.remove(RECONCILING)

    def settled(self) -> None:
        """Remove Reconciling and Stalled: AWS is as the spec says."""
        self.remove(RECONCILING)
        self.remove(STALLED)

    def as_list(self) -> list[Condition]:
        """All conditions in a fixed order."""
        known = [self._conditions[kind] for kind in _ORDER if kind in self._conditions]
        others = [c for kind, c in sorted(self._conditions.items()) if kind not in _ORDER]
        return known + others


def by_type(conditions: Iterable[Condition]) -> Mapping[str, Condition]:
    """Conditions by type."""
    return {condition.type: condition for condition in conditions}
