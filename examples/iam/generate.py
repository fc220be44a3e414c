"""The IAM documents that people install: ``python examples/iam/generate.py`` writes them.

All follow from docs/reference/operator-policy.json and from the policies that the operator gives to
the roles that it makes. ``--check`` writes nothing and fails when a file is not current.
"""

# ruff: noqa: INP001 - a script, not a module of a package

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.policies import document, statement
from clickstream_operator.pipeline import role_policies

HERE: Final = Path(__file__).parent
POLICY: Final = HERE.parents[1] / "docs" / "reference" / "operator-policy.json"
ANYWHERE: Final = AwsLocation("aws", "*", "*")
#: How the names of all pipelines begin: their own name, and eight characters of a hash.
BASE: Final = "*-????????"
ACCOUNT: Final = "123456789012"
ISSUER: Final = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
SUBJECT: Final = "system:serviceaccount:clickstream-system:clickstream-operator"
BOUNDARY: Final = f"arn:aws:iam::{ACCOUNT}:policy/clickstream-boundary"

#: What may only be done to a role that keeps the boundary.
_BOUNDED: Final = ("iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy")
#: What would take the boundary away.
_UNBOUNDING: Final = "iam:DeleteRolePermissionsBoundary"
#: Statements that write to IAM, or look at roles that the operator makes.
_IAM: Final = ("Roles", "ReadRoles")


def operator_policy() -> dict[str, Any]:
    """The policy of the operator."""
    found: dict[str, Any] = json.loads(POLICY.read_text(encoding="utf-8"))
    return found


def bounded_policy() -> dict[str, Any]:
    """The same, for roles that must carry the permissions boundary."""
    statements = []
    for one in operator_policy()["Statement"]:
        if one["Sid"] != "Roles":
            statements.append(one)
            continue
        free = [a for a in one["Action"] if a not in _BOUNDED and a != _UNBOUNDING]
        statements.append({**one, "Action": free})
        statements.append(
            statement(
                "BoundedRoles",
                actions=_BOUNDED,
                resources=one["Resource"],
                conditions={"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}},
            )
        )
    return document(statements)


def policy_without_iam() -> dict[str, Any]:
    """The same, where roles are given (tenants[].functionRoles)."""
    statements = [one for one in operator_policy()["Statement"] if one["Sid"] not in _IAM]
    given = [f"arn:aws:iam::{ACCOUNT}:role/clickstream-given-*"]
    return document(
        [{**one, "Resource": given} if one["Sid"] == "PassRoles" else one for one in statements]
    )


def permissions_boundary() -> dict[str, Any]:
    """The most that a role which the operator makes may ever do."""
    shared: dict[str, Any] = {
        "stream": f"{BASE}-events",
        "session_metrics_table": f"{BASE}-session-metrics",
        "counters_table": f"{BASE}-counters",
        "bucket": f"{BASE}-archive-*",
        "hash_key_parameter": "/clickstream/*",
        "log_group": f"/aws/lambda/{BASE}-*",
        "kms_key_arns": ["*"],
    }
    policies = (
        role_policies.processor_policy(
            ANYWHERE,
            **shared,
            page_metrics_table=f"{BASE}-page-metrics",
            queue=f"{BASE}-dead-letter",
        ),
        role_policies.detector_policy(ANYWHERE, **shared, topic_arn=ANYWHERE.topic("*")),
        role_policies.scheduler_policy(ANYWHERE, function=f"{BASE}-detector"),
    )
    actions: dict[tuple[str, ...], set[str]] = {}
    for policy in policies:
        for one in policy["Statement"]:
            actions.setdefault(tuple(one["Resource"]), set()).update(one["Action"])
    return document(
        [
            statement(f"Boundary{number}", actions=sorted(found), resources=list(resources))
            for number, (resources, found) in enumerate(sorted(actions.items()), start=1)
        ]
    )


def trust_irsa() -> dict[str, Any]:
    """Trust for IAM roles for service accounts: only the operator's ServiceAccount."""
    return document(
        [
            {
                "Sid": "Irsa",
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": SUBJECT}
                },
            }
        ]
    )


def trust_pod_identity() -> dict[str, Any]:
    """Trust for EKS Pod Identity: only the operator's ServiceAccount, by the session's tags."""
    _, _, namespace, account = SUBJECT.split(":")
    return document(
        [
            {
                "Sid": "PodIdentity",
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {
                        "aws:RequestTag/kubernetes-namespace": namespace,
                        "aws:RequestTag/kubernetes-service-account": account,
                    }
                },
            }
        ]
    )


