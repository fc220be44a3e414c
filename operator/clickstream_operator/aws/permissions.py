"""Permissions that a module needs on AWS, declared beside its calls. Pure.

The operator's policy is generated from them (`docs.generator.operator_policy`): the actions follow
from the calls in the code, ``GRANTS`` say on which resources and under which condition, ``BESIDES``
tell the actions that a call needs besides its own: by ``service:operation``, as in boto3 (Service
Authorization Reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

#: How the names of all pipelines begin: their own name, and eight characters of a hash.
BASE: Final = "*-????????"
#: Place of the service in ``arn:partition:service:region:account:resource``.
_SERVICE_OF_ARN: Final = 2


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

    def takes(self, action: str) -> bool:
        """Whether this grant allows an action: on resources of the same service only."""
        service = action.partition(":")[0]
        return any(fnmatchcase(action, pattern) for pattern in self.actions) and any(
            arn == "*" or arn.split(":")[_SERVICE_OF_ARN] == service for arn in self.resources
        )


ANYTHING: Final = Grant("Lists", ("*",))
"""Actions that AWS defines on no resource, or that are needed before its ARN is known."""


def only(*actions: str) -> Grant:
    """The part of `ANYTHING` for some actions of a module that has other grants too."""
    return Grant(ANYTHING.sid, ANYTHING.resources, actions)


BUCKETS: Final = (f"arn:aws:s3:::{BASE}-archive-{'?' * 12}-*",)
"""Archive buckets; the twelve characters are those of the account."""

FUNCTIONS: Final = tuple(
    f"arn:aws:lambda:*:*:function:{BASE}-{function}" for function in ("processor", "detector")
)
PASS_ROLES: Final = Grant(
    "PassRoles",
    ("arn:aws:iam::*:role/clickstream/*",),
    ("iam:PassRole",),
    {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]}},
)
