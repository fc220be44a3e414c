"""Result of one reconcile: inventory, outputs, plan and blockers, for the status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from clickstream_operator.api import conditions as types
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.status import ModeSwitch, Resize
from clickstream_operator.api.v1alpha1 import Effective, Plan
from clickstream_operator.engine.inventory import Entry


@dataclass(frozen=True, slots=True)
class Blocker:
    """Reason why no reconcile can happen: a credential, an account, a field."""

    reason: Reason
    message: str
    since: str = ""
    """RFC 3339 time at which it began; empty: now."""


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """Result of one reconcile, from which the status is composed."""

    generation: int
    entries: Sequence[Entry]
    """The inventory afterwards, in order."""
    gating: frozenset[str]
    """Names of the resources that Ready depends on."""
    effective: Effective | None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    credentials_are_bad: bool = False
    credentials_message: str = ""
    failed_observations: int = 0
    """Resyncs in a row in which a ready pipeline could not be observed."""
    suspended: bool = False
    deleting: bool = False
    handled_request: str = ""
    blocker: Blocker | None = None
    plan: Plan | None = None
    pending: frozenset[str] = frozenset()
    """Names that a reconcile still under way has not reached."""
    resizes: Sequence[Resize] | None = None
    """None: as before."""
    mode_switches: Sequence[ModeSwitch] | None = None
    """None: as before."""
    monthly_cost: str = ""
    """Dollars at the stated traffic; empty: as before."""
    publication: Publication | None = None
    """None: as before."""
    balance: Reading | None = None
    """None: as before."""
    mapping: Reading | None = None
    """None: as before."""
    verified: Mapping[str, str] = field(default_factory=dict)
    """RFC 3339 times at which the wanted resources were last compared with AWS in full, empty for
    one that never was."""
    first_verified: str = ""
    """RFC 3339 time of the first such comparison of this process."""


@dataclass(frozen=True, slots=True)
class Publication:
    """State of the ConfigMap of the outputs; `truth` None: the operator writes none."""

    truth: types.Truth | None
    reason: Reason = Reason.OUTPUTS_PUBLISHED
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """State of a condition that metrics of the functions tell."""

    truth: types.Truth
    reason: Reason
    message: str


def timestamp(moment: datetime) -> str:
    """RFC 3339 with seconds, as Kubernetes writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
