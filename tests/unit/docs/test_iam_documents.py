"""The IAM policies that people install: what they reach, and whether IAM takes them."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.pipeline import names
from clickstream_operator.resources import sqs_queue
from clickstream_operator.resources.iam_role import IAMRole
from docs.generator.operator_policy import (
    JOINED,
    MissingGrantError,
    actions_of,
    calls,
    joined,
    operator_policy,
)
from tests.unit.pipeline.built import build

ROOT = Path(__file__).parents[3]
POLICIES = [
    ROOT / "docs" / "reference" / "operator-policy.json",
    ROOT / "examples" / "iam" / "operator-policy-bounded.json",
    ROOT / "examples" / "iam" / "operator-policy-without-iam.json",
]
#: Characters without white space (IAM user guide, "IAM and AWS STS quotas").
ROLE_POLICIES_LENGTH = 10240
MANAGED_POLICY_LENGTH = 6144
PLACE = AwsLocation("aws", "eu-west-1", "123456789012")
IN_REGION = f"{PLACE.region}:{PLACE.account}"
#: Of others, with names that end or begin as ours do.
FOREIGN = (
    f"arn:aws:lambda:{IN_REGION}:function:payment-processor",
    f"arn:aws:kinesis:{IN_REGION}:stream/orders-events",
    f"arn:aws:dynamodb:{IN_REGION}:table/shop-counters",
    "arn:aws:s3:::acme-archive-2020",
    "arn:aws:s3:::acme-archive-2020/key",
    f"arn:aws:sqs:{IN_REGION}:orders-dead-letter",
    f"arn:aws:sns:{IN_REGION}:orders-alerts",
    f"arn:aws:ssm:{IN_REGION}:parameter/database/password",
    f"arn:aws:iam::{PLACE.account}:role/administrator",
    f"arn:aws:iam::{PLACE.account}:role/payment-processor",
    f"arn:aws:logs:{IN_REGION}:log-group:/aws/lambda/payment-processor",
    f"arn:aws:scheduler:{IN_REGION}:schedule/default/nightly",
    f"arn:aws:cloudwatch:{IN_REGION}:alarm:payment-errors",
    f"arn:aws:cloudwatch::{PLACE.account}:dashboard/payment",
    f"arn:aws:cloudwatch:{IN_REGION}:alarm-mute-rule:shop-customer-resize",
)

policies = pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.stem)


def resources(policy: Path) -> Iterator[tuple[str, str]]:
    """Each pattern, with the statement that it stands in, but not of those that only list."""
    for statement in json.loads(policy.read_text(encoding="utf-8"))["Statement"]:
        patterns: Any = statement["Resource"]
        if patterns == ["*"]:
            patterns = (
                statement.get("Condition", {}).get("ArnLike", {}).get("lambda:FunctionArn", [])
            )
        yield from ((statement["Sid"], one) for one in patterns)


@policies
def test_nobody_elses_resources_are_reached(policy: Path) -> None:
    """The names of pipelines hold eight characters of a hash, and so do the patterns."""
    reached = [
        (arn, sid)
        for arn in FOREIGN
        for sid, pattern in resources(policy)
        if fnmatchcase(arn, pattern)
    ]
    assert reached == []


@policies
@pytest.mark.parametrize("name", ["a", "shop", "x" * 40])
@pytest.mark.parametrize("account_regional", [True, False])
def test_every_derived_name_is_reached(policy: Path, name: str, *, account_regional: bool) -> None:
    """However short or long the pipeline's name is, and whichever way its bucket is named."""
    base = names.base_name(cluster="prod", namespace="analytics", name=name)
    derived = names.physical_names(
        base=base, place=PLACE, spec=Spec(), account_regional=account_regional
    )
    iam = "without-iam" not in policy.stem
    wanted = {
        f"arn:aws:kinesis:{IN_REGION}:stream/{derived[components.STREAM]}",
        *(
            f"arn:aws:dynamodb:{IN_REGION}:table/{derived[table]}"
            for table in (components.PAGE_METRICS, components.SESSION_METRICS, components.COUNTERS)
        ),
        f"arn:aws:s3:::{derived[components.ARCHIVE]}",
        f"arn:aws:s3:::{derived[components.ARCHIVE]}/config/x.json",
        f"arn:aws:sqs:{IN_REGION}:{derived[components.DEAD_LETTER]}",
        f"arn:aws:sns:{IN_REGION}:{derived[components.ALERTS]}",
        f"arn:aws:ssm:{IN_REGION}:parameter{derived[components.HASH_KEY]}",
        *(
            f"arn:aws:lambda:{IN_REGION}:function:{derived[function]}"
            for function in (components.PROCESSOR, components.DETECTOR)
        ),
        *(
            f"arn:aws:logs:{IN_REGION}:log-group:{derived[group]}"
            for group in (components.PROCESSOR_LOGS, components.DETECTOR_LOGS)
        ),
        f"arn:aws:scheduler:{IN_REGION}:schedule/default/{derived[components.SCHEDULE]}",
        f"arn:aws:cloudwatch:{IN_REGION}:alarm:{base}-processor-errors",
        f"arn:aws:cloudwatch::{PLACE.account}:dashboard/{derived[components.DASHBOARD]}",
        *(
            f"arn:aws:iam::{PLACE.account}:role/clickstream/{derived[role]}"
            for role in (
                components.PROCESSOR_ROLE,
                components.DETECTOR_ROLE,
                components.SCHEDULER_ROLE,
            )
            if iam
        ),
    }
    patterns = [pattern for _, pattern in resources(policy)]
    missed = [arn for arn in sorted(wanted) if not any(fnmatchcase(arn, one) for one in patterns)]
    assert missed == []