def cloudformation() -> dict[str, Any]:
    """Both policies and the role, as a template; JSON is YAML too."""
    places = {"arn:aws:": "arn:${AWS::Partition}:", ACCOUNT: "${AWS::AccountId}"}
    trusts = {
        "irsa": _with(
            _text(trust_irsa()), {**places, ISSUER: "${OidcIssuer}", SUBJECT: "${Subject}"}
        ),
        "podIdentity": _text(trust_pod_identity()),
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "IAM for the clickstream operator. Generated by make iam.",
        "Parameters": {
            "Identity": {
                "Type": "String",
                "AllowedValues": ["irsa", "podIdentity"],
                "Default": "podIdentity",
                "Description": "How Pods get credentials.",
            },
            "OidcIssuer": {
                "Type": "String",
                "Default": "",
                "Description": "Issuer of the cluster's OIDC provider without https://; for irsa.",
            },
            "Subject": {
                "Type": "String",
                "Default": SUBJECT,
                "Description": "ServiceAccount of the operator; for irsa.",
            },
        },
        "Conditions": {"Irsa": {"Fn::Equals": [{"Ref": "Identity"}, "irsa"]}},
        "Resources": {
            "Boundary": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "ManagedPolicyName": "clickstream-boundary",
                    "PolicyDocument": _subbed(permissions_boundary(), places),
                },
            },
            "OperatorPolicy": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": _subbed(bounded_policy(), places)},
            },
            "OperatorRole": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "ManagedPolicyArns": [{"Ref": "OperatorPolicy"}],
                    # A key of a map can't be made from a parameter; a text can.
                    "AssumeRolePolicyDocument": {
                        "Fn::If": ["Irsa", {"Fn::Sub": trusts["irsa"]}, trusts["podIdentity"]]
                    },
                },
            },
        },
        "Outputs": {
            "RoleArn": {"Value": {"Fn::GetAtt": ["OperatorRole", "Arn"]}},
            "BoundaryArn": {"Value": {"Ref": "Boundary"}},
        },
    }


def terraform() -> dict[str, Any]:
    """The same as Terraform, in its JSON syntax."""
    places = {
        "arn:aws:": "arn:${data.aws_partition.current.partition}:",
        ACCOUNT: "${data.aws_caller_identity.current.account_id}",
    }
    irsa = {**places, ISSUER: "${var.oidc_issuer}", SUBJECT: "${var.subject}"}
    return {
        "variable": {
            "oidc_issuer": {
                "type": "string",
                "default": "",
                "description": "Issuer of the cluster's OIDC provider without https://, for IRSA. "
                "Empty: EKS Pod Identity.",
            },
            "subject": {
                "type": "string",
                "default": SUBJECT,
                "description": "ServiceAccount of the operator; for IRSA.",
            },
        },
        "data": {"aws_partition": {"current": {}}, "aws_caller_identity": {"current": {}}},
        "locals": {
            "irsa": _with(_text(trust_irsa()), irsa),
            "pod_identity": _text(trust_pod_identity()),
        },
        "resource": {
            "aws_iam_policy": {
                "boundary": {
                    "name": "clickstream-boundary",
                    "policy": _with(_text(permissions_boundary()), places),
                },
                "operator": {
                    "name": "clickstream-operator",
                    "policy": _with(_text(bounded_policy()), places),
                },
            },
            "aws_iam_role": {
                "operator": {
                    "name": "clickstream-operator",
                    "assume_role_policy": (
                        '${var.oidc_issuer == "" ? local.pod_identity : local.irsa}'
                    ),
                }
            },
            "aws_iam_role_policy_attachment": {
                "operator": {
                    "role": "${aws_iam_role.operator.name}",
                    "policy_arn": "${aws_iam_policy.operator.arn}",
                }
            },
        },
        "output": {
            "role_arn": {"value": "${aws_iam_role.operator.arn}"},
            "boundary_arn": {"value": "${aws_iam_policy.boundary.arn}"},
        },
    }


FILES: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "operator-policy-bounded.json": bounded_policy,
    "operator-policy-without-iam.json": policy_without_iam,
    "permissions-boundary.json": permissions_boundary,
    "trust-irsa.json": trust_irsa,
    "trust-pod-identity.json": trust_pod_identity,
    "cloudformation.json": cloudformation,
    "terraform/main.tf.json": terraform,
}


def _text(policy: Mapping[str, Any]) -> str:
    return json.dumps(policy, separators=(",", ":"))


def _with(text: str, words: Mapping[str, str]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    return text


def _subbed(value: Any, words: Mapping[str, str]) -> Any:
    """A document whose texts with one of the words are CloudFormation's Fn::Sub."""
    if isinstance(value, dict):
        return {key: _subbed(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_subbed(item, words) for item in value]
    new = _with(value, words)
    return value if new == value else {"Fn::Sub": new}


def main(arguments: list[str]) -> int:
    """Write the files, or tell which are not current."""
    stale = 0
    for name, make in FILES.items():
        text = json.dumps(make(), indent=2) + "\n"
        path = HERE / name
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{path.name} is not current: run make iam\n")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
