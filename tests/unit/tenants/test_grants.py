"""Grants: each foreign value of a spec is refused by default, with field, setting and person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.tenants import Grants, Tenant, parse

EXAMPLES = Path(__file__).parents[3] / "examples"
ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:pager"
VICTIM = f"arn:aws:sns:eu-west-1:{ACCOUNT}:web-abcdefgh-alerts"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/given"
ACTION = f"arn:aws:autoscaling:eu-west-1:{ACCOUNT}:scalingPolicy:x:autoScalingGroupName/prod"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"

Case = tuple[str, dict[str, Any], str, str, dict[str, Any], dict[str, Any]]

#: Field, spec, check, setting, what opens it, and what nearly does.
CASES: list[Case] = [
    (
        "spec.credentials.roleArn",
        {"credentials": {"roleArn": ROLE}},
        "refused_operator_role",
        "operatorRoles",
        {"operator_roles": (f"arn:aws:iam::{ACCOUNT}:role/g*",)},
        {"operator_roles": (f"{ROLE}-2",), "function_roles": (ROLE,)},
    ),
    *(
        (
            f"spec.{field}.{member}",
            {field: {member: ROLE}},
            "refused_function_role",
            "functionRoles",
            {"function_roles": (ROLE,)},
            {"function_roles": ("arn:aws:iam::210987654321:role/*",), "operator_roles": (ROLE,)},
        )
        for field, member in (
            ("processor", "roleArn"),
            ("anomalyDetection", "roleArn"),
            ("anomalyDetection", "schedulerRoleArn"),
        )
    ),
    (
        "spec.alerts.topicArn",
        {"alerts": {"topicArn": TOPIC}},
        "refused_topic",
        "topics",
        {"topics": (f"arn:aws:sns:*:{ACCOUNT}:pag*",)},
        {"topics": (f"{TOPIC}s",), "alarm_actions": (TOPIC,)},
    ),
    (
        "spec.alerts.topicArn",
        {"alerts": {"topicArn": VICTIM}},
        "refused_topic",
        "topics",
        {"topics": (VICTIM,)},
        {"topics": (f"arn:aws:sns:*:{ACCOUNT}:*",)},
    ),
    (
        "spec.alarms.actionArns[0]",
        {"alarms": {"actionArns": [ACTION]}},
        "refused_alarm_action",
        "alarmActions",
        {"alarm_actions": (f"arn:aws:autoscaling:*:{ACCOUNT}:*/prod",)},
        {"alarm_actions": (f"arn:aws:sns:*:{ACCOUNT}:*",)},
    ),
    *(
        (
            f"spec.{part}.kmsKeyId",
            {part: {"kmsKeyId": key}},
            "refused_key",
            "kmsKeys",
            {"kms_keys": (key,)},
            {"kms_keys": ("alias/other", f"{KEY[:-1]}6")},
        )
        for part in ("stream", "tables", "archive", "deadLetter", "alerts", "logs")
        for key in ("alias/team-b", KEY)
    ),
    (
        "spec.alerts.emails[0]",
        {"alerts": {"emails": ["eve@evil.example"]}},
        "refused_mail_domain",
        "emailDomains",
        {"email_domains": ("corp.example", "evil.example")},
        {"email_domains": ("corp.example", "*.evil.example", "evil.exampl")},
    ),
]


def grants(**given: Any) -> Grants:
    """Grants of a namespace."""
    return Grants("team-b", Tenant.model_validate({"namespaces": ("team-*",), **given}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[4]}")
def test_foreign_values_are_refused_until_listed(case: Case) -> None:
    """By default and with neighbouring patterns; the message names field, setting and person."""
    path, spec, check, setting, opens, nearly = case
    parsed = Spec.model_validate(spec)
    closed = [grants(**nearly), Grants("team-b", None)]
    if setting != "emailDomains":
        closed.append(grants())
    for one in closed:
        refused = getattr(one, check)(parsed)
        assert refused.startswith(path)
        assert f"tenants[].{setting}" in refused
        assert "the operator's administrator sets it" in refused
    assert getattr(grants(**opens), check)(parsed) == ""


@pytest.mark.parametrize("part", ["stream", "tables", "archive", "deadLetter", "alerts", "logs"])
def test_keys_that_aws_manages_are_nobodys(part: str) -> None:
    """Each account has its own; none needs a grant."""
    spec = Spec.model_validate({part: {"kmsKeyId": "alias/aws/kinesis"}})
    assert grants().refused_key(spec) == ""


def test_no_whole_address_in_a_refusal() -> None:
    """The message stands in status and Events, which more people read than the spec."""
    spec = Spec.model_validate({"alerts": {"emails": ["eve.smith@evil.example"]}})
    assert "eve" not in grants(email_domains=("corp.example",)).refused_mail_domain(spec)


@pytest.mark.parametrize(
    ("spec", "limits", "path"),
    [
        ({"stream": {"shards": 5}}, {"shards": 4}, "spec.stream.shards 5"),
        (
            {"stream": {"shards": 1, "autoscaling": {"minShards": 1, "maxShards": 5}}},
            {"shards": 4},
            "spec.stream.autoscaling.maxShards 5",
        ),
        ({"stream": {"mode": "OnDemand"}}, {"onDemandStreams": False}, "spec.stream.mode OnDemand"),
        (
            {
                "tables": {
                    "billingMode": "Provisioned",
                    "provisioned": {"readUnits": 5, "writeUnits": 1},
                }
            },
            {"tableUnits": 4},
            "spec.tables.provisioned.readUnits 5",
        ),
        (
            {
                "tables": {
                    "billingMode": "Provisioned",
                    "provisioned": {"readUnits": 1, "writeUnits": 5},
                }
            },
            {"tableUnits": 4},
            "spec.tables.provisioned.writeUnits 5",
        ),
        ({"processor": {"memoryMiB": 512}}, {"memoryMiB": 256}, "spec.processor.memoryMiB 512"),
        (
            {"anomalyDetection": {"memoryMiB": 512}},
            {"memoryMiB": 256},
            "spec.anomalyDetection.memoryMiB 512",
        ),
        (
            {"processor": {"reservedConcurrency": 900}},
            {"reservedConcurrency": 10},
            "spec.processor.reservedConcurrency 900",
        ),
        (
            {"anomalyDetection": {"reservedConcurrency": 900}},
            {"reservedConcurrency": 0},
            "spec.anomalyDetection.reservedConcurrency 900",
        ),
        (
            {"collector": {"enabled": True, "memoryMiB": 512, "allowedOrigins": ["https://a.b"]}},
            {"memoryMiB": 256},
            "spec.collector.memoryMiB 512",
        ),
        (
            {"collector": {"enabled": True, "allowedOrigins": ["https://a.b"]}},
            {"reservedConcurrency": 5},
            "spec.collector.reservedConcurrency 10",
        ),
    ],
)
def test_sizes_have_ceilings(spec: dict[str, Any], limits: dict[str, Any], path: str) -> None:
    """Without a ceiling the schema's bounds hold; the refusal names size and ceiling."""
    parsed = Spec.model_validate(spec)
    refused = grants(limits=limits).above_a_ceiling(parsed)
    assert refused.startswith(path)
    assert f"tenants[].limits.{next(iter(limits))}" in refused
    assert grants().above_a_ceiling(parsed) == ""