@policies
@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_iam_takes_it_as_the_policy_of_a_role(policy: Path, partition: str) -> None:
    """Also where ARNs are longer."""
    assert length(policy, partition) <= ROLE_POLICIES_LENGTH


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_iam_takes_the_boundary_as_a_managed_policy(partition: str) -> None:
    """A boundary is one."""
    boundary = ROOT / "examples" / "iam" / "permissions-boundary.json"
    assert length(boundary, partition) <= MANAGED_POLICY_LENGTH


def length(policy: Path, partition: str) -> int:
    """Characters of a document in a partition."""
    compact = json.dumps(json.loads(policy.read_text(encoding="utf-8")), separators=(",", ":"))
    return len(compact.replace("arn:aws:", f"arn:{partition}:"))


def test_the_page_asks_for_what_the_templates_print() -> None:
    """Both ARNs go into the chart: without the boundary's IAM refuses the roles."""
    page = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    iam = ROOT / "examples" / "iam"
    stack = json.loads((iam / "cloudformation.json").read_text(encoding="utf-8"))
    module = json.loads((iam / "terraform" / "main.tf.json").read_text(encoding="utf-8"))
    assert {f"output {name}" for name in stack["Outputs"]} <= set(
        re.findall(r"\$\((output \w+)\)", page)
    )
    assert set(module["output"]) == set(re.findall(r"terraform output -raw (\w+)", page))
    passed = set(re.findall(r"^ +--parameter-overrides (.*)$", page, re.MULTILINE)[0].split())
    assert {one.partition("=")[0] for one in passed} <= stack["Parameters"].keys()
    values = yaml.safe_load(re.findall(r"<<END\n(.*?)^END$", page, re.MULTILINE | re.DOTALL)[0])
    assert values["aws"]["auth"]["roleArn"] == "$ROLE_ARN"
    assert values["aws"]["permissionsBoundaryArn"] == "$BOUNDARY_ARN"


def test_a_call_without_a_grant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy can't be generated before the module says on what its new call is allowed."""
    assert len(list(calls())) > 80, "the search for calls found too few to be believed"
    monkeypatch.setattr(sqs_queue, "GRANTS", ())
    with pytest.raises(MissingGrantError, match=r"resources\.sqs_queue needs sqs:"):
        operator_policy()


def test_a_call_of_a_service_that_is_new_is_not_overlooked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No list says which services the code may call: AWS's own does."""
    written = Path(sqs_queue.__file__).read_text(encoding="utf-8")
    module = tmp_path / "sqs_queue.py"
    module.write_text(f"{written}\n\nread('firehose', 'describe_delivery_stream')\n", "utf-8")
    monkeypatch.setattr(sqs_queue, "__file__", str(module))
    with pytest.raises(MissingGrantError, match="needs firehose:DescribeDeliveryStream"):
        operator_policy()


def test_actions_besides_a_calls_own_are_those_that_its_module_declares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A creation with tags needs the action for tags; without the declaration only its own."""
    assert actions_of("sqs", "create_queue") == {"sqs:CreateQueue", "sqs:TagQueue"}
    assert actions_of("sts", "get_caller_identity") == set()
    monkeypatch.setattr(sqs_queue, "BESIDES", {})
    assert actions_of("sqs", "create_queue") == {"sqs:CreateQueue"}


def test_actions_besides_a_call_that_is_gone_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the policy would go on to allow them."""
    monkeypatch.setattr(sqs_queue, "BESIDES", {"sqs:purge_queue": ("sqs:TagQueue",)})
    with pytest.raises(MissingGrantError, match=r"sqs_queue has BESIDES of sqs:purge_queue"):
        operator_policy()


