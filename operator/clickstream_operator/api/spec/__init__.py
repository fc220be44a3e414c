"""Spec of a `ClickstreamPipeline`.

Docstrings of fields are the descriptions in the CRD, which ``kubectl explain`` prints: meaning, unit,
default, effect of a change, limit of AWS, and an example. Bounds and CEL rules stand with the fields,
so that the API server refuses every bad value.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from clickstream_operator.api import collector_validation as collector_rules
from clickstream_operator.api import detection_validation as detection_rules
from clickstream_operator.api import events_validation as event_rules
from clickstream_operator.api import validation as rules
from clickstream_operator.api.model import Model
from clickstream_operator.api.spec.collector import Collector
from clickstream_operator.api.spec.detection import AnomalyDetection, DetectionRule
from clickstream_operator.api.spec.events import BusinessMetric, Events, Privacy
from clickstream_operator.api.spec.fields import Environment, Region, map_list, validations
from clickstream_operator.api.spec.monitoring import Alarms, Alerts, Dashboard
from clickstream_operator.api.spec.policies import Credentials, DeletionPolicies, Names
from clickstream_operator.api.spec.processing import DeadLetter, Logs, Processor
from clickstream_operator.api.spec.storage import Archive, Tables
from clickstream_operator.api.spec.stream import Autoscaling, Stream


class Spec(Model):
    """One clickstream analytics pipeline on AWS. An empty spec is a complete, valid pipeline."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            *rules.SPEC,
            event_rules.SESSION_OF_USERS,
            event_rules.DROPPED_FIELDS,
            detection_rules.IP_PREFIX,
            detection_rules.DROPPED,
            collector_rules.VISITOR,
        )
    )

    region: Region | None = None
    """AWS region of everything. Default: the operator's region; fixed at creation. Example: eu-west-1."""
    credentials: Credentials | None = None
    """Role to assume. Default: the operator's own credential; the account is fixed. Example: {roleArn: arn:aws:iam::123456789012:role/clickstream}."""
    environment: Environment = "dev"
    """Environment, as tag and in the dashboard's title. Default dev, free to change. Example: prod."""
    suspend: bool = False
    """Whether the operator only reads: drift is reported, nothing is written. It can still be deleted. Default false, free to change. Example: true."""
    resync_interval_seconds: int = Field(default=300, ge=30, le=86400)
    """Seconds between resyncs, which find drift, jittered by 20 percent. Default 300, free to change. Example: 60."""
    drift_policy: Literal["Correct", "Report", "Ignore"] = "Correct"
    """Handling of drift, a change in AWS that the operator did not make: correct, report, or ignore it. Default Correct, free to change. Example: Report."""
    approval: Literal["Automatic", "Manual"] = "Automatic"
    """Whether changes wait for the annotation clickstream.dev/approved-plan. Default Automatic, free to change. Example: Manual."""
    deletion_policy: DeletionPolicies = Field(default_factory=DeletionPolicies)
    """What stays when the pipeline is deleted. Default: data stays. Free to change. Example: {tables: Delete}."""
    adoption_policy: Literal["Retained", "Always", "Never"] = "Retained"
    """Which existing resources may be taken over: those that this pipeline retained earlier, also those without owner, or none. Default Retained, free to change. Example: Always."""
    names: Names = Field(default_factory=Names)
    """Explicit physical names, for adoption. Derived when unset; fixed at creation. Example: {stream: clickstream-events}."""
    tags: dict[str, Annotated[str, Field(max_length=256)]] = Field(
        default_factory=dict, max_length=40, json_schema_extra=validations(*rules.TAGS)
    )
    """Tags on every taggable resource, at most 40. Default none, free to change. Example: {CostCenter: analytics}."""
    stream: Stream = Field(default_factory=Stream)
    """The Kinesis data stream. Example: {shards: 4}."""
    processor: Processor = Field(default_factory=Processor)
    """The function that counts and archives. Example: {batchingWindowSeconds: 60}."""
    collector: Collector = Field(default_factory=Collector)
    """The function that takes events over HTTPS. Example: {enabled: true, allowedOrigins: ["https://www.example.com"]}."""
    events: Events = Field(default_factory=Events)
    """What your events look like. Example: {fields: {type: kind}}."""
    privacy: Privacy = Field(default_factory=Privacy)
    """What is removed before anything is stored. Example: {userId: Drop}."""
    metrics: list[BusinessMetric] = map_list(max_items=20)
    """Custom CloudWatch metrics from events. Default none, free to change. Example: [{name: ConversionEvents, match: {event_type: purchase}}]."""
    anomaly_detection: AnomalyDetection = Field(default_factory=AnomalyDetection)
    """The function that finds bots and odd traffic. Example: {enabled: false}."""
    alerts: Alerts = Field(default_factory=Alerts)
    """Where anomalies are announced. Example: {enabled: true, emails: [data-team@example.com]}."""
    dashboard: Dashboard = Field(default_factory=Dashboard)
    """The CloudWatch dashboard. Example: {enabled: false}."""
    alarms: Alarms = Field(default_factory=Alarms)
    """The CloudWatch alarms. Example: {noDataMinutes: 30}."""
    tables: Tables = Field(default_factory=Tables)
    """The DynamoDB tables. Example: {deletionProtection: false}."""
    archive: Archive = Field(default_factory=Archive)
    """The S3 archive. Example: {expirationDays: 730}."""
    dead_letter: DeadLetter = Field(default_factory=DeadLetter)
    """The dead-letter queue. Example: {retentionDays: 7}."""
    logs: Logs = Field(default_factory=Logs)
    """The functions' logs. Example: {retentionDays: 30}."""


__all__ = ["Autoscaling", "DetectionRule", "Spec"]
