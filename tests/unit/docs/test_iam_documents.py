"""The IAM policies that people install: what they reach, and whether IAM takes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.pipeline import names
from clickstream_operator.resources import sqs_queue
from docs.generator.operator_policy import MissingGrantError, calls, operator_policy

ROOT = Path(__file__).parents[3]
POLICIES = [
    ROOT / "docs" / "reference" / "operator-policy.json",
    ROOT / "examples" / "iam" / "operator-policy-bounded.json",
    ROOT / "examples" / "iam" / "operator-policy-without-iam.json",
]
#: Characters without white space (IAM user guide, "IAM and AWS STS quotas").
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
def test_iam_takes_it_as_one_managed_policy(policy: Path, partition: str) -> None:
    """Also where ARNs are longer."""
    document = json.loads(policy.read_text(encoding="utf-8"))
    compact = json.dumps(document, separators=(",", ":"))
    assert len(compact.replace("arn:aws:", f"arn:{partition}:")) <= MANAGED_POLICY_LENGTH


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
    for value in ("aws.auth.roleArn", "aws.permissionsBoundaryArn"):
        assert f"--set {value}=" in page


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
