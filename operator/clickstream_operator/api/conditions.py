"""Conditions: a list keyed by type whose transition times change only when the status does."""

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

# kstatus reads conditions in list order and believes the first that decides.
_ORDER: Final = (
    READY,
    RECONCILING,
    STALLED,
    CREDENTIALS_VALID,
    DRIFT_DETECTED,
    SUSPENDED,
    ANOTHER_OPERATOR,
    OUTPUTS_PUBLISHED,
)

Truth = Literal["True", "False", "Unknown"]


class ConditionSet:
    """The conditions of one object while a pass decides them.

    `now` is an RFC 3339 time; `generation` is the spec's.
    """

    def __init__(self, previous: Iterable[Condition], *, generation: int, now: str) -> None:
        self._before = {condition.type: condition for condition in previous}
        self._conditions = dict(self._before)
        self._generation = generation
        self._now = now

    def set(self, kind: str, status: Truth, reason: Reason, message: str = "") -> None:
        """Set one condition; the transition time moves only when the object's status does."""
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
        """Remove one condition. Reconciling and Stalled exist only while they are True."""
        self._conditions.pop(kind, None)

    def get(self, kind: str) -> Condition | None:
        """One condition, if it is set."""
        return self._conditions.get(kind)

    def reconciling(self, reason: Reason, message: str) -> None:
        """AWS does not match the spec yet, and the operator is on it."""
        self.set(RECONCILING, "True", reason, message)
        self.remove(STALLED)

    def stalled(self, reason: Reason, message: str) -> None:
        """The operator can't go on without a person."""
        self.set(STALLED, "True", reason, message)
        self.remove(RECONCILING)

    def settled(self) -> None:
        """Neither at work nor stuck."""
        self.remove(RECONCILING)
        self.remove(STALLED)

    def as_list(self) -> list[Condition]:
        """All conditions in a fixed order."""
        known = [self._conditions[kind] for kind in _ORDER if kind in self._conditions]
        others = [c for kind, c in sorted(self._conditions.items()) if kind not in _ORDER]
        return known + others


def by_type(conditions: Iterable[Condition]) -> Mapping[str, Condition]:
    """Conditions keyed by type."""
    return {condition.type: condition for condition in conditions}
