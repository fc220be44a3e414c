"""IAM documents that people install: policies, permissions boundary, trusts, and templates. Pure.

All follow from the operator's policy, which follows from its calls, and from the policies that the
operator gives to the roles that it makes. `examples/iam` holds them for an example account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.permissions import BASE
from clickstream_operator.aws.policies import document, statement
from clickstream_operator.pipeline import role_policies

BOUNDARY_NAME: Final = "clickstream-boundary"
ROLE_NAME: Final = "clickstream-operator"
ANYWHERE: Final = AwsLocation("aws", "*", "*")
_PACKAGED: Final = Path(__file__).with_name("operator-policy.json")
_IN_THE_TREE: Final = Path(__file__).parents[3] / "docs" / "reference" / "operator-policy.json"

#: What may only be done to a role that keeps the boundary.
_BOUNDED: Final = ("iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy")
#: What would take the boundary away.
_UNBOUNDING: Final = "iam:DeleteRolePermissionsBoundary"
#: Statements that write to IAM, or look at roles that the operator makes.
_IAM: Final = ("Roles", "ReadRoles")


@dataclass(frozen=True, slots=True)
class Installation:
    """The installation that documents are for."""

    account: str = "123456789012"
    """12 digits."""
    issuer: str = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
    """Issuer of the cluster's OIDC provider, without ``https://``."""
    namespace: str = "clickstream-system"
    service_account: str = ROLE_NAME
    partition: str = "aws"

    @property
    def subject(self) -> str:
        """The operator's ServiceAccount, as a token names it."""
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"

    @property
    def boundary(self) -> str:
        """ARN of the permissions boundary."""
        return f"arn:{self.partition}:iam::{self.account}:policy/{BOUNDARY_NAME}"


def operator_policy() -> dict[str, Any]:
    """The policy of the operator, for pipelines of any name."""
    path = _PACKAGED if _PACKAGED.is_file() else _IN_THE_TREE
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def bounded_policy(boundary: str) -> dict[str, Any]:
    """The same, for roles that must carry a permissions boundary, given by its ARN."""
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
                conditions={"StringEquals": {"iam:PermissionsBoundary": boundary}},
            )
        )
    return document(statements)


def policy_without_iam(account: str) -> dict[str, Any]:
    """The same, where roles are given (tenants[].functionRoles)."""
    statements = [one for one in operator_policy()["Statement"] if one["Sid"] not in _IAM]
    given = [f"arn:aws:iam::{account}:role/clickstream-given-*"]
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


def trust_irsa(place: Installation) -> dict[str, Any]:
    """Trust for IAM roles for service accounts: only the operator's ServiceAccount."""
    provider = f"arn:{place.partition}:iam::{place.account}:oidc-provider/{place.issuer}"
    return document(
        [
            {
                "Sid": "Irsa",
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{place.issuer}:aud": "sts.amazonaws.com",
                        f"{place.issuer}:sub": place.subject,
                    }
                },
            }
        ]
    )