def pairs(statements: dict[str, dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Action, resource of its service, and condition of each right."""
    return {
        (action, arn, json.dumps(one["condition"], sort_keys=True))
        for one in statements.values()
        for action in one["actions"]
        for arn in one["resources"]
        if arn == "*" or arn.split(":")[2] == action.partition(":")[0]
    }


def test_statements_are_joined_without_a_right_more() -> None:
    """Also where two are of one service and of different resources, or have a condition."""

    def made(actions: str, *resources: str, **condition: Any) -> dict[str, Any]:
        return {"actions": {actions}, "resources": list(resources), "condition": condition}

    before = {
        "Queue": made("sqs:CreateQueue", "arn:aws:sqs:*:*:a"),
        "Topic": made("sns:CreateTopic", "arn:aws:sns:*:*:a"),
        "Tags": made("sns:ListTagsForResource", "arn:aws:sns:*:*:b"),
        "Owned": made("sqs:DeleteQueue", "arn:aws:sqs:*:*:a", StringLike={"a": "b"}),
        "Lists": made("sqs:ListQueues", "*"),
        "Table": made("dynamodb:CreateTable", "arn:aws:dynamodb:*:*:a"),
    }
    after = joined(before)
    assert pairs(after) == pairs(before)
    assert after.keys() == {JOINED, "Tags", "Owned", "Lists"}
    assert after[JOINED]["actions"] == {
        "sqs:CreateQueue",
        "sns:CreateTopic",
        "dynamodb:CreateTable",
    }


def test_a_call_about_two_resources_is_allowed_on_both() -> None:
    """A mute is put on its rule, and on alarms that are ours by their tag."""
    found = [
        one
        for one in json.loads(operator_policy())["Statement"]
        if "cloudwatch:PutAlarmMuteRule" in one["Action"]
    ]
    assert {one["Sid"] for one in found} == {JOINED, "Owned"}


IAM = ROOT / "examples" / "iam"
GENERATOR: dict[str, Any] = runpy.run_path(str(IAM / "generate.py"))
BOUNDARY = "arn:aws:iam::123456789012:policy/clickstream-boundary"
SUBJECT = "system:serviceaccount:clickstream-system:clickstream-operator"
#: What gives a role more than its boundary allows, unless IAM asks for the boundary (IAM user
#: guide, "Delegate responsibility to others using permissions boundaries").
BOUNDED = {"iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"}


def statements(path: Path) -> list[dict[str, Any]]:
    """The statements of a document."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["Statement"]
    return found


def test_the_operator_may_do_what_it_calls_and_nothing_else() -> None:
    """The policy that people install is the one that follows from the code."""
    assert POLICIES[0].read_text(encoding="utf-8") == operator_policy()


@pytest.mark.parametrize("name", GENERATOR["FILES"])
def test_a_document_is_what_its_generator_makes(name: str) -> None:
    """A change of either without the other is no change of what people install."""
    made = GENERATOR["FILES"][name]()
    assert json.loads((IAM / name).read_text(encoding="utf-8")) == made


def test_roles_can_only_be_made_within_the_boundary() -> None:
    """Each action that could give a role more asks for the boundary, and none takes it away."""
    free, bounded = set[str](), set[str]()
    for one in statements(IAM / "operator-policy-bounded.json"):
        condition = one.get("Condition", {})
        asks = condition.get("StringEquals", {}).get("iam:PermissionsBoundary") == BOUNDARY
        (bounded if asks else free).update(one["Action"])
    assert bounded == BOUNDED
    plain = {action for one in statements(POLICIES[0]) for action in one["Action"]}
    assert free == plain - BOUNDED - {"iam:DeleteRolePermissionsBoundary"}


def test_without_iam_roles_are_given_and_not_made() -> None:
    """The operator passes roles of one name on, and writes nothing to IAM."""
    iam = [
        one
        for one in statements(IAM / "operator-policy-without-iam.json")
        if any(action.startswith("iam:") for action in one["Action"])
    ]
    assert [(one["Action"], one["Resource"]) for one in iam] == [
        (["iam:PassRole"], ["arn:aws:iam::123456789012:role/clickstream-given-*"])
    ]


def test_the_boundary_allows_what_the_roles_are_given_and_no_way_out() -> None:
    """Each right of the policies that the operator writes; nothing of IAM or STS, no function.

    What the boundary lacks, a role has not, whatever its policies say.
    """
    allowed = [
        (action, pattern)
        for one in statements(IAM / "permissions-boundary.json")
        for action in one["Action"]
        for pattern in one["Resource"]
    ]
    assert not [
        one for one in statements(IAM / "permissions-boundary.json") if "*" in one["Action"]
    ]
    assert {action.split(":")[0] for action, _ in allowed}.isdisjoint({"iam", "sts"})
    assert {action for action, _ in allowed if action.startswith("lambda:")} == {
        "lambda:InvokeFunction"
    }
    roles = [
        one
        for one in build({"alerts": {"enabled": True}}, permissions_boundary=BOUNDARY).values()
        if isinstance(one, IAMRole)
    ]
    assert len(roles) == 3
    missed = [
        (action, arn)
        for role in roles
        for policy in json.loads(json.dumps(role._inline_policies)).values()
        for one in policy["Statement"]
        for action in one["Action"]
        for arn in one["Resource"]
        if not any(action == known and fnmatchcase(arn, end) for known, end in allowed)
    ]
    assert missed == []


def trusts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every trust policy that is installed, with where it stands."""
    for kind in ("irsa", "pod-identity"):
        yield f"file {kind}", json.loads((IAM / f"trust-{kind}.json").read_text(encoding="utf-8"))
    stack = json.loads((IAM / "cloudformation.json").read_text(encoding="utf-8"))
    role = stack["Resources"]["OperatorRole"]["Properties"]["AssumeRolePolicyDocument"]["Fn::If"]
    yield "stack irsa", json.loads(role[1]["Fn::Sub"])
    yield "stack pod-identity", json.loads(role[2])
    module = json.loads((IAM / "terraform" / "main.tf.json").read_text(encoding="utf-8"))
    yield "module irsa", json.loads(module["locals"]["irsa"])
    yield "module pod-identity", json.loads(module["locals"]["pod_identity"])


@pytest.mark.parametrize(("place", "trust"), list(trusts()))
def test_only_the_operators_service_account_is_trusted(place: str, trust: dict[str, Any]) -> None:
    """Not every one of the cluster: the subject and the audience, or both tags of the session."""
    (statement,) = trust["Statement"]
    condition = statement["Condition"]
    assert condition.keys() == {"StringEquals"}
    asked = condition["StringEquals"]
    if place.endswith("pod-identity"):
        _, _, namespace, account = SUBJECT.split(":")
        assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        assert asked == {
            "aws:RequestTag/kubernetes-namespace": namespace,
            "aws:RequestTag/kubernetes-service-account": account,
        }
        return
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    subjects = {"file": SUBJECT, "stack": "${Subject}", "module": "${var.subject}"}
    assert {key.rpartition(":")[2]: value for key, value in asked.items()} == {
        "aud": "sts.amazonaws.com",
        "sub": subjects[place.split(maxsplit=1)[0]],
    }
    issuers = {key.rpartition(":")[0] for key in asked}
    assert len(issuers) == 1
    assert statement["Principal"]["Federated"].endswith(f":oidc-provider/{issuers.pop()}")


def test_the_templates_install_the_bounded_policy_and_the_boundary() -> None:
    """With the account and the partition of whoever installs them."""
    expected = [
        {action for one in statements(IAM / name) for action in one["Action"]}
        for name in ("permissions-boundary.json", "operator-policy-bounded.json")
    ]
    stack = json.loads((IAM / "cloudformation.json").read_text(encoding="utf-8"))["Resources"]
    module = json.loads((IAM / "terraform" / "main.tf.json").read_text(encoding="utf-8"))
    role = stack["OperatorRole"]["Properties"]["Policies"]
    texts = module["resource"]
    for documents in (
        [stack["Boundary"]["Properties"]["PolicyDocument"], role[0]["PolicyDocument"]],
        [
            json.loads(texts["aws_iam_policy"]["boundary"]["policy"]),
            json.loads(texts["aws_iam_role_policy"]["operator"]["policy"]),
        ],
    ):
        found = [
            {action for one in each["Statement"] for action in one["Action"]} for each in documents
        ]
        assert found == expected
        conditions = [one.get("Condition") for one in documents[1]["Statement"]]
        assert any("iam:PermissionsBoundary" in json.dumps(one) for one in conditions)
        assert "123456789012" not in json.dumps(documents)
