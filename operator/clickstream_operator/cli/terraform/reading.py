"""Resources of a pipeline as AWS has them now, read for an export. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator import pipeline
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.cli.aws import ensure_account
from clickstream_operator.cli.errors import CliError
from clickstream_operator.engine.outputs import OutputPending
from clickstream_operator.engine.resource import Resource
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.inputs import build_context
from clickstream_operator.resources.kinesis_history import StreamHistory

_METRICS_ID: Final = "Id"


@dataclass(frozen=True, slots=True)
class Found:
    """One resource of a pipeline, as AWS has it."""

    kind: str
    name: str
    """Key in the inventory."""
    physical_name: str
    arn: str
    properties: Mapping[str, Any]
    """As its kind observes it."""
    tags: Mapping[str, str]
    outputs: Mapping[str, str]
    document: Mapping[str, Any]
    """Answers of AWS that its kind does not keep whole, by operation."""


async def read_all(
    obj: PipelineObject, config: OperatorConfig, session: ReadOnlySession
) -> tuple[list[Found], list[str]]:
    """Every resource of a pipeline, in the order of their creation; and those that are missing.

    Raises:
        AwsError: a request was refused.
        CliError: it was never applied, or the credential belongs to another account.
    """
    effective = obj.status.effective
    if effective is None:
        raise CliError(f"{obj.key.name} was never applied", "there is nothing in AWS to export")
    await ensure_account(session, effective)
    history = StreamHistory()
    context = build_context(obj, effective, Calls(session), history, config)
    outputs: dict[str, Mapping[str, str]] = {}
    found: list[Found] = []
    missing: list[str] = []
    for resource in pipeline.build(context):
        one = await _read(resource, outputs, session, effective)
        if one is None:
            missing.append(resource.name)
            continue
        outputs[resource.name] = one.outputs
        found.append(one)
    return found, missing


async def _read(
    resource: Resource,
    outputs: Mapping[str, Mapping[str, str]],
    session: ReadOnlySession,
    effective: Effective,
) -> Found | None:
    try:
        bound = resource.bind(outputs)
    except OutputPending:
        # What it depends on is missing.
        return None
    observed = await bound.observe(full=True)
    if observed is None:
        return None
    tags = observed.tags
    if tags is None and resource.taggable:
        tags = await bound.read_tags(observed)
    return Found(
        kind=resource.kind,
        name=resource.name,
        physical_name=resource.physical_name,
        arn=observed.arn,
        properties=observed.properties,
        tags=dict(tags or {}),
        outputs=observed.outputs,
        document=await _documents(session, resource, observed.outputs, effective),
    )


async def _documents(
    session: ReadOnlySession,
    resource: Resource,
    outputs: Mapping[str, str],
    effective: Effective,
) -> dict[str, Any]:
    """What else of AWS's answers a configuration needs."""
    asked: Sequence[tuple[str, str, dict[str, Any]]] = ()
    if resource.kind == "S3Bucket":
        bucket = {"Bucket": resource.physical_name, "ExpectedBucketOwner": effective.account}
        asked = [
            ("s3", operation, bucket)
            for operation in (
                "get_bucket_policy",
                "get_bucket_lifecycle_configuration",
                "list_bucket_metrics_configurations",
            )
        ]
    elif resource.kind == "Dashboard":
        asked = [("cloudwatch", "get_dashboard", {"DashboardName": resource.physical_name})]
    elif resource.kind == "EventSourceMapping":
        asked = [("lambda", "get_event_source_mapping", {"UUID": outputs["uuid"]})]
    elif resource.kind == "SNSSubscription" and outputs.get("arn"):
        asked = [("sns", "get_subscription_attributes", {"SubscriptionArn": outputs["arn"]})]
    found: dict[str, Any] = {}
    for service, operation, parameters in asked:
        try:
            found[operation] = await session.call(service, operation, **parameters)
        except AwsError as error:
            if error.category is not Category.NOT_FOUND:
                raise
    if "get_dashboard" in found:
        found["get_dashboard"] = json.loads(found["get_dashboard"]["DashboardBody"])
    return found
