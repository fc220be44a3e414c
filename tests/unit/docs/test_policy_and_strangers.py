"""The operator's policy in a thief's hands: what it does to resources of other systems.

Names of eight letters before a usual ending fit the patterns, because IAM knows no more than * and
?. What then decides are the tags.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clickstream_operator.aws.tags import CLUSTER
from tests.unit.docs.iam_evaluation import allowing

ROOT = Path(__file__).parents[3]
POLICIES = [
    ROOT / "docs" / "reference" / "operator-policy.json",
    ROOT / "examples" / "iam" / "operator-policy-bounded.json",
    ROOT / "examples" / "iam" / "operator-policy-without-iam.json",
]
PLACE = "eu-west-1:123456789012"
RESOURCE_TAG = f"aws:ResourceTag/{CLUSTER}"
REQUEST_TAG = f"aws:RequestTag/{CLUSTER}"
#: Names that the security review found, and others with a word of eight letters.
STEMS = (
    "shop-customer", "app-customer", "security-critical", "payment-standard", "acme-payments",
    "corp-database", "web-frontend", "team-platform", "prod-checkout", "data-pipeline",
    "iot-hardware", "crm-contacts", "hr-employee", "erp-supplier", "ads-campaign",
    "mail-delivery", "game-sessions", "bank-transfer", "log-internal", "api-external",
    "ops-incident", "dev-personal", "test-fixtures", "beta-features", "eu-regional",
    "us-national", "shop-products", "shop-discount", "user-profiles", "user-accounts",
    "cart-checkout", "cart-recovery", "auth-sessions", "auth-security", "geo-location",
    "news-articles", "blog-comments", "chat-messages", "video-playback", "music-playlist",
    "ride-dispatch", "food-delivery", "home-sensors1", "edge-gateways", "core-services",
    "main-database", "back-endpoint", "mobile-tracking", "risk-scoring1", "fraud-detector",
    "legal-contract", "sales-forecast", "stock-exchange", "trade-analysis", "store-checkout",
    "audit-security", "infra-monitors", "cloud-provider", "batch-schedule", "queue-consumer",
)  # fmt: skip
KINDS = {
    "kinesis": "arn:aws:kinesis:{place}:stream/{stem}-events",
    "dynamodb": "arn:aws:dynamodb:{place}:table/{stem}-counters",
    "sqs": "arn:aws:sqs:{place}:{stem}-dead-letter",
    "sns": "arn:aws:sns:{place}:{stem}-alerts",
    "lambda": "arn:aws:lambda:{place}:function:{stem}-processor",
    "logs": "arn:aws:logs:{place}:log-group:/aws/lambda/{stem}-detector",
    "cloudwatch": "arn:aws:cloudwatch:{place}:alarm:{stem}-errors",
}
#: The first makes an alarm as well as it changes one, and its actions are bounded; of the other
#: IAM knows no resource.
WITHOUT_TAG = {"cloudwatch:PutMetricAlarm", "sns:Unsubscribe"}
NO_CHANGE = ("Create", "Describe", "Get", "List")

policies = pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)


def statements(path: Path) -> list[dict[str, Any]]:
    """The statements of a document."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["Statement"]
    return found


def changes(path: Path, service: str) -> Iterator[str]:
    """Actions of a policy that change what is there."""
    for action in sorted({one for each in statements(path) for one in each["Action"]}):
        name = action.partition(":")[2]
        if action.startswith(f"{service}:") and not name.startswith(NO_CHANGE):
            yield action


@policies
@pytest.mark.parametrize("tags", [{}, {"aws:ResourceTag/Owner": "payments"}], ids=["bare", "owned"])
def test_no_stranger_is_changed(path: Path, tags: dict[str, str]) -> None:
    """Whatever its name, a resource without the tag of a cluster is neither changed nor deleted."""
    assert len(STEMS) >= 56
    keys = {
        **tags,
        "sns:Protocol": "email",
        "lambda:FunctionArn": KINDS["lambda"].format(place=PLACE, stem=STEMS[0]),
        "aws:ResourceAccount": "123456789012",
    }
    done = {
        (action, stem)
        for stem in STEMS
        for service, arn in KINDS.items()
        for action in changes(path, service)
        for _ in allowing(statements(path), action, arn.format(place=PLACE, stem=stem), keys)
    }
    assert {action for action, _ in done} == WITHOUT_TAG


