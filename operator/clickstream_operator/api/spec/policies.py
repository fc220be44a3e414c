"""Fields for the credential, the deletion policies, and chosen names."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clickstream_operator.api.model import Model
from clickstream_operator.api.spec.fields import BucketName, RoleArn, StreamName, TableName


class Credentials(Model):
    """A role to assume instead of the operator's own credential."""

    role_arn: RoleArn
    """ARN of the role, allowed for the namespace by the operator's settings. The account is fixed. Example: arn:aws:iam::123456789012:role/clickstream."""
    external_id: str | None = Field(default=None, min_length=2, max_length=1224)
    """External id that the role's trust policy asks for. Unset by default, free to change. Example: team-a."""


class DeletionPolicies(Model):
    """What happens to each part when the pipeline is deleted."""

    archive: Literal["Retain", "Delete", "Empty"] = "Retain"
    """The S3 bucket: Retain keeps it, Delete removes it only if empty, Empty deletes all versions first. Default Retain, free to change. Example: Retain."""
    tables: Literal["Retain", "Delete"] = "Retain"
    """The three DynamoDB tables. Delete needs tables.deletionProtection: false. Default Retain, free to change. Example: Delete."""
    stream: Literal["Retain", "Delete"] = "Delete"
    """The Kinesis stream. A stream with consumers that are not ours is never deleted. Default Delete, free to change. Example: Retain."""
    logs: Literal["Retain", "Delete"] = "Delete"
    """The log groups of both functions. Default Delete, free to change. Example: Retain."""
    dead_letter: Literal["Retain", "Delete"] = "Delete"
    """The dead-letter queue. Default Delete, free to change. Example: Retain."""
    adopted: Literal["Retain", "Delete"] = "Retain"
    """Whatever was adopted instead of created. Default Retain, free to change. Example: Delete."""


class Names(Model):
    """Explicit physical names, for adoption of what exists. Fixed at creation."""

    stream: StreamName | None = None
    """Name of the Kinesis stream. Derived when unset; fixed at creation. Example: clickstream-events."""
    archive_bucket: BucketName | None = None
    """Name of the S3 bucket. Derived when unset; fixed at creation. Example: clickstream-archive-1f2e3d4c."""
    page_metrics_table: TableName | None = None
    """Name of the page metrics table. Derived when unset; fixed at creation. Example: clickstream-page-metrics."""
    session_metrics_table: TableName | None = None
    """Name of the session metrics table. Derived when unset; fixed at creation. Example: clickstream-session-metrics."""
    counters_table: TableName | None = None
    """Name of the counters table. Derived when unset; fixed at creation. Example: clickstream-counters."""
