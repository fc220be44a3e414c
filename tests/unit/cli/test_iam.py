"""`iam`: least-privilege documents for one account and certain names."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from clickstream_operator.cli.design import Place, design
from clickstream_operator.pipeline import names
from tests.terminal import piped

IAM = Path(__file__).parents[3] / "examples" / "iam"
MANIFEST = """\
apiVersion: clickstream.dev/v1alpha1
kind: ClickstreamPipeline
metadata: {name: a-shop-with-a-long-name, namespace: analytics}
spec:
  region: eu-west-1
  names: {stream: web-events, countersTable: counts}
"""
PLACE = ("--account", "111122223333", "--cluster-id", "prod", "--region", "eu-west-1")
BASE = names.base_name(cluster="prod", namespace="analytics", name="a-shop-with-a-long-name")


def printed(*arguments: str, given: str = "") -> Any:
    """The printed document."""
    done = piped(["iam", *arguments], given=given)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def resources(policy: Any) -> list[str]:
    """Every resource of a policy."""
    return [arn for one in policy["Statement"] for arn in one["Resource"]]


def test_without_manifests_names_are_open_and_the_account_is_not() -> None:
    """The policy that people install, for one account."""
    found = printed("policy", *PLACE)
    reference = json.loads(
        (IAM.parents[1] / "docs" / "reference" / "operator-policy.json").read_text("utf-8")
    )
    assert [one["Action"] for one in found["Statement"]] == [
        one["Action"] for one in reference["Statement"]
    ]
    assert "arn:aws:dynamodb:*:111122223333:table/*-????????-counters" in resources(found)
    assert not [arn for arn in resources(found) if ":*:*:" in arn]


def test_with_manifests_the_policy_holds_their_names_only() -> None:
    """Derived names, chosen ones in their place, and the bucket, whose derived name is cut."""
    found = resources(printed("policy", "-f", "-", *PLACE, given=MANIFEST))
    assert "arn:aws:kinesis:eu-west-1:111122223333:stream/web-events" in found
    assert "arn:aws:dynamodb:eu-west-1:111122223333:table/counts" in found
    assert f"arn:aws:dynamodb:eu-west-1:111122223333:table/{BASE}-page-metrics" in found
    assert not [arn for arn in found if "*-????????" in arn]
    body = {"metadata": {"name": "a-shop-with-a-long-name", "namespace": "analytics"}}
    bucket = design(body, Place("111122223333", "eu-west-1", "analytics", "prod")).effective.names[
        "archive"
    ]
    assert {f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"} <= set(found)


@pytest.mark.parametrize(("kind", "name"), [("boundary", "permissions-boundary.json")])
def test_every_narrowed_right_is_one_of_the_open_document(kind: str, name: str) -> None:
    """A narrower document never allows more."""
    wide = json.loads((IAM / name).read_text("utf-8"))
    narrow = printed(kind, "-f", "-", *PLACE, given=MANIFEST)
    chosen = {f"{BASE}-events": "web-events", f"{BASE}-counters": "counts"}
    for one in narrow["Statement"]:
        for action in one["Action"]:
            for arn in one["Resource"]:
                derived = arn
                for old, new in chosen.items():
                    derived = derived.replace(f"/{new}", f"/{old}")
                assert any(
                    action in each["Action"]
                    and any(fnmatchcase(derived, p) for p in each["Resource"])
                    for each in wide["Statement"]
                ), (action, arn)


def test_roles_are_bounded_or_given() -> None:
    """By the boundary's ARN in a condition; or without any right to write to IAM."""
    arn = "arn:aws:iam::111122223333:policy/limits"
    bounded = json.dumps(printed("policy", "--boundary", arn, *PLACE))
    assert f'"iam:PermissionsBoundary": "{arn}"' in bounded
    given = json.dumps(printed("policy", "--given-roles", *PLACE))
    assert "iam:CreateRole" not in given
    refused = piped(["iam", "policy", "--given-roles", "--boundary", arn])
    assert refused.returncode == 3


def test_the_trust_is_of_the_service_account_only() -> None:
    """By Pod Identity, or by the issuer of the cluster."""
    pod = printed("trust", "--operator-namespace", "ops", "--service-account", "op")
    assert pod["Statement"][0]["Condition"]["StringEquals"] == {
        "aws:RequestTag/kubernetes-namespace": "ops",
        "aws:RequestTag/kubernetes-service-account": "op",
    }
    issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC/"
    irsa = printed("trust", "--oidc-issuer", issuer, "--operator-namespace", "ops")
    asked = irsa["Statement"][0]["Condition"]["StringEquals"]
    assert asked["oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub"] == (
        "system:serviceaccount:ops:clickstream-operator"
    )


@pytest.mark.parametrize("kind", ["policy", "boundary", "trust"])
def test_templates_hold_the_same_document(kind: str) -> None:
    """CloudFormation as an object, Terraform as text."""
    plain = printed(kind)
    template = printed(kind, "-o", "cloudformation")
    (resource,) = template["Resources"].values()
    properties = resource["Properties"]
    assert plain in (
        properties.get("PolicyDocument"),
        properties.get("AssumeRolePolicyDocument"),
    )
    module = printed(kind, "-o", "terraform")["resource"]
    (resources_of_kind,) = module.values()
    (made,) = resources_of_kind.values()
    # Terraform takes ${ for its own; IAM's variables are escaped.
    text = (made.get("policy") or made["assume_role_policy"]).replace("$${", "${")
    assert json.loads(text) == plain