@policies
def test_buckets_of_strangers_do_not_fit(path: Path) -> None:
    """Ours have the account in their names, and no other account's is taken."""
    rights = statements(path)
    keys = {"aws:ResourceAccount": "${aws:PrincipalAccount}"}
    names = [
        f"{stem}-archive{end}" for stem in STEMS for end in ("", "-2023", "-prod", "-eu-west-1")
    ]
    reached = [
        (action, name)
        for name in names
        for arn in (f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/key")
        for action in changes(path, "s3")
        for _ in allowing(rights, action, arn, keys)
    ]
    assert reached == []
    own = "arn:aws:s3:::shop-abcdefgh-archive-123456789012-eu-west-1"
    assert list(allowing(rights, "s3:DeleteBucket", own, keys))
    other = {"aws:ResourceAccount": "999999999999"}
    assert not list(allowing(rights, "s3:DeleteBucket", own, other))


@policies
def test_ours_are_changed_and_adopted(path: Path) -> None:
    """By the tag that every resource of a pipeline has from its creation on."""
    rights = statements(path)
    ours = {
        RESOURCE_TAG: "prod",
        "sns:Protocol": "email",
        "lambda:FunctionArn": f"arn:aws:lambda:{PLACE}:function:shop-abcdefgh-processor",
    }
    for service, pattern in KINDS.items():
        arn = pattern.format(place=PLACE, stem="shop-abcdefgh")
        about = {
            action
            for one in rights
            for action in one["Action"]
            if action.startswith(f"{service}:") and arn_of_kind(one, service)
        }
        for action in about & set(changes(path, service)):
            of = arn
            if action.endswith("EventSourceMapping"):
                of = f"arn:aws:lambda:{PLACE}:event-source-mapping:1"
            if "Dashboard" in action:
                continue
            if action == "cloudwatch:DeleteAlarmMuteRule":
                of = f"arn:aws:cloudwatch:{PLACE}:alarm-mute-rule:clickstream-mute-shop-abcdefgh"
            assert list(allowing(rights, action, of, ours)), action


def arn_of_kind(one: dict[str, Any], service: str) -> bool:
    """Whether a statement is about resources of a service."""
    return any(arn.startswith(f"arn:aws:{service}:") for arn in one["Resource"])


TAGGING = [
    ("kinesis", "kinesis:AddTagsToStream"),
    ("dynamodb", "dynamodb:TagResource"),
    ("sqs", "sqs:TagQueue"),
    ("sns", "sns:TagResource"),
    ("lambda", "lambda:TagResource"),
    ("logs", "logs:TagResource"),
]


@policies
@pytest.mark.parametrize(("service", "action"), TAGGING)
def test_a_first_tag_names_a_cluster_and_takes_over_from_none(
    path: Path, service: str, action: str
) -> None:
    """At creation and adoption. With the cluster in the policy, another cluster's stay its own."""
    text = json.dumps(statements(path)).replace(f'{CLUSTER}": "*"', f'{CLUSTER}": "prod"')
    rights = json.loads(text)
    arn = KINDS[service].format(place=PLACE, stem="shop-abcdefgh")

    def may(**keys: str) -> bool:
        return bool(list(allowing(rights, action, arn, keys)))

    assert may(**{REQUEST_TAG: "prod"})
    assert may(**{RESOURCE_TAG: "prod"})
    assert not may()
    assert not may(**{REQUEST_TAG: "evil"})
    assert not may(**{RESOURCE_TAG: "other", REQUEST_TAG: "prod"})


def test_roles_take_no_tags_by_which_others_give_rights() -> None:
    """Tags of a role are those of its sessions: access-level=admin may mean something elsewhere."""
    for path in POLICIES[:2]:
        arn = "arn:aws:iam::123456789012:role/clickstream/shop-abcdefgh-processor"
        keys: dict[str, str | list[str]] = {REQUEST_TAG: "prod", RESOURCE_TAG: "prod"}
        own = keys | {"aws:TagKeys": [CLUSTER, "clickstream.dev/uid"]}
        more = keys | {"aws:TagKeys": [CLUSTER, "access-level"]}
        assert list(allowing(statements(path), "iam:TagRole", arn, own))
        assert not list(allowing(statements(path), "iam:TagRole", arn, more))


@policies
def test_alarms_act_on_topics_alone(path: Path) -> None:
    """CloudWatch acts with rights of its own: an alarm could scale or stop what is others'."""
    arn = KINDS["cloudwatch"].format(place=PLACE, stem="shop-abcdefgh")

    def may(*actions: str) -> bool:
        keys: dict[str, str | list[str]] = {"cloudwatch:AlarmActions": list(actions)}
        return bool(list(allowing(statements(path), "cloudwatch:PutMetricAlarm", arn, keys)))

    topic = f"arn:aws:sns:{PLACE}:shop-abcdefgh-alerts"
    assert may()
    assert may(topic)
    assert not may(topic, f"arn:aws:autoscaling:{PLACE}:scalingPolicy:x:autoScalingGroupName/prod")
    assert not may("arn:aws:automate:eu-west-1:ec2:terminate")


def test_the_boundary_uses_keys_for_pipelines_of_its_account_only() -> None:
    """A key that leaves its use to IAM decrypts nothing but what a pipeline's services hold."""
    boundary = statements(ROOT / "examples" / "iam" / "permissions-boundary.json")
    key = f"arn:aws:kms:{PLACE}:key/1234"
    account = {"aws:ResourceAccount": "${aws:PrincipalAccount}"}

    def may(**keys: str) -> bool:
        return bool(list(allowing(boundary, "kms:Decrypt", key, keys)))

    for service in ("kinesis", "dynamodb", "s3", "sqs", "sns"):
        assert may(**account, **{"kms:ViaService": f"{service}.eu-west-1.amazonaws.com"}), service
    assert not may(**account)
    assert not may(**account, **{"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"})
    assert not may(**{"kms:ViaService": "s3.eu-west-1.amazonaws.com", "aws:ResourceAccount": "9"})
