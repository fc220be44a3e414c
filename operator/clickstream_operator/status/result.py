"""What a pass found, for the status."""

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
class Problem:
    """What keeps a whole pass from happening: a credential, an account, a field.

    `since` is the RFC 3339 time at which it began, empty for now.
    """

    reason: Reason
    message: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass found, for the status.

    `entries` is the inventory afterwards, in order; `gating` the names that Ready depends on;
    `unvisited` the names that a pass that still runs has not come to.
    `monthly_cost`: dollars at the stated traffic, empty: as before.
    `failed_looks`: resyncs in a row in which a ready pipeline could not be looked at. `resizes` and
    `mode_switches` None: as before. `publication` None: as before.
    """

    generation: int
    entries: Sequence[Entry]
    gating: frozenset[str]
    effective: Effective | None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    credentials_are_bad: bool = False
    credentials_message: str = ""
    failed_looks: int = 0
    suspended: bool = False
    deleting: bool = False
    pending_fields: Sequence[str] = ()
    handled_request: str = ""
    problem: Problem | None = None
    plan: Plan | None = None
    unvisited: frozenset[str] = frozenset()
    resizes: Sequence[Resize] | None = None
    mode_switches: Sequence[ModeSwitch] | None = None
    monthly_cost: str = ""
    publication: Publication | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """How the ConfigMap of the outputs stands; `truth` None: the operator writes none."""

    truth: types.Truth | None
    reason: Reason = Reason.OUTPUTS_PUBLISHED
    message: str = ""


def timestamp(moment: datetime) -> str:
    """RFC 3339 with seconds, as Kubernetes writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
