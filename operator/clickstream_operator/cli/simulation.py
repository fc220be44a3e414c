"""Actions of the operator's policy, each tried with IAM's policy simulator.

The simulator weighs the policies of a role, its boundary and the organization's (IAM API Reference,
"SimulatePrincipalPolicy"). It changes nothing, and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.permissions import BASE
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.cli.findings import Finding, Level

_ALLOWED: Final = "allowed"
_EXPLICIT: Final = "explicitDeny"
_EXAMPLE: Final = "example-abcd2345"
_SUBJECT: Final = "IAM"


@dataclass(frozen=True, slots=True)
class Denial:
    """One action that would be denied."""

    action: str
    resource: str
    explicit: bool
    by_organization: bool
    by_boundary: bool

    def finding(self) -> Finding:
        """The denial, with who can lift it."""
        if self.by_organization:
            why = "a policy of the organization (SCP) denies it"
            remedy = "ask those who manage the organization"
        elif self.by_boundary:
            why, remedy = "the role's permissions boundary does not allow it", "widen the boundary"
        elif self.explicit:
            why, remedy = "a policy denies it explicitly", "take that statement away"
        else:
            why, remedy = "no policy allows it", "attach the policy that `iam policy` prints"
        return Finding(Level.FAIL, _SUBJECT, f"{self.action} on {self.resource}: {why}", remedy)


async def findings(
    session: ReadOnlySession, policy: Mapping[str, Any], *, principal: str
) -> list[Finding]:
    """Findings about each action of a policy, for a role or user given by its ARN."""
    denials: list[Denial] = []
    tried = 0
    try:
        for statement in policy["Statement"]:
            tried += len(statement["Action"])
            denials += await _denials(session, statement, principal)
    except AwsError as error:
        return [
            Finding(
                Level.WARN,
                _SUBJECT,
                f"the actions could not be simulated: {error.text}",
                "allow yourself iam:SimulatePrincipalPolicy",
            )
        ]
    if not denials:
        return [Finding(Level.OK, _SUBJECT, f"{principal} may do all {tried} actions")]
    return [one.finding() for one in denials]


async def _denials(
    session: ReadOnlySession, statement: Mapping[str, Any], principal: str
) -> list[Denial]:
    """Denials of one statement; the actions of a service are tried on its own resources."""
    account = principal.split(":")[4] if principal.startswith("arn:") else ""
    found: list[Denial] = []
    for service in sorted({_service(action) for action in statement["Action"]}):
        resources = {
            concrete(arn)
            for arn in statement["Resource"]
            if arn == "*" or arn.split(":")[2] == service
        }
        answer = await session.call(
            "iam",
            "simulate_principal_policy",
            PolicySourceArn=principal,
            ActionNames=[one for one in statement["Action"] if _service(one) == service],
            ResourceArns=sorted(resources) or ["*"],
            ContextEntries=_context(statement.get("Condition", {}), account),
        )
        found += read_denials(answer["EvaluationResults"])
    return found


def _service(action: str) -> str:
    return action.partition(":")[0]


def read_denials(results: Iterable[Mapping[str, Any]]) -> Iterable[Denial]:
    """Denials in the simulator's answer, each action once."""
    seen: set[str] = set()
    for one in results:
        action = one["EvalActionName"]
        if one["EvalDecision"] == _ALLOWED or action in seen:
            continue
        seen.add(action)
        organization = one.get("OrganizationsDecisionDetail") or {}
        boundary = one.get("PermissionsBoundaryDecisionDetail") or {}
        yield Denial(
            action=action,
            resource=one.get("EvalResourceName", "*"),
            explicit=one["EvalDecision"] == _EXPLICIT,
            by_organization=organization.get("AllowedByOrganizations") is False,
            by_boundary=boundary.get("AllowedByPermissionsBoundary") is False,
        )


def concrete(arn: str) -> str:
    """One resource that a pattern matches: the simulator takes no patterns."""
    if arn == "*":
        return arn
    found = arn.replace(BASE, _EXAMPLE).replace("?", "1")
    parts = found.split(":", 5)
    parts[3] = "us-east-1" if parts[3] == "*" else parts[3]
    parts[4] = "123456789012" if parts[4] == "*" else parts[4]
    return ":".join(parts).replace("*", "x")


def _context(condition: Mapping[str, Mapping[str, Any]], account: str) -> list[dict[str, Any]]:
    """Values with which a statement's condition holds; a key that must be absent has none."""
    entries = []
    for operator, keys in condition.items():
        if operator == "Null":
            continue
        for key, values in keys.items():
            one = values if isinstance(values, str) else next(iter(values))
            if one.startswith("arn:"):
                one = concrete(one)
            value = one.replace("${aws:PrincipalAccount}", account).replace("*", "x")
            entries.append(
                {
                    "ContextKeyName": key,
                    "ContextKeyType": "string",
                    "ContextKeyValues": [value],
                }
            )
    return entries


def source_of(identity: str) -> str:
    """The role or user behind an identity's ARN; empty where there is none to simulate."""
    parts = identity.split(":")
    resource = parts[5]
    if resource.startswith("assumed-role/"):
        # The path of the role is not in it, so a role with a path has to be named.
        return ":".join([*parts[:2], "iam", "", parts[4], f"role/{resource.split('/')[1]}"])
    return identity if resource.startswith(("role/", "user/")) else ""
