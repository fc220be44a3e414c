"""Terraform's resources for roles, functions, mappings, schedule, messages and monitoring. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from clickstream_operator.cli.terraform.hcl import Block, Json, Raw
from clickstream_operator.cli.terraform.imported import Imported, reference, resource
from clickstream_operator.cli.terraform.reading import Found

_SSE_SQS: Final = "SSE-SQS"
_FUNCTION_DOCUMENTS: Final = ("filename", "source_code_hash")


def role(one: Found) -> Iterator[Imported]:
    """``aws_iam_role`` with its policies."""
    says, name = one.properties, one.physical_name
    arguments = {
        "name": name,
        "path": says["path"],
        "description": says["description"],
        "assume_role_policy": Json(_plain(says["trust"])),
    }
    if says.get("permissionsBoundary"):
        arguments["permissions_boundary"] = says["permissionsBoundary"]
    yield resource("aws_iam_role", one, name, arguments)
    of = {"role": Raw(f"{reference('aws_iam_role', one)}.name")}
    for policy, document in says["inlinePolicies"].items():
        yield resource(
            "aws_iam_role_policy",
            one,
            f"{name}:{policy}",
            {**of, "name": policy, "policy": Json(_plain(document))},
            label=policy,
            tags=False,
        )
    for number, arn in enumerate(says["attachedPolicies"]):
        yield resource(
            "aws_iam_role_policy_attachment",
            one,
            f"{name}/{arn}",
            {**of, "policy_arn": arn},
            label=str(number),
            tags=False,
        )


def function(one: Found) -> Iterator[Imported]:
    """``aws_lambda_function``. Its code is the operator's: Terraform leaves it as it is."""
    says = one.properties
    arguments: dict[str, Any] = {
        "function_name": one.physical_name,
        "description": says["description"],
        "role": says["roleArn"],
        "runtime": says["runtime"],
        "handler": says["handler"],
        "architectures": [says["architecture"]],
        "memory_size": says["memoryMiB"],
        "timeout": says["timeoutSeconds"],
        # Only a creation would need it.
        "filename": f"{one.physical_name}.zip",
    }
    if says.get("reservedConcurrency") is not None:
        arguments["reserved_concurrent_executions"] = says["reservedConcurrency"]
    blocks = [Block("environment", (), {"variables": dict(says["environment"])})]
    if "logging.format" in says:
        logging = {
            "log_format": says["logging.format"],
            "log_group": says["logging.group"],
            "application_log_level": says["logging.level"],
        }
        blocks.append(Block("logging_config", (), logging))
    blocks.append(
        Block("lifecycle", (), {"ignore_changes": [Raw(name) for name in _FUNCTION_DOCUMENTS]})
    )
    yield resource("aws_lambda_function", one, one.physical_name, arguments, *blocks)


def function_url(one: Found) -> Iterator[Imported]:
    """``aws_lambda_function_url``, with a permission for each of its own statements."""
    says, name = one.properties, one.physical_name
    cors = {
        "allow_origins": list(says["cors.allowOrigins"]),
        "allow_methods": list(says["cors.allowMethods"]),
        "allow_headers": list(says["cors.allowHeaders"]),
        "allow_credentials": says["cors.allowCredentials"],
        "max_age": says["cors.maxAgeSeconds"],
    }
    arguments = {
        "function_name": name,
        "authorization_type": says["authorization"],
        "invoke_mode": says["invokeMode"],
    }
    block = Block("cors", (), cors)
    yield resource("aws_lambda_function_url", one, name, arguments, block, tags=False)
    for sid, policy in says["permissions"].items():
        [statement] = policy["Statement"]
        [action] = statement["Action"]
        permission = {
            "function_name": name,
            "statement_id": sid,
            "action": action,
            "principal": statement["Principal"],
        }
        if "StringEquals" in statement.get("Condition", {}):
            permission["function_url_auth_type"] = says["authorization"]
        else:
            permission["invoked_via_function_url"] = True
        identity = f"{name}/{sid}"
        yield resource("aws_lambda_permission", one, identity, permission, label=sid, tags=False)


def mapping(one: Found) -> Iterator[Imported]:
    """``aws_lambda_event_source_mapping``; where it started is read from AWS."""
    says = one.properties
    answer = one.document["get_event_source_mapping"]
    arguments: dict[str, Any] = {
        "event_source_arn": answer["EventSourceArn"],
        "function_name": answer["FunctionArn"],
        "enabled": says["enabled"],
        "starting_position": answer["StartingPosition"],
    }
    if "StartingPositionTimestamp" in answer:
        moment = answer["StartingPositionTimestamp"]
        arguments["starting_position_timestamp"] = moment.isoformat().replace("+00:00", "Z")
    arguments |= {
        "batch_size": says["batchSize"],
        "maximum_batching_window_in_seconds": says["batchingWindowSeconds"],
        "bisect_batch_on_function_error": says["bisectBatchOnFunctionError"],
        "maximum_record_age_in_seconds": says["maximumRecordAgeSeconds"],
        "maximum_retry_attempts": says["maximumRetryAttempts"],
        "parallelization_factor": says["parallelizationFactor"],
        "function_response_types": list(says["responseTypes"]),
    }
    blocks = []
    if says.get("onFailure"):
        inside = Block("on_failure", (), {"destination_arn": says["onFailure"]})
        blocks.append(Block("destination_config", (), {}, [inside]))
    identity = one.outputs["uuid"]
    yield resource("aws_lambda_event_source_mapping", one, identity, arguments, *blocks)


