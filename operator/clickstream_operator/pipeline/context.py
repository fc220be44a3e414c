"""Build context: the inputs of a design, and the arguments that its resources share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from clickstream_layout.tables import COUNTER_KEY, PAGE_KEY, SESSION_KEY
from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.engine.resource import DeletionPolicy, ResourceArguments
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.lambda_function import FunctionPackage

#: Name, hash key, range key of each table.
TABLES: Final = (
    (components.PAGE_METRICS, *PAGE_KEY),
    (components.SESSION_METRICS, *SESSION_KEY, None),
    (components.COUNTERS, *COUNTER_KEY),
)


#: Lambda runtime of the functions where the settings name no other.
DEFAULT_RUNTIME: Final = "python3.14"
#: Runtime whose standard library has Zstandard.
ZSTD_RUNTIME: Final = "python3.14"


@dataclass(frozen=True, slots=True)
class BuildContext:
    """Everything on which the resources of a pipeline depend."""

    spec: Spec
    base: str
    """Stem of the physical names: ``<name>-<hash>``."""
    physical: Mapping[str, str]
    """Recorded physical name of each resource, by inventory name."""
    place: AwsLocation
    tags: Mapping[str, str]
    """Tags of every resource; each adds its component."""
    packages: Mapping[str, FunctionPackage]
    calls: Calls
    """AWS calls of this reconcile, which the resources make."""
    account_regional_bucket: bool = False
    function_runtime: str = DEFAULT_RUNTIME
    permissions_boundary: str | None = None
    """ARN of a policy that bounds the roles."""
    subscribed: frozenset[str] = field(default_factory=frozenset)
    """Inventory names of the subscriptions on record."""
    subscriptions: Mapping[str, str] = field(default_factory=dict)
    """ARNs of the subscriptions on record, by inventory name."""
    adopted: frozenset[str] = field(default_factory=frozenset)
    """Inventory names of adopted resources."""
    history: StreamHistory | None = None
    """Resizes and switches of mode that were requested of the stream."""
    obsolete_tags: frozenset[str] = field(default_factory=frozenset)
    """Keys of tags that the spec had and no longer has."""
    known: frozenset[str] = field(default_factory=frozenset)
    """All names of the inventory."""
    for_deletion: bool = False
    """Whether the resources are built to be deleted."""
    created_at: datetime | None = None
    """Creation of the pipeline."""
    may_use_topic: Callable[[str], bool] = lambda _arn: False
    """Whether the namespace may use a topic that is not the pipeline's own."""
    may_tag_roles: Callable[[str], bool] = lambda _key: False
    """Whether a tag of the spec goes on IAM roles, too."""
    queue_url: str = ""
    """Recorded URL of the dead-letter queue."""

    def common(
        self,
        name: str,
        *needs: str,
        physical: str | None = None,
        deletion: str = "Delete",
        gates_ready: bool = True,
        given: frozenset[str] = frozenset(),
    ) -> ResourceArguments:
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
            "given": given,
        }

    def role(self, name: str) -> ResourceArguments:
        """Arguments of an IAM role.

        Its tags are those of its sessions, by which others may give rights, so it carries the
        owner's alone and those of the spec that the setting allows.
        """
        arguments = self.common(name)
        tags = {
            key: value
            for key, value in (arguments["tags"] or {}).items()
            if key.startswith(ownership.PREFIX) or self.may_tag_roles(key)
        }
        return {**arguments, "tags": tags}

    def own_topic_arn(self) -> str:
        """ARN of the topic that the pipeline has, or would have."""
        return self.place.topic(self.physical[components.ALERTS])

    def topic_arn(self) -> str:
        """ARN of the topic for alerts; empty without alerts."""
        alerts = self.spec.alerts
        if not alerts.enabled:
            return ""
        return alerts.topic_arn or self.own_topic_arn()

    def customer_keys(self, **keys: str | None) -> Mapping[str, str]:
        """Customer managed keys among `keys`, by service; others need no permission."""
        found = {service: key for service, key in keys.items() if key}
        return {service: key for service, key in found.items() if not key.startswith("alias/aws/")}