def trust_pod_identity(place: Installation) -> dict[str, Any]:
    """Trust for EKS Pod Identity: only the operator's ServiceAccount, by the session's tags."""
    return document(
        [
            {
                "Sid": "PodIdentity",
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {
                        "aws:RequestTag/kubernetes-namespace": place.namespace,
                        "aws:RequestTag/kubernetes-service-account": place.service_account,
                    }
                },
            }
        ]
    )


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one pipeline, to which documents can be narrowed."""

    base: str
    """Stem of its derived names."""
    bucket: str
    """Its archive bucket, derived or chosen."""
    chosen: Mapping[str, str]
    """Chosen name of stream or table, by the derived one in whose place it stands."""


def narrowed(
    policy: Mapping[str, Any],
    *,
    partition: str,
    account: str,
    region: str = "",
    pipelines: tuple[Names, ...] = (),
) -> dict[str, Any]:
    """A policy for one account, a region if given, and certain pipelines if given."""

    def arns(pattern: str) -> list[str]:
        placed = _placed(pattern, partition=partition, account=account, region=region)
        if not pipelines or BASE not in placed:
            return [placed]
        return [arn for one in pipelines for arn in _named(placed, one)]

    statements = []
    for one in policy["Statement"]:
        resources = one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]]
        found = list(dict.fromkeys(arn for each in resources for arn in arns(each)))
        changed = {**one, "Resource": found}
        if "Condition" in one:
            changed["Condition"] = {
                operator: {key: _values(values, arns) for key, values in keys.items()}
                for operator, keys in one["Condition"].items()
            }
        statements.append(changed)
    return {**policy, "Statement": statements}


def _values(values: Any, arns: Any) -> Any:
    """Values of a condition; those that are ARNs are narrowed as well."""
    if isinstance(values, str):
        (first, *rest) = arns(values) if values.startswith("arn:") else [values]
        return [first, *rest] if rest else first
    return [found for one in values for found in (arns(one) if one.startswith("arn:") else [one])]


def _placed(arn: str, *, partition: str, account: str, region: str) -> str:
    """An ARN pattern with the partition, region and account in place of what stands for any."""
    parts = arn.split(":", 5)
    if len(parts) < 6:  # noqa: PLR2004 - the parts of an ARN
        return arn
    parts[1] = partition
    parts[3] = region if parts[3] == "*" and region else parts[3]
    parts[4] = account if parts[4] == "*" and account else parts[4]
    return ":".join(parts)


def _named(arn: str, names: Names) -> list[str]:
    """An ARN pattern with the names of one pipeline."""
    stem, found, rest = arn.partition(f":s3:::{BASE}-archive-")
    if found:
        # Derived names of buckets are cut, so the stem does not stand in all of them.
        bucket, slash, objects = f"{stem}:s3:::{names.bucket}", *rest.partition("/")[1:]
        return [f"{bucket}/{objects}"] if slash else [bucket, f"{bucket}/*"]
    named = arn.replace(BASE, names.base)
    for derived, chosen in names.chosen.items():
        named = re.sub(rf"/{re.escape(derived)}(?=$|/)", f"/{chosen}", named)
    return [named]


_RESOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "policy": ("OperatorPolicy", ROLE_NAME),
    "boundary": ("Boundary", BOUNDARY_NAME),
    "trust": ("OperatorRole", ROLE_NAME),
}
"""Resource in CloudFormation, and name in IAM, of each document."""


def as_cloudformation(kind: str, made: Mapping[str, Any]) -> dict[str, Any]:
    """A template with one document: `policy`, `boundary`, or `trust` with its role."""
    logical, name = _RESOURCES[kind]
    if kind == "trust":
        resource = {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": name, "AssumeRolePolicyDocument": made},
        }
    else:
        resource = {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": name, "PolicyDocument": made},
        }
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {logical: resource}}


def as_terraform(kind: str, made: Mapping[str, Any]) -> dict[str, Any]:
    """The same as Terraform, in its JSON syntax."""
    name = _RESOURCES[kind][1]
    if kind == "trust":
        role = {"operator": {"name": name, "assume_role_policy": _text(made)}}
        return {"resource": {"aws_iam_role": role}}
    label = "boundary" if kind == "boundary" else "operator"
    return {"resource": {"aws_iam_policy": {label: {"name": name, "policy": _text(made)}}}}


def cloudformation(place: Installation) -> dict[str, Any]:
    """Both policies and the role, as a template; JSON is YAML too."""
    places = {"arn:aws:": "arn:${AWS::Partition}:", place.account: "${AWS::AccountId}"}
    trusts = {
        "irsa": _with(
            _text(trust_irsa(place)),
            {**places, place.issuer: "${OidcIssuer}", place.subject: "${Subject}"},
        ),
        "podIdentity": _text(trust_pod_identity(place)),
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
                "Default": place.subject,
                "Description": "ServiceAccount of the operator; for irsa.",
            },
        },
        "Conditions": {"Irsa": {"Fn::Equals": [{"Ref": "Identity"}, "irsa"]}},
        "Resources": {
            "Boundary": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "ManagedPolicyName": BOUNDARY_NAME,
                    "PolicyDocument": _subbed(permissions_boundary(), places),
                },
            },
            "OperatorPolicy": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": _subbed(bounded_policy(place.boundary), places)},
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


def terraform(place: Installation) -> dict[str, Any]:
    """The same as Terraform, in its JSON syntax."""
    places = {
        "arn:aws:": "arn:${data.aws_partition.current.partition}:",
        place.account: "${data.aws_caller_identity.current.account_id}",
    }
    irsa = {**places, place.issuer: "${var.oidc_issuer}", place.subject: "${var.subject}"}
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
                "default": place.subject,
                "description": "ServiceAccount of the operator; for IRSA.",
            },
        },
        "data": {"aws_partition": {"current": {}}, "aws_caller_identity": {"current": {}}},
        "locals": {
            "irsa": _with(_text(trust_irsa(place)), irsa),
            "pod_identity": _text(trust_pod_identity(place)),
        },
        "resource": {
            "aws_iam_policy": {
                "boundary": {
                    "name": BOUNDARY_NAME,
                    "policy": _with(_text(permissions_boundary()), places),
                },
                "operator": {
                    "name": ROLE_NAME,
                    "policy": _with(_text(bounded_policy(place.boundary)), places),
                },
            },
            "aws_iam_role": {
                "operator": {
                    "name": ROLE_NAME,
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
