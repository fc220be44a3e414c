"""Role policies: exact rights, no wildcard actions, no resource that is not the pipeline's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clickstream_operator.api import components
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.engine.resource import Resource
from clickstream_operator.pipeline import role_policies
from clickstream_operator.resources.iam_role import IAMRole
from tests.unit.pipeline.built import build, everything

PLACE = AwsLocation(partition="aws", region="eu-west-1", account="123456789012")
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:shop-alerts"
SHARED: dict[str, Any] = {
    "stream": "shop-events",
    "page_metrics_table": "shop-page-metrics",
    "session_metrics_table": "shop-session-metrics",
    "counters_table": "shop-counters",
    "bucket": "shop-archive",
    "hash_key_parameter": "/clickstream/shop/hash-key",
}


def processor(**changes: Any) -> dict[str, Any]:
    """The processor's policy."""
    settings = SHARED | {
        "queue": "shop-dead-letter",
        "log_group": "/aws/lambda/shop-processor",
    }
    return role_policies.processor_policy(PLACE, **settings | changes)


def detector(**changes: Any) -> dict[str, Any]:
    """The detector's policy."""
    settings = SHARED | {"topic_arn": TOPIC, "log_group": "/aws/lambda/shop-detector"}
    return role_policies.detector_policy(PLACE, **settings | changes)


def rights(policy: dict[str, Any]) -> dict[str, list[str]]:
    """Action -> the ends of the ARNs that it is allowed on."""
    found: dict[str, list[str]] = {}
    for one in policy["Statement"]:
        for action in one["Action"]:
            ends = [arn.split(":", 5)[5] for arn in one["Resource"]]
            found.setdefault(action, []).extend(ends)
    return {action: sorted(ends) for action, ends in sorted(found.items())}


TABLES = ["table/shop-counters", "table/shop-page-metrics", "table/shop-session-metrics"]
COMMON = {
    "kinesis:DescribeStream": ["stream/shop-events"],
    "kinesis:DescribeStreamSummary": ["stream/shop-events"],
    "kinesis:GetRecords": ["stream/shop-events"],
    "kinesis:GetShardIterator": ["stream/shop-events"],
    "kinesis:ListShards": ["stream/shop-events"],
    "s3:ListBucket": ["shop-archive"],
    "ssm:GetParameter": ["parameter/clickstream/shop/hash-key"],
}


def test_processor() -> None:
    """Reads the stream, counts, archives, reports bad rows."""
    log = ["log-group:/aws/lambda/shop-processor:*"]
    assert rights(processor()) == COMMON | {
        "dynamodb:GetItem": ["table/shop-counters"],
        "dynamodb:UpdateItem": TABLES,
        "logs:CreateLogStream": log,
        "logs:PutLogEvents": log,
        "s3:GetObject": ["shop-archive/bad/*", "shop-archive/config/*", "shop-archive/raw/*"],
        "s3:PutObject": ["shop-archive/aws/lambda/*", "shop-archive/bad/*", "shop-archive/raw/*"],
        "sqs:SendMessage": ["shop-dead-letter"],
    }


def test_processor_that_tells_repeats() -> None:
    """One right more, on the counters table alone."""
    repeats, plain = rights(processor(deduplicates=True)), rights(processor())
    assert repeats.pop("dynamodb:Query") == ["table/shop-counters"]
    assert repeats == plain


def test_detector() -> None:
    """Reads the stream and the sessions, keeps its state, adds up what stands, alerts."""
    log = ["log-group:/aws/lambda/shop-detector:*"]
    counters = ["table/shop-counters"]
    assert rights(detector()) == COMMON | {
        "dynamodb:GetItem": ["table/shop-counters", "table/shop-session-metrics"],
        "dynamodb:PutItem": counters,
        "dynamodb:Query": counters,
        "dynamodb:Scan": TABLES,
        "dynamodb:UpdateItem": counters,
        "logs:CreateLogStream": log,
        "logs:PutLogEvents": log,
        "s3:GetObject": ["shop-archive/config/*"],
        "s3:PutObject": ["shop-archive/aws/lambda/*"],
        "sns:Publish": ["shop-alerts"],
    }


def test_scheduler() -> None:
    """One action on one function."""
    policy = role_policies.scheduler_policy(PLACE, function="shop-detector")
    assert rights(policy) == {"lambda:InvokeFunction": ["function:shop-detector"]}


def test_trust() -> None:
    """Only the service, and for the scheduler only of this account."""
    trust = role_policies.scheduler_trust(PLACE)["Statement"][0]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert role_policies.function_trust()["Statement"][0]["Principal"] == {
        "Service": "lambda.amazonaws.com"
    }


def test_what_is_off_is_not_allowed() -> None:
    """No alerts, no publishing; no hashing, no key."""
    assert "sns:Publish" not in rights(detector(topic_arn=None))
    assert "ssm:GetParameter" not in rights(processor(hash_key_parameter=None))


