"""What decides a pipeline's resources, and what they have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypedDict

from clickstream_layout.tables import COUNTER_KEY, PAGE_KEY, SESSION_KEY
from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.engine.resource import DeletionPolicy
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.lambda_function import FunctionPackage

#: Name, hash key, range key of each table.
TABLES: Final = (
    (components.PAGE_METRICS, *PAGE_KEY),
    (components.SESSION_METRICS, *SESSION_KEY, None),
    (components.COUNTERS, *COUNTER_KEY),
)


class Common(TypedDict):
    """Arguments that every resource takes."""

    name: str
    physical_name: str
    depends_on: frozenset[str]
    tags: Mapping[str, str]
    obsolete_tags: frozenset[str]
    deletion: DeletionPolicy
    gates_ready: bool


@dataclass(frozen=True, slots=True)
class BuildContext:
    """Everything that decides what a pipeline's resources are.

    `physical` is the recorded name of each resource; `subscribed` are the inventory names of
    subscriptions that an earlier pass made, `subscriptions` their ARNs by that name, `adopted`
    those of resources that were taken over. `created_at`: when the pipeline was.
    `known`: all names of the inventory.
    `history`: what was asked of AWS about the stream. `leaving`: the resources are built to be
    removed. `obsolete_tags`: keys of tags that the spec had and has no longer. `queue_url`: of the
    dead-letter queue, as it was last seen.
    """

    spec: Spec
    base: str
    physical: Mapping[str, str]
    place: AwsLocation
    tags: Mapping[str, str]
    packages: Mapping[str, FunctionPackage]
    calls: Calls
    account_regional_bucket: bool = False
    permissions_boundary: str | None = None
    subscribed: frozenset[str] = field(default_factory=frozenset)
    subscriptions: Mapping[str, str] = field(default_factory=dict)
    adopted: frozenset[str] = field(default_factory=frozenset)
    history: StreamHistory | None = None
    obsolete_tags: frozenset[str] = field(default_factory=frozenset)
    known: frozenset[str] = field(default_factory=frozenset)
    leaving: bool = False
    created_at: datetime | None = None
    queue_url: str = ""

    def common(
        self,
        name: str,
        *needs: str,
        physical: str | None = None,
        deletion: str = "Delete",
        gates_ready: bool = True,
    ) -> Common:
        """Arguments of one resource; `needs` are the inventory names that it depends on."""
        if name in self.adopted and self.spec.deletion_policy.adopted == "Retain":
            deletion = "Retain"
        tags = {**self.tags, ownership.COMPONENT: name}
        if name in self.adopted:
            tags[ownership.ORIGIN] = ownership.ADOPTED
        return {
            "name": name,
            "physical_name": physical or self.physical[name],
            "depends_on": frozenset(needs),
            "tags": tags,
            "obsolete_tags": self.obsolete_tags,
            "deletion": DeletionPolicy(deletion),
            "gates_ready": gates_ready,
        }

    def topic_arn(self) -> str:
        """Topic of the alerts; empty while they are off."""
        alerts = self.spec.alerts
        if not alerts.enabled:
            return ""
        return alerts.topic_arn or self.place.topic(self.physical[components.ALERTS])

    def customer_keys(self, *keys: str | None) -> tuple[str, ...]:
        """The customer's keys among `keys`, as ARNs; AWS managed keys need no permission."""
        found = {key for key in keys if key and not key.startswith("alias/aws/")}
        return tuple(sorted(self.place.kms_key(key) for key in found))
