"""Inventory of AWS: the resources of a pipeline, read from AWS itself."""

from __future__ import annotations

from typing import Any

from clickstream_operator.pipeline import names
from tests.integration.pilot import CLUSTER, Pilot

#: Components of a pipeline of `spec: {}`, in the order of the status.
DEFAULT_RESOURCES = (
    "stream",
    "page-metrics-table",
    "session-metrics-table",
    "counters-table",
    "archive",
    "dead-letter",
    "hash-key",
    "processor-logs",
    "processor-role",
    "processor",
    "processor-mapping",
    "detector-logs",
    "detector-role",
    "detector",
    "detector-mapping",
    "scheduler-role",
    "schedule",
    "dashboard",
    "alarm-processor-iterator-age",
    "alarm-processor-errors",
    "alarm-processor-throttles",
    "alarm-processor-duration",
    "alarm-detector-iterator-age",
    "alarm-detector-errors",
    "alarm-detector-throttles",
    "alarm-detector-duration",
    "alarm-balance",
    "alarm-dead-letter-depth",
    "alarm-failed-objects",
)


def base_of(pilot: Pilot) -> str:
    """Stem of the pipeline's names."""
    return names.base_name(cluster=CLUSTER, namespace=pilot.namespace, name=pilot.name)


def left_in_aws(pilot: Pilot) -> dict[str, set[str]]:
    """Names of the pipeline's resources in AWS, by service, read from AWS itself."""
    base = base_of(pilot)
    roles = _all(pilot, "iam", "list_roles", "Roles", PathPrefix="/clickstream/")
    queues = _all(pilot, "sqs", "list_queues", "QueueUrls")
    topics = _all(pilot, "sns", "list_topics", "Topics")
    functions = _all(pilot, "lambda", "list_functions", "Functions")
    mappings = _all(pilot, "lambda", "list_event_source_mappings", "EventSourceMappings")
    found = {
        "streams": set(_all(pilot, "kinesis", "list_streams", "StreamNames")),
        "tables": set(_all(pilot, "dynamodb", "list_tables", "TableNames")),
        "buckets": {one["Name"] for one in pilot.client("s3").list_buckets()["Buckets"]},
        "queues": {url.rpartition("/")[2] for url in queues},
        "topics": {one["TopicArn"].rpartition(":")[2] for one in topics},
        "roles": {one["RoleName"] for one in roles},
        "log groups": {
            one["logGroupName"] for one in _all(pilot, "logs", "describe_log_groups", "logGroups")
        },
        "functions": {one["FunctionName"] for one in functions},
        "mappings": {one["FunctionArn"].rpartition(":")[2] for one in mappings},
        "schedules": {
            one["Name"] for one in _all(pilot, "scheduler", "list_schedules", "Schedules")
        },
        "parameters": {
            one["Name"] for one in _all(pilot, "ssm", "describe_parameters", "Parameters")
        },
        "dashboards": {
            one["DashboardName"]
            for one in _all(pilot, "cloudwatch", "list_dashboards", "DashboardEntries")
        },
        "alarms": {
            one["AlarmName"] for one in _all(pilot, "cloudwatch", "describe_alarms", "MetricAlarms")
        },
    }
    return {kind: {name for name in some if base in name} for kind, some in found.items()}


def _all(pilot: Pilot, service: str, operation: str, member: str, **arguments: Any) -> list[Any]:
    """All pages of a listing: the retained tables of many pipelines fill more than one."""
    pages = pilot.client(service).get_paginator(operation).paginate(**arguments)
    return [one for page in pages for one in page.get(member, [])]


def wait_until_active(pilot: Pilot, function: str) -> None:
    """Wait until the emulator has applied a change of a function's configuration."""
    client = pilot.client("lambda")
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )


def check_retained(pilot: Pilot) -> None:
    """Assert that only the archive, the tables and the key that reads them are left."""
    base = base_of(pilot)
    left = left_in_aws(pilot)
    assert len(left.pop("buckets")) == 1
    assert left.pop("tables") == {
        f"{base}-page-metrics", f"{base}-session-metrics", f"{base}-counters"
    }  # fmt: skip
    assert left.pop("parameters") == {f"/clickstream/{base}/hash-key"}
    assert set().union(*left.values()) == set()
