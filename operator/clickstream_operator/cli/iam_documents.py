"""IAM documents that people install: policies, permissions boundary and trusts. Pure.

All follow from the operator's policy, which follows from its calls, and from the policies that the
operator gives to the roles that it makes. `examples/iam` holds them for an example account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clickstream_operator.aws.arns import DNS_SUFFIXES, AwsLocation
from clickstream_operator.aws.permissions import BASE, OWN_ACCOUNT, merged
from clickstream_operator.aws.policies import document, statement
from clickstream_operator.aws.tags import CLUSTER
from clickstream_operator.pipeline import role_policies

BOUNDARY_NAME: Final = "clickstream-boundary"
ROLE_NAME: Final = "clickstream-operator"
ANYWHERE: Final = AwsLocation("aws", "*", "*")
ANY_REGION: Final = ".*.amazonaws.com"
"""End of the name of a service in any region, as in kms:ViaService."""
_PACKAGED: Final = Path(__file__).with_name("operator-policy.json")
_IN_THE_TREE: Final = Path(__file__).parents[3] / "docs" / "reference" / "operator-policy.json"

#: What may only be done to a role that keeps the boundary.
_BOUNDED: Final = ("iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy")
#: What would take the boundary away.
_UNBOUNDING: Final = "iam:DeleteRolePermissionsBoundary"


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
        free = [a for a in one["Action"] if a not in _BOUNDED and a != _UNBOUNDING]
        if free:
            statements.append({**one, "Action": free})
        bounded = [action for action in one["Action"] if action in _BOUNDED]
        if bounded:
            asked = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
            statements.append(
                statement(
                    f"Bounded{one['Sid']}",
                    actions=bounded,
                    resources=_of_iam(one["Resource"]),
                    conditions=merged(one.get("Condition", {}), asked),
                )
            )
    return document(statements)


def policy_without_iam(account: str) -> dict[str, Any]:
    """The same, where roles are given (tenants[].functionRoles)."""
    statements = []
    for one in operator_policy()["Statement"]:
        if one["Sid"] == "PassRoles":
            given = [f"arn:aws:iam::{account}:role/clickstream-given-*"]
            statements.append({**one, "Resource": given})
            continue
        actions = [action for action in one["Action"] if not action.startswith("iam:")]
        roles = _of_iam(one["Resource"])
        if actions:
            resources = [arn for arn in one["Resource"] if arn not in roles]
            statements.append({**one, "Action": actions, "Resource": resources})
    return document(statements)


def _of_iam(patterns: Sequence[str]) -> list[str]:
    return [arn for arn in patterns if arn.startswith("arn:aws:iam:")]


def permissions_boundary() -> dict[str, Any]:
    """The most that a role which the operator makes may ever do."""
    shared: dict[str, Any] = {
        "stream": f"{BASE}-events",
        "page_metrics_table": f"{BASE}-page-metrics",
        "session_metrics_table": f"{BASE}-session-metrics",
        "counters_table": f"{BASE}-counters",
        "bucket": f"{BASE}-archive-{'?' * 12}-*",
        "hash_key_parameter": "/clickstream/*",
        "log_group": f"/aws/lambda/{BASE}-*",
    }
    keys = dict.fromkeys(("kinesis", "dynamodb", "s3"), "*")
    policies = (
        role_policies.processor_policy(
            ANYWHERE,
            **shared,
            queue=f"{BASE}-dead-letter",
            kms_keys={**keys, "sqs": "*"},
        ),
        role_policies.detector_policy(
            ANYWHERE, **shared, topic_arn=ANYWHERE.topic("*"), kms_keys={**keys, "sns": "*"}
        ),
        role_policies.collector_policy(
            ANYWHERE,
            stream=shared["stream"],
            log_group=shared["log_group"],
            config_bucket=shared["bucket"],
            hash_key_parameter=shared["hash_key_parameter"],
            # Secrets of other names need a boundary of one's own.
            secret_arns=["arn:aws:secretsmanager:*:*:secret:clickstream/*"],
            kms_keys={"kinesis": "*", "s3": "*"},
        ),
        role_policies.scheduler_policy(ANYWHERE, function=f"{BASE}-detector"),
    )
    actions: dict[tuple[tuple[str, ...], str], set[str]] = {}
    for policy in policies:
        for one in policy["Statement"]:
            condition = json.dumps(one.get("Condition", {}), sort_keys=True)
            actions.setdefault((tuple(one["Resource"]), condition), set()).update(one["Action"])
    return document(
        [
            statement(
                f"Boundary{number}",
                actions=sorted(found),
                resources=list(resources),
                conditions=merged(json.loads(condition), OWN_ACCOUNT),
            )
            for number, ((resources, condition), found) in enumerate(
                sorted(actions.items()), start=1
            )
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

    def service(name: str) -> str:
        end = f".{region or '*'}.{DNS_SUFFIXES[partition]}"
        return name.removesuffix(ANY_REGION) + end if name.endswith(ANY_REGION) else name

    statements = []
    for one in policy["Statement"]:
        resources = one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]]
        found = list(dict.fromkeys(arn for each in resources for arn in arns(each)))
        changed = {**one, "Resource": found}
        if "Condition" in one:
            changed["Condition"] = {
                operator: {
                    key: service(values) if key == "kms:ViaService" else _values(values, arns)
                    for key, values in keys.items()
                }
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


def of_cluster(policy: Any, cluster: Any) -> Any:
    """A document whose conditions on the tag of a cluster ask for this one."""
    if isinstance(policy, dict):
        return {
            key: cluster
            if key.endswith(f"/{CLUSTER}") and value == "*"
            else of_cluster(value, cluster)
            for key, value in policy.items()
        }
    if isinstance(policy, list):
        return [of_cluster(one, cluster) for one in policy]
    return policy
