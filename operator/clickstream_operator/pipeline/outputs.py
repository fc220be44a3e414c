"""Outputs of a pipeline: those of the original's Terraform, in camelCase. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective, Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.pipeline.page_script import PageScript

METRIC_NAMESPACE: Final = "Clickstream/Events"
#: Billing modes in the words of the original.
_BILLING: Final = {"OnDemand": "PAY_PER_REQUEST", "Provisioned": "PROVISIONED"}


def pipeline_outputs(
    *,
    spec: Spec,
    effective: Effective,
    pipeline: str,
    seen: Mapping[str, Mapping[str, str]],
    script: PageScript | None = None,
) -> dict[str, Any]:
    """Names, ARNs and addresses, without those of parts that are off.

    `seen`: outputs of the resources, by inventory name. `script`: that of the collector's package.
    """
    place = AwsLocation(effective.partition, effective.region, effective.account)
    physical = effective.names
    shards = seen.get(components.STREAM, {}).get("shards")
    # Derived names begin with both; the environment is in none of them.
    prefix, _, suffix = effective.base.rpartition("-")
    result: dict[str, Any] = {
        "kinesisStreamName": physical[components.STREAM],
        "kinesisStreamArn": place.stream(physical[components.STREAM]),
        "kinesisStreamShards": int(shards) if shards else None,
        "s3BucketName": physical[components.ARCHIVE],
        "s3BucketArn": place.bucket(physical[components.ARCHIVE]),
        "dynamodbPageMetricsTableName": physical[components.PAGE_METRICS],
        "dynamodbPageMetricsTableArn": place.table(physical[components.PAGE_METRICS]),
        "dynamodbSessionMetricsTableName": physical[components.SESSION_METRICS],
        "dynamodbSessionMetricsTableArn": place.table(physical[components.SESSION_METRICS]),
        "dynamodbCountersTableName": physical[components.COUNTERS],
        "dynamodbCountersTableArn": place.table(physical[components.COUNTERS]),
        "lambdaEventProcessorFunctionName": physical[components.PROCESSOR],
        "lambdaEventProcessorFunctionArn": place.function(physical[components.PROCESSOR]),
        "dlqUrl": seen.get(components.DEAD_LETTER, {}).get("url"),
        "dlqArn": place.queue(physical[components.DEAD_LETTER]),
        "resourceNamePrefix": prefix,
        "randomSuffix": suffix,
        "tablePrefix": effective.base,
        "configurationSummary": _configuration(spec, effective, pipeline),
        "testClientConfiguration": {
            "streamName": physical[components.STREAM],
            "awsRegion": place.region,
            "endpointUrl": f"https://kinesis.{place.region}.{place.dns_suffix()}",
        },
        "monitoringEndpoints": _monitoring(spec, place, physical),
        **_role(spec, place, physical),
        **_optional_parts(spec, place, physical),
        **_collector(spec, seen, script),
    }
    return {key: value for key, value in result.items() if value is not None}


def _role(spec: Spec, place: AwsLocation, physical: Mapping[str, str]) -> dict[str, str]:
    arn = spec.processor.role_arn or place.role(physical[components.PROCESSOR_ROLE])
    return {"lambdaExecutionRoleArn": arn, "lambdaExecutionRoleName": arn.rpartition("/")[2]}


def _optional_parts(spec: Spec, place: AwsLocation, physical: Mapping[str, str]) -> dict[str, str]:
    parts: dict[str, str] = {}
    if spec.anomaly_detection.enabled:
        parts["lambdaAnomalyDetectorFunctionName"] = physical[components.DETECTOR]
        parts["lambdaAnomalyDetectorFunctionArn"] = place.function(physical[components.DETECTOR])
    if spec.alerts.enabled:
        arn = spec.alerts.topic_arn or place.topic(physical[components.ALERTS])
        parts["snsTopicArn"] = arn
        parts["snsTopicName"] = arn.rpartition(":")[2]
    if spec.dashboard.enabled:
        parts["cloudwatchDashboardName"] = physical[components.DASHBOARD]
        parts["cloudwatchDashboardUrl"] = dashboard_url(place, physical[components.DASHBOARD])
    return parts


def _collector(
    spec: Spec, seen: Mapping[str, Mapping[str, str]], script: PageScript | None
) -> dict[str, str]:
    """Where pages and servers send events, as soon as AWS has said it, and what pages write."""
    url = seen.get(components.COLLECTOR_URL, {}).get("url", "")
    if not spec.collector.enabled or not url:
        return {}
    address = f"{url.rstrip('/')}{spec.collector.path}"
    snippet = {"collectorSnippet": script.snippet(address, spec)} if script else {}
    return {"collectorUrl": address, **snippet}


def _configuration(spec: Spec, effective: Effective, pipeline: str) -> dict[str, Any]:
    return {
        "awsRegion": effective.region,
        "environment": spec.environment,
        "projectName": pipeline,
        "kinesisShardCount": spec.stream.shards,
        "kinesisRetentionPeriod": spec.stream.retention_hours,
        "lambdaMemorySize": spec.processor.memory_mib,
        "lambdaTimeout": spec.processor.timeout_seconds,
        "batchSize": spec.processor.batch_size,
        "anomalyDetectionEnabled": spec.anomaly_detection.enabled,
        "snsAlertsEnabled": spec.alerts.enabled,
        "cloudwatchDashboardEnabled": spec.dashboard.enabled,
        "dynamodbBillingMode": _BILLING[spec.tables.billing_mode],
    }


def _monitoring(spec: Spec, place: AwsLocation, physical: Mapping[str, str]) -> dict[str, Any]:
    logs = {"eventProcessor": physical[components.PROCESSOR_LOGS]}
    if spec.anomaly_detection.enabled:
        logs["anomalyDetector"] = physical[components.DETECTOR_LOGS]
    if spec.collector.enabled:
        logs["collector"] = physical[components.COLLECTOR_LOGS]
    endpoints: dict[str, Any] = {
        "cloudwatchLogs": logs,
        "cloudwatchMetrics": {
            "namespace": METRIC_NAMESPACE,
            "kinesisNamespace": "AWS/Kinesis",
            "lambdaNamespace": "AWS/Lambda",
            "dynamodbNamespace": "AWS/DynamoDB",
        },
    }
    if spec.dashboard.enabled:
        endpoints["dashboardUrl"] = dashboard_url(place, physical[components.DASHBOARD])
    return endpoints


def dashboard_url(place: AwsLocation, name: str) -> str:
    """Console address of a dashboard; empty where AWS publishes none."""
    console = place.console()
    address = f"{console}/cloudwatch/home?region={place.region}#dashboards:name={name}"
    return address if console else ""