def schedule(one: Found) -> Iterator[Imported]:
    """``aws_scheduler_schedule`` in the default group."""
    says = one.properties
    retry = Block(
        "retry_policy",
        (),
        {
            "maximum_event_age_in_seconds": says["target.maximumEventAgeSeconds"],
            "maximum_retry_attempts": says["target.retries"],
        },
    )
    target = {
        "arn": says["target.arn"],
        "role_arn": says["target.roleArn"],
        "input": Json(_plain(says["target.payload"])),
    }
    yield resource(
        "aws_scheduler_schedule",
        one,
        f"default/{one.physical_name}",
        {
            "name": one.physical_name,
            "group_name": "default",
            "schedule_expression": says["expression"],
            "state": "ENABLED" if says["enabled"] else "DISABLED",
        },
        Block("flexible_time_window", (), {"mode": says["flexibleWindow"]}),
        Block("target", (), target, [retry]),
        tags=False,
    )


def queue(one: Found) -> Iterator[Imported]:
    """``aws_sqs_queue``."""
    says = one.properties
    key = says["encryption.keyId"]
    encryption = (
        {"sqs_managed_sse_enabled": True} if key == _SSE_SQS else {"kms_master_key_id": key}
    )
    yield resource(
        "aws_sqs_queue",
        one,
        one.outputs["url"],
        {
            "name": one.physical_name,
            "message_retention_seconds": says["retentionSeconds"],
            **encryption,
        },
    )


def topic(one: Found) -> Iterator[Imported]:
    """``aws_sns_topic``."""
    key = one.properties["encryption.keyId"]
    encryption = {"kms_master_key_id": key} if key else {}
    yield resource("aws_sns_topic", one, one.arn, {"name": one.physical_name, **encryption})


def subscription(one: Found) -> Iterator[Imported]:
    """``aws_sns_topic_subscription``; none where the address has not confirmed it."""
    answer = one.document.get("get_subscription_attributes")
    if answer is None:
        return
    says = answer["Attributes"]
    yield resource(
        "aws_sns_topic_subscription",
        one,
        one.outputs["arn"],
        {"topic_arn": says["TopicArn"], "protocol": says["Protocol"], "endpoint": says["Endpoint"]},
        tags=False,
    )


def log_group(one: Found) -> Iterator[Imported]:
    """``aws_cloudwatch_log_group``."""
    says = one.properties
    key = {"kms_key_id": says["encryption.keyId"]} if says.get("encryption.keyId") else {}
    protection = {"deletion_protection_enabled": True} if says.get("deletionProtection") else {}
    days = {"retention_in_days": says.get("retentionDays") or 0}
    yield resource(
        "aws_cloudwatch_log_group",
        one,
        one.physical_name,
        {"name": one.physical_name, **days, **key, **protection},
    )


def parameter(one: Found) -> Iterator[Imported]:
    """``aws_ssm_parameter``; its value is secret and stays as it is."""
    kept = Block("lifecycle", (), {"ignore_changes": Raw("all")})
    yield resource(
        "aws_ssm_parameter",
        one,
        one.physical_name,
        {"name": one.physical_name, "type": "SecureString", "value": "kept as it is"},
        kept,
    )


def dashboard(one: Found) -> Iterator[Imported]:
    """``aws_cloudwatch_dashboard``."""
    body = Json(one.document["get_dashboard"])
    yield resource(
        "aws_cloudwatch_dashboard",
        one,
        one.physical_name,
        {"dashboard_name": one.physical_name, "dashboard_body": body},
        tags=False,
    )


def alarm(one: Found) -> Iterator[Imported]:
    """``aws_cloudwatch_metric_alarm``."""
    says = one.properties
    arguments = {
        "alarm_name": one.physical_name,
        "alarm_description": says["description"],
        "namespace": says["metric.namespace"],
        "metric_name": says["metric.name"],
        "dimensions": dict(says["metric.dimensions"]),
        "statistic": says["metric.statistic"],
        "period": says["periodSeconds"],
        "evaluation_periods": says["evaluationPeriods"],
        "datapoints_to_alarm": says["datapoints"],
        "comparison_operator": says["comparison"],
        "threshold": says["threshold"],
        "treat_missing_data": says["missingData"],
        "actions_enabled": says["actions.enabled"],
        "alarm_actions": list(says["actions.alarm"]),
        "ok_actions": list(says["actions.ok"]),
    }
    if says.get("metric.unit"):
        arguments["unit"] = says["metric.unit"]
    yield resource("aws_cloudwatch_metric_alarm", one, one.physical_name, arguments)


def _plain(value: Any) -> Any:
    """A document as lists and objects, in a stable order."""
    return json.loads(json.dumps(value, default=lambda some: sorted(some, key=str)))