def test_customer_keys() -> None:
    """By ARN and id as resources, by alias as a condition, keys of AWS not at all.

    Each for its service alone.
    """
    assert "kms:Decrypt" not in rights(processor(kms_keys={"kinesis": "alias/aws/kinesis"}))
    policy = processor(kms_keys={"kinesis": KEY, "s3": "alias/mine", "sqs": "abc"})
    keys = {
        one["Condition"]["StringLike"]["kms:ViaService"]: one
        for one in policy["Statement"]
        if one["Action"][0].startswith("kms:")
    }
    assert {service: one["Resource"] for service, one in keys.items()} == {
        "kinesis.eu-west-1.amazonaws.com": [KEY],
        "s3.eu-west-1.amazonaws.com": ["arn:aws:kms:eu-west-1:123456789012:key/*"],
        "sqs.eu-west-1.amazonaws.com": ["arn:aws:kms:eu-west-1:123456789012:key/abc"],
    }
    asked = [one["Condition"].get("ForAnyValue:StringEquals") for one in keys.values()]
    assert asked == [None, {"kms:ResourceAliases": ["alias/mine"]}, None]
    assert {tuple(one["Action"]) for one in keys.values()} == {
        ("kms:Decrypt", "kms:GenerateDataKey")
    }


def test_buckets_of_another_account_are_not_used() -> None:
    """After a deletion another account may have the name."""
    for policy in (processor(), detector()):
        buckets = [one for one in policy["Statement"] if one["Action"][0].startswith("s3:")]
        assert len(buckets) >= 3
        for one in buckets:
            assert one["Condition"] == {"StringEquals": {"aws:ResourceAccount": "123456789012"}}


def test_roles_carry_tags_of_the_spec_only_where_the_setting_says_so() -> None:
    """Tags of a role are those of its sessions, by which others may give rights."""
    spec = {"tags": {"access-level": "admin", "cost-center": "7"}}

    def tags_of(**more: Any) -> dict[str, set[str]]:
        return {
            name: {key for key in one.tags or {} if not key.startswith("clickstream.dev/")}
            for name, one in build(spec, **more).items()
            if isinstance(one, IAMRole) or name == components.STREAM
        }

    usual = tags_of()
    assert {"access-level", "cost-center", "Environment"} <= usual.pop(components.STREAM)
    assert len(usual) == 3
    assert set().union(*usual.values()) == set()
    opened = tags_of(may_tag_roles=lambda key: key == "cost-center")
    del opened[components.STREAM]
    assert all(keys == {"cost-center"} for keys in opened.values())


@pytest.mark.parametrize(
    "policy", [processor(kms_keys={"kinesis": KEY, "s3": "alias/mine"}), detector()]
)
def test_no_wildcards(policy: dict[str, Any]) -> None:
    """Every action is named; every resource names the pipeline, or is held by a condition."""
    sids = [one["Sid"] for one in policy["Statement"]]
    assert len(sids) == len(set(sids))
    assert all(sid.isalnum() for sid in sids)
    for one in policy["Statement"]:
        assert not any("*" in action for action in one["Action"])
        for arn in one["Resource"]:
            assert arn != "*"
            assert "shop" in arn or "Condition" in one or arn == KEY


@pytest.mark.parametrize("boundary", [None, "arn:aws:iam::123456789012:policy/boundary"])
@pytest.mark.parametrize("make", [build, everything])
def test_every_role_carries_the_boundary(
    make: Callable[..., dict[str, Resource]], boundary: str | None
) -> None:
    """Of each function and of the schedule; without one in the settings, none."""
    roles = {
        name: one
        for name, one in make({}, permissions_boundary=boundary).items()
        if isinstance(one, IAMRole)
    }
    assert set(roles) == {
        components.PROCESSOR_ROLE,
        components.DETECTOR_ROLE,
        components.SCHEDULER_ROLE,
    }
    for name, role in roles.items():
        assert role.desired({})["permissionsBoundary"] == (boundary or ""), name


GIVEN = {
    "processor": {
        "stream", "archive", "hash-key", "dead-letter", "processor-logs",
        "page-metrics-table", "session-metrics-table", "counters-table",
    },
    "detector": {
        "stream", "archive", "hash-key", "alerts", "detector-logs",
        "session-metrics-table", "counters-table",
    },
}  # fmt: skip
BOTH = {"alerts": {"enabled": True}, "anomalyDetection": {"enabled": True}}


@pytest.mark.parametrize("function", ["processor", "detector"])
def test_a_function_and_its_role_depend_on_the_owner_of_all_they_are_given(function: str) -> None:
    """Role, function and mapping; the schedule depends on all that the detector is given."""
    found = build(BOTH)
    for name in (function, f"{function}-role", f"{function}-mapping"):
        assert found[name].given == GIVEN[function], name
    assert found["schedule"].given == GIVEN["detector"]


@pytest.mark.parametrize("function", ["processor", "detector"])
def test_no_statement_names_what_has_another_owner(function: str) -> None:
    """Whichever it is; the other statements stay, and a schedule stops."""
    found = build(BOTH)
    role = found[f"{function}-role"]
    whole = json.dumps(role.desired({})["inlinePolicies"])
    for name in sorted(role.given):
        foreign = found[name].physical_name
        reduced = role.without(frozenset({name}))
        assert reduced is not None
        left = json.dumps(reduced.desired({})["inlinePolicies"])
        assert foreign in whole
        assert f'/{foreign}"' not in left
        assert f':{foreign}"' not in left
        assert f":{foreign}/" not in left
        assert left != "{}"
    stopped = found["schedule"].without(frozenset({"counters-table"}))
    assert stopped is not None
    assert stopped.desired({})["enabled"] is False
