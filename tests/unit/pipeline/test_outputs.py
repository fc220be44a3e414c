"""Outputs: exactly those of the original's Terraform, in camelCase."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clickstream_operator.api.v1alpha1 import Effective, Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.outputs import pipeline_outputs

ORIGINAL = [
    "kinesis_stream_name",
    "kinesis_stream_arn",
    "kinesis_stream_shards",
    "s3_bucket_name",
    "s3_bucket_arn",
    "dynamodb_page_metrics_table_name",
    "dynamodb_page_metrics_table_arn",
    "dynamodb_session_metrics_table_name",
    "dynamodb_session_metrics_table_arn",
    "dynamodb_counters_table_name",
    "dynamodb_counters_table_arn",
    "lambda_event_processor_function_name",
    "lambda_event_processor_function_arn",
    "lambda_anomaly_detector_function_name",
    "lambda_anomaly_detector_function_arn",
    "lambda_execution_role_arn",
    "lambda_execution_role_name",
    "sns_topic_arn",
    "sns_topic_name",
    "dlq_url",
    "dlq_arn",
    "cloudwatch_dashboard_url",
    "cloudwatch_dashboard_name",
    "resource_name_prefix",
    "random_suffix",
    "table_prefix",
    "configuration_summary",
    "test_client_configuration",
    "monitoring_endpoints",
]
SUMMARY = [
    "aws_region",
    "environment",
    "project_name",
    "kinesis_shard_count",
    "kinesis_retention_period",
    "lambda_memory_size",
    "lambda_timeout",
    "batch_size",
    "anomaly_detection_enabled",
    "sns_alerts_enabled",
    "cloudwatch_dashboard_enabled",
    "dynamodb_billing_mode",
]
BASE = "web-abcdefgh"
SEEN = {"stream": {"shards": "2"}, "dead-letter": {"url": "https://sqs/q"}}


def outputs(spec: dict[str, Any], *, place: AwsLocation | None = None) -> dict[str, Any]:
    """The outputs of a pipeline that AWS has."""
    where = place or AwsLocation("aws", "eu-west-1", "123456789012")
    parsed = Spec.model_validate(spec)
    effective = Effective(
        account=where.account,
        partition=where.partition,
        region=where.region,
        base=BASE,
        names=dict(
            names.physical_names(base=BASE, place=where, spec=parsed, account_regional=False)
        ),
    )
    return pipeline_outputs(spec=parsed, effective=effective, pipeline="web", seen=SEEN)


def camel(name: str) -> str:
    """The original's name as a Kubernetes field."""
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def test_everything_on_gives_the_29_outputs() -> None:
    """Not one more, not one less."""
    assert len(ORIGINAL) == 29
    assert set(outputs({"alerts": {"enabled": True}})) == {camel(name) for name in ORIGINAL}


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        ({}, {"snsTopicArn", "snsTopicName"}),
        (
            {"anomalyDetection": {"enabled": False}, "alerts": {"enabled": True}},
            {"lambdaAnomalyDetectorFunctionName", "lambdaAnomalyDetectorFunctionArn"},
        ),
        (
            {"dashboard": {"enabled": False}, "alerts": {"enabled": True}},
            {"cloudwatchDashboardName", "cloudwatchDashboardUrl"},
        ),
    ],
)
def test_what_is_off_is_absent(spec: dict[str, Any], missing: set[str]) -> None:
    """Where the original says null, the field is not there."""
    assert {camel(name) for name in ORIGINAL} - set(outputs(spec)) == missing


def test_names_and_arns_belong_together() -> None:
    """Each ARN ends in its name."""
    found = outputs({"alerts": {"enabled": True}})
    pairs = [key.removesuffix("Name") for key in found if key.endswith("Name")]
    for stem in pairs:
        if f"{stem}Arn" in found:
            assert re.split("[:/]", found[f"{stem}Arn"])[-1] == found[f"{stem}Name"]
    assert found["dlqUrl"] == "https://sqs/q"
    assert found["kinesisStreamShards"] == 2


def test_what_aws_has_not_told_is_left_out() -> None:
    """Before the stream is seen there is no count."""
    where = AwsLocation("aws", "eu-west-1", "123456789012")
    effective = Effective(
        account=where.account,
        partition="aws",
        region=where.region,
        base=BASE,
        names=dict(
            names.physical_names(base=BASE, place=where, spec=Spec(), account_regional=False)
        ),
    )
    found = pipeline_outputs(spec=Spec(), effective=effective, pipeline="web", seen={})
    assert not {"kinesisStreamShards", "dlqUrl"} & set(found)


def test_summary_has_the_original_keys() -> None:
    """Twelve choices in the original's words."""
    summary = outputs({"tables": {"billingMode": "OnDemand"}})["configurationSummary"]
    assert set(summary) == {camel(name) for name in SUMMARY}
    assert summary["dynamodbBillingMode"] == "PAY_PER_REQUEST"
    assert summary["projectName"] == "web"


def test_client_configuration_reaches_the_stream() -> None:
    """Stream, region and endpoint, also where the domain is another."""
    assert outputs({})["testClientConfiguration"] == {
        "streamName": f"{BASE}-events",
        "awsRegion": "eu-west-1",
        "endpointUrl": "https://kinesis.eu-west-1.amazonaws.com",
    }
    china = outputs({}, place=AwsLocation("aws-cn", "cn-north-1", "123456789012"))
    assert china["testClientConfiguration"]["endpointUrl"].endswith(".amazonaws.com.cn")
    assert china["cloudwatchDashboardUrl"].startswith("https://cn-north-1.console.amazonaws.cn/")


def test_monitoring_endpoints() -> None:
    """Log groups and namespaces, the detector's only when it runs."""
    found = outputs({})["monitoringEndpoints"]
    assert found["cloudwatchLogs"] == {
        "eventProcessor": f"/aws/lambda/{BASE}-processor",
        "anomalyDetector": f"/aws/lambda/{BASE}-detector",
    }
    assert found["cloudwatchMetrics"]["namespace"] == "Clickstream/Events"
    assert found["dashboardUrl"] == outputs({})["cloudwatchDashboardUrl"]
    off = outputs({"anomalyDetection": {"enabled": False}, "dashboard": {"enabled": False}})
    assert set(off["monitoringEndpoints"]["cloudwatchLogs"]) == {"eventProcessor"}
    assert "dashboardUrl" not in off["monitoringEndpoints"]


def test_given_role_and_topic_are_shown() -> None:
    """What the user brought is what the outputs name."""
    role = "arn:aws:iam::123456789012:role/team/given"
    topic = "arn:aws:sns:eu-west-1:123456789012:pager"
    found = outputs(
        {"processor": {"roleArn": role}, "alerts": {"enabled": True, "topicArn": topic}}
    )
    assert (found["lambdaExecutionRoleArn"], found["lambdaExecutionRoleName"]) == (role, "given")
    assert (found["snsTopicArn"], found["snsTopicName"]) == (topic, "pager")


def test_original_naming_parts() -> None:
    """Derived names begin with prefix and suffix, whatever the environment."""
    found = outputs({"environment": "prod"})
    assert found["resourceNamePrefix"] == "web"
    assert found["randomSuffix"] == "abcdefgh"
    assert found["tablePrefix"] == BASE == f"{found['resourceNamePrefix']}-{found['randomSuffix']}"
    assert found["kinesisStreamName"].startswith(f"{found['tablePrefix']}-")
    assert found["dynamodbCountersTableName"].startswith(found["tablePrefix"])
