"""Grants of one namespace: whether a value of a spec is allowed, and how a refusal reads. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clickstream_operator.api.spec import Spec
from clickstream_operator.tenants.model import Ceilings, Tenant, Tenants, matches

#: A topic of any pipeline has a derived name. No pattern opens it: it must be listed in full.
_DERIVED_TOPIC: Final = re.compile(r".+-[a-z2-7]{8}-alerts")
_AWS_MANAGED_KEY: Final = "alias/aws/"
_WHO: Final = "the operator's administrator sets it"
_NOTHING: Final = Tenant(namespaces=("-",), own_credential=False, email_domains=(), regions=())


@dataclass(frozen=True, slots=True)
class Grants:
    """Grants of one namespace."""

    namespace: str
    tenant: Tenant | None
    """None: the namespace is no tenant, and nothing is allowed."""

    @classmethod
    def of(cls, tenants: Tenants, namespace: str) -> Grants:
        """Grants of a namespace by the setting."""
        return cls(namespace, tenants.of(namespace))

    @property
    def _granted(self) -> Tenant:
        return self.tenant or _NOTHING

    def may_adopt(self, name: str) -> bool:
        """Whether a resource of this name without owner tags may be adopted."""
        return matches(name, self._granted.adopt)

    def may_tag_roles(self, key: str) -> bool:
        """Whether a tag of a spec goes on the roles that the operator makes."""
        return matches(key, self._granted.role_tags)

    def not_a_tenant(self) -> str:
        """Why the namespace may have no pipelines; empty when it may."""
        if self.tenant is not None:
            return ""
        return (
            f"namespace {self.namespace} is in no entry of the operator's setting tenants; "
            f"{_WHO}: add the namespace to an entry's namespaces"
        )

    def refused_own_credential(self) -> str:
        """Why a pipeline must name a role; empty when it need not."""
        if self._granted.own_credential:
            return ""
        return (
            f"pipelines of namespace {self.namespace} may not use the operator's own credential; "
            "set spec.credentials.roleArn to one of tenants[].operatorRoles, or have "
            f"tenants[].ownCredential set to true for the namespace ({_WHO})"
        )

    def refused_operator_role(self, spec: Spec) -> str:
        """Why the role of spec.credentials is refused."""
        given = {"spec.credentials.roleArn": spec.credentials.role_arn} if spec.credentials else {}
        return self._refused(given, "operatorRoles", self._granted.operator_roles)

    def refused_function_role(self, spec: Spec) -> str:
        """Why a role for functions or schedule is refused."""
        detection = spec.anomaly_detection
        given = {
            "spec.processor.roleArn": spec.processor.role_arn,
            "spec.anomalyDetection.roleArn": detection.role_arn,
            "spec.anomalyDetection.schedulerRoleArn": detection.scheduler_role_arn,
        }
        return self._refused(given, "functionRoles", self._granted.function_roles)

    def refused_topic(self, spec: Spec) -> str:
        """Why the topic of the alerts is refused."""
        topic = spec.alerts.topic_arn
        if topic is None or self.allows_topic(topic):
            return ""
        return self._refused({"spec.alerts.topicArn": topic}, "topics", ())

    def allows_topic(self, arn: str) -> bool:
        """Whether subscriptions on a topic that is not the pipeline's own may be changed."""
        patterns = self._granted.topics
        if _DERIVED_TOPIC.fullmatch(arn.rpartition(":")[2]):
            return arn in patterns
        return matches(arn, patterns)

    def refused_alarm_action(self, spec: Spec) -> str:
        """Why an action of the alarms is refused."""
        given = {f"spec.alarms.actionArns[{n}]": a for n, a in enumerate(spec.alarms.action_arns)}
        return self._refused(given, "alarmActions", self._granted.alarm_actions)

    def refused_key(self, spec: Spec) -> str:
        """Why a KMS key is refused."""
        given = {
            path: key
            for path, key in _keys(spec).items()
            if key is not None and not key.startswith(_AWS_MANAGED_KEY)
        }
        return self._refused(given, "kmsKeys", self._granted.kms_keys)

    def refused_secret(self, spec: Spec) -> str:
        """Why a secret of the collector is refused."""
        given = {
            "spec.collector.tokensSecretArn": spec.collector.tokens_secret_arn,
            "spec.collector.originSecretArn": spec.collector.origin_secret_arn,
        }
        return self._refused(given, "secrets", self._granted.secrets)

    def refused_mail_domain(self, spec: Spec) -> str:
        """Why an address of the alerts is refused. The message has the domain alone."""
        given = {
            f"spec.alerts.emails[{number}]": address.rpartition("@")[2].lower()
            for number, address in enumerate(spec.alerts.emails)
        }
        return self._refused(given, "emailDomains", self._granted.email_domains)

    def refused_region(self, region: str) -> str:
        """Why the region is refused."""
        return self._refused({"spec.region": region}, "regions", self._granted.regions)

    def above_a_ceiling(self, spec: Spec) -> str:
        """Which size is above its ceiling; empty for none."""
        limits, stream = self._granted.limits, spec.stream
        if stream.mode == "OnDemand" and not limits.on_demand_streams:
            return (
                "spec.stream.mode OnDemand is not allowed by tenants[].limits.onDemandStreams for "
                f"namespace {self.namespace} ({_WHO}); use Provisioned"
            )
        for path, value, ceiling in _sizes(spec):
            most: int | None = getattr(limits, ceiling)
            if most is not None and value > most:
                name = Ceilings.model_fields[ceiling].alias
                return (
                    f"{path} {value} is above the {most} of tenants[].limits.{name} for "
                    f"namespace {self.namespace} ({_WHO}); set it lower"
                )
        return ""

    @property
    def counts_pipelines(self) -> bool:
        """Whether the number of pipelines has a ceiling."""
        return self._granted.limits.pipelines is not None

    def too_many(self, older: int) -> str:
        """Why a new pipeline is one too many, after `older` others of its namespace."""
        most = self._granted.limits.pipelines
        if most is None or older < most:
            return ""
        return (
            f"namespace {self.namespace} has {older} older pipelines, and "
            f"tenants[].limits.pipelines allows {most} ({_WHO}); delete one, or have it raised"
        )

    def _refused(
        self, given: Mapping[str, str | None], setting: str, patterns: tuple[str, ...]
    ) -> str:
        for path, value in given.items():
            if value is not None and not matches(value, patterns):
                return (
                    f"{path} {value} is not allowed in namespace {self.namespace}; list it in "
                    f"tenants[].{setting} for this namespace ({_WHO}), or use another"
                )
        return ""


