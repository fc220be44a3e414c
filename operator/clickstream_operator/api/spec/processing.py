"""Fields for the processor, its logs and its dead letters."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from clickstream_operator.api import validation as rules
from clickstream_operator.api.model import Model
from clickstream_operator.api.spec.fields import KmsKey, RoleArn, Timestamp, validations


class StartingPosition(Model):
    """Where a new mapping starts to read."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.STARTING_POSITION))

    type: Literal["TrimHorizon", "Latest", "AtTimestamp"] = "TrimHorizon"
    """TrimHorizon reads everything that Kinesis still has (of an adopted stream: what came since the pipeline exists), Latest only what comes, AtTimestamp from timestamp on. Default TrimHorizon; takes effect when the mapping is created. Example: TrimHorizon."""
    timestamp: Timestamp | None = None
    """Start for AtTimestamp, RFC 3339. Unset by default; takes effect when the mapping is created. Example: 2026-11-01T00:00:00Z."""


class Processor(Model):
    """The function that counts, archives and rejects."""

    memory_mib: int = Field(default=256, ge=128, le=10240)
    """Memory of the function in MiB; CPU grows with it. Default 256, free to change. Example: 512."""
    timeout_seconds: int = Field(default=60, ge=30, le=900)
    """Seconds until Lambda ends an invocation. Default 60, free to change. Example: 120."""
    batch_size: int = Field(default=1000, ge=1, le=10000)
    """Records per invocation at most. Default 1000, free to change. Example: 5000."""
    batching_window_seconds: int = Field(default=5, ge=0, le=300)
    """Seconds that Lambda gathers records before it invokes; longer is cheaper and later. Default 5, free to change. Example: 60."""
    maximum_retry_attempts: int = Field(default=-1, ge=-1, le=10000)
    """Retries of a failing batch; -1 retries until the records are too old. Default -1, free to change. Example: 50."""
    maximum_record_age_seconds: int = Field(
        default=79200, ge=-1, le=604800, json_schema_extra=validations(*rules.RECORD_AGE)
    )
    """Age in seconds at which an unprocessable record goes to aws/lambda/ in the bucket; -1 or 60 and more, and at most the retention minus one hour. Default 79200, free to change. Example: 43200."""
    starting_position: StartingPosition = Field(default_factory=StartingPosition)
    """Where the mapping starts. Default TrimHorizon; takes effect when the mapping is created. Example: {type: Latest}."""
    reserved_concurrency: int | None = Field(default=None, ge=1, le=1000)
    """Concurrent executions set aside for the function; the account must keep 100 unreserved. Unset by default, free to change. Example: 10."""
    architecture: Literal["arm64", "x86_64"] = "arm64"
    """Processor architecture; arm64 costs 20 percent less. Default arm64, free to change. Example: x86_64."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lowest level that both functions log. Default INFO, free to change. Example: DEBUG."""
    role_arn: RoleArn | None = None
    """Existing role of the function, from the operator's allow-list. Created when unset. Free to change. Example: arn:aws:iam::123456789012:role/processor."""


class DeadLetter(Model):
    """The queue that names every bad object and failed batch."""

    retention_days: int = Field(default=14, ge=1, le=14)
    """Days that messages stay. Default 14, free to change. Example: 7."""
    kms_key_id: KmsKey | None = None
    """KMS key of the queue. Unset: SSE-SQS. Free to change. Example: alias/queue."""


class Logs(Model):
    """The functions' log groups."""

    retention_days: Literal[
        1,
        3,
        5,
        7,
        14,
        30,
        60,
        90,
        120,
        150,
        180,
        365,
        400,
        545,
        731,
        1096,
        1827,
        2192,
        2557,
        2922,
        3288,
        3653,
    ] = 14
    """Days that logs stay, from CloudWatch's list. Default 14, free to change. Example: 30."""
    deletion_protection: bool = False
    """Whether AWS refuses to delete the log groups. Needs deletionPolicy.logs: Retain. Default false, free to change. Example: true."""
    kms_key_id: KmsKey | None = None
    """KMS key of the log groups. Unset by default, free to change. Example: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab."""
