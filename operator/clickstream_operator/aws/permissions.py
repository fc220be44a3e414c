"""Permissions that a module needs on AWS, declared beside its calls. Pure.

The operator's policy is generated from them (`docs.generator.operator_policy`): the actions follow
from the calls in the code, ``GRANTS`` say on which resources and under which condition, ``BESIDES``
tell the actions that a call needs besides its own: by ``service:operation``, as in boto3 (Service
Authorization Reference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from clickstream_operator.aws.tags import CLUSTER

#: How the names of all pipelines begin: their own name, and eight characters of a hash.
BASE: Final = "*-????????"
#: Place of the service in ``arn:partition:service:region:account:resource``.
_SERVICE_OF_ARN: Final = 2
#: Beginnings of the names of actions that change nothing, or make what was not there.
_NO_CHANGE: Final = ("Create", "Describe", "Get", "List")
_TAGGING: Final = ("Tag", "AddTags")
#: Any cluster; whoever installs the policy may name theirs.
OWNED: Final = {"StringLike": {f"aws:ResourceTag/{CLUSTER}": "*"}}
"""Condition of a resource that carries the tag of a cluster."""
FIRST_TAGS: Final = {
    "StringLike": {f"aws:RequestTag/{CLUSTER}": "*"},
    "Null": {f"aws:ResourceTag/{CLUSTER}": "true"},
}
"""Condition of the first tagging, at creation and adoption: the tag is set where there is none."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Resources on which the actions of a module's calls are allowed."""

    sid: str
    """Statement of the policy; modules may share one."""
    resources: tuple[str, ...]
    """ARN patterns of partition ``aws``."""
    actions: tuple[str, ...] = ("*",)
    """Patterns of the actions that it takes, such as ``iam:Get*``; the first grant wins."""
    condition: Mapping[str, Any] = field(default_factory=dict)
    by_tag: bool = False
    """Whether IAM knows the tags of the resources: then a change asks for the owner's tag."""
    creating: tuple[str, ...] = ()
    """Actions that make a resource as well as change it, besides Create: they ask for no tag."""
    also: tuple[Grant, ...] = ()
    """Of other resources that the same call names: all must be allowed."""

    def takes(self, action: str) -> bool:
        """Whether this grant allows an action: on resources of the same service only."""
        service = action.partition(":")[0]
        return any(fnmatchcase(action, pattern) for pattern in self.actions) and any(
            arn == "*" or arn.split(":")[_SERVICE_OF_ARN] == service for arn in self.resources
        )

    def statements(self, action: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Sid and condition of each statement that allows an action."""
        name = action.partition(":")[2]
        if not self.by_tag or name.startswith(_NO_CHANGE) or action in self.creating:
            yield self.sid, self.condition
            return
        # Kinds of one condition share a statement: IAM counts the characters of a policy.
        sid = self.sid if self.condition else ""
        yield f"{sid}Owned", merged(OWNED, self.condition)
        if name.startswith(_TAGGING):
            yield f"{sid}FirstTags", merged(FIRST_TAGS, self.condition)


def merged(*conditions: Mapping[str, Any]) -> dict[str, Any]:
    """One condition that asks for all of them."""
    operators = sorted({operator for one in conditions for operator in one})
    return {
        operator: {key: value for one in conditions for key, value in one.get(operator, {}).items()}
        for operator in operators
    }


ANYTHING: Final = Grant("Lists", ("*",))
"""Actions that AWS defines on no resource, or that are needed before its ARN is known."""


def only(*actions: str) -> Grant:
    """The part of `ANYTHING` for some actions of a module that has other grants too."""
    return Grant(ANYTHING.sid, ANYTHING.resources, actions)


OWN_ACCOUNT: Final = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
"""Condition for resources of the caller's account."""

BUCKET: Final = Grant(
    "Bucket", (f"arn:aws:s3:::{BASE}-archive-{'?' * 12}-*",), condition=OWN_ACCOUNT
)
"""Archive buckets; the twelve characters are those of the account.

S3 knows the tags of a bucket only where that is turned on for the bucket (S3 user guide, "Enabling
ABAC in general purpose buckets").
"""

FUNCTION_NAMES: Final = ("processor", "*ctor")
"""Ends of the functions' names, those of detector and collector in one pattern, because IAM counts
the characters of a policy."""
FUNCTIONS: Final = tuple(f"arn:aws:lambda:*:*:function:{BASE}-{name}" for name in FUNCTION_NAMES)
PASS_ROLES: Final = Grant(
    "PassRoles",
    ("arn:aws:iam::*:role/clickstream/*",),
    ("iam:PassRole",),
    {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]}},
)