def _sizes(spec: Spec) -> Iterator[tuple[str, int, str]]:
    """Path and value of each size that the spec asks for, with the attribute of its ceiling."""
    stream, units = spec.stream, spec.tables.provisioned
    if stream.mode == "Provisioned":
        yield "spec.stream.shards", stream.shards, "shards"
    if stream.autoscaling is not None:
        yield "spec.stream.autoscaling.maxShards", stream.autoscaling.max_shards, "shards"
    if units is not None:
        yield "spec.tables.provisioned.readUnits", units.read_units, "table_units"
        yield "spec.tables.provisioned.writeUnits", units.write_units, "table_units"
        yield "spec.tables.provisioned.maxReadUnits", units.max_read_units or 0, "table_units"
        yield "spec.tables.provisioned.maxWriteUnits", units.max_write_units or 0, "table_units"
    processor, detector, collector = spec.processor, spec.anomaly_detection, spec.collector
    # What is off reserves nothing, and its concurrency has a default.
    collecting = collector.reserved_concurrency if collector.enabled else None
    for path, memory, reserved in (
        ("spec.processor", processor.memory_mib, processor.reserved_concurrency),
        ("spec.anomalyDetection", detector.memory_mib, detector.reserved_concurrency),
        ("spec.collector", collector.memory_mib if collector.enabled else 0, collecting),
    ):
        yield f"{path}.memoryMiB", memory, "memory_mib"
        if reserved is not None:
            yield f"{path}.reservedConcurrency", reserved, "reserved_concurrency"


def _keys(spec: Spec) -> Mapping[str, str | None]:
    return {
        "spec.stream.kmsKeyId": spec.stream.kms_key_id,
        "spec.tables.kmsKeyId": spec.tables.kms_key_id,
        "spec.archive.kmsKeyId": spec.archive.kms_key_id,
        "spec.deadLetter.kmsKeyId": spec.dead_letter.kms_key_id,
        "spec.alerts.kmsKeyId": spec.alerts.kms_key_id,
        "spec.logs.kmsKeyId": spec.logs.kms_key_id,
    }