def test_a_collector_that_is_off_reserves_nothing() -> None:
    """Its default is no size that a ceiling could refuse."""
    limits = {"reservedConcurrency": 5, "memoryMiB": 128}
    refused = grants(limits=limits).above_a_ceiling(Spec.model_validate({}))
    assert "collector" not in refused


@pytest.mark.parametrize("field", ["tokensSecretArn", "originSecretArn"])
@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/tokens",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/edge-AbCdEf",
    ],
)
def test_secrets_must_be_granted(field: str, arn: str) -> None:
    """None is by default: the function would read it for whoever writes the spec."""
    spec = Spec.model_validate({"collector": {field: arn}})
    refused = grants().refused_secret(spec)
    assert refused.startswith(f"spec.collector.{field} {arn} is not allowed")
    assert "tenants[].secrets" in refused
    pattern = arn.replace("shop/", "shop/*").rpartition("*")[0] + "*"
    assert grants(secrets=(pattern,)).refused_secret(spec) == ""
    assert grants(secrets=(arn.replace("shop", "web"),)).refused_secret(spec)


@pytest.mark.parametrize(("older", "refused"), [(0, False), (1, False), (2, True), (9, True)])
def test_the_oldest_pipelines_keep_their_places(older: int, *, refused: bool) -> None:
    """A ceiling of two lets the third wait."""
    assert bool(grants(limits={"pipelines": 2}).too_many(older)) is refused
    assert grants().too_many(older) == ""


def test_region_must_be_granted() -> None:
    """All by default."""
    assert grants().refused_region("us-east-1") == ""
    refused = grants(regions=("eu-*",)).refused_region("us-east-1")
    assert refused.startswith("spec.region us-east-1 is not allowed")
    assert "tenants[].regions" in refused


def test_the_examples_need_just_the_grants_of_the_shipped_file() -> None:
    """Each key of the file is needed by an example, and no example needs more."""
    granted = Grants.of(parse((EXAMPLES / "values" / "tenants.yaml").read_text()), "anywhere")
    asked: dict[str, set[str]] = {"kmsKeys": set(), "alarmActions": set(), "adopt": set()}
    for path in sorted(EXAMPLES.glob("*.yaml")):
        spec = Spec.model_validate(yaml.safe_load(path.read_text())["spec"])
        checks = {
            "kmsKeys": granted.refused_key(spec),
            "alarmActions": granted.refused_alarm_action(spec),
            "topics": granted.refused_topic(spec),
            "functionRoles": granted.refused_function_role(spec),
            "operatorRoles": granted.refused_operator_role(spec),
        }
        assert {key: said for key, said in checks.items() if said} == {}, path.name
        if grants().refused_key(spec):
            asked["kmsKeys"].add(path.stem)
        if grants().refused_alarm_action(spec):
            asked["alarmActions"].add(path.stem)
        if spec.adoption_policy == "Always":
            given = spec.names.model_dump(exclude_none=True).values()
            assert all(granted.may_adopt(name) for name in given), path.name
            asked["adopt"].add(path.stem)
    assert asked == {
        "kmsKeys": {"privacy-strict"},
        "alarmActions": {"production"},
        "adopt": {"adopt-terraform"},
    }
