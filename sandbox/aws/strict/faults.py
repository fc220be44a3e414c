"""Faults on demand: which calls they hit, and what happens to those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from sandbox.aws.strict.answers import Refusal
from sandbox.aws.strict.wire import Call

ACTIONS: Final = (
    "throttle",
    "error",
    "drop_before",
    "drop_after",
    "delay",
    "expired_token",
    "access_denied",
)
_MATCH: Final = frozenset({"service", "operation", "resource", "nth", "every", "count"})

# What each service says when it is asked too often (the services' "Common Errors" pages).
_THROTTLES: Final = {
    "dynamodb": ("ThrottlingException", 400),
    "kinesis": ("LimitExceededException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "logs": ("ThrottlingException", 400),
    "kms": ("ThrottlingException", 400),
    "resourcegroupstaggingapi": ("ThrottledException", 400),
    "s3": ("SlowDown", 503),
    "scheduler": ("ThrottlingException", 429),
    "sqs": ("RequestThrottled", 403),
    "ssm": ("ThrottlingException", 400),
}


@dataclass(slots=True)
class Fault:
    """One fault. `service` and `operation` may hold ``*``; `nth`, `every` count matching calls.

    `count` ends it after so many hits; None: never.
    """

    action: str
    service: str = "*"
    operation: str = "*"
    resource: str = "*"
    nth: int | None = None
    every: int | None = None
    count: int | None = None
    code: str = "InternalFailure"
    status: int | None = None
    message: str = "Injected."
    seconds: float = 0.0
    when: str = "before"
    """Moment of a delay: before the call is sent, or after the emulator has carried it out."""
    seen: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)
    hits_by_resource: Counter[str] = field(default_factory=Counter, init=False)

    @classmethod
    def read(cls, rule: Mapping[str, Any]) -> Fault:
        """A fault from JSON: ``{"match": {...}, "action": ..., ...}``.

        Raises:
            ValueError: the rule says something that this module does not know.
        """
        match, action = dict(rule.get("match", {})), rule.get("action")
        rest = {key: value for key, value in rule.items() if key not in ("match", "action")}
        unknown = (match.keys() - _MATCH) | (
            rest.keys() - {"code", "status", "message", "seconds", "when"}
        )
        if action not in ACTIONS or unknown:
            raise ValueError(f"unknown in a fault: {sorted(unknown) or action!r}")
        return cls(action=action, **match, **rest)

    def strikes(self, call: Call, resource: str) -> bool:
        """Whether it hits this call; counts it."""
        patterns = (
            (call.service, self.service),
            (call.operation, self.operation),
            (resource, self.resource),
        )
        if not all(fnmatchcase(value, pattern) for value, pattern in patterns):
            return False
        self.seen += 1
        if self.count is not None and self.hits >= self.count:
            return False
        if self.nth is not None and self.seen != self.nth:
            return False
        if self.every is not None and self.seen % self.every:
            return False
        self.hits += 1
        self.hits_by_resource[resource] += 1
        return True

    def refusal(self, call: Call) -> Refusal | None:
        """The error to answer with, None where the fault is no error."""
        if self.action == "throttle":
            return throttled(call)
        if self.action == "error":
            return Refusal(self.code, self.message, self.status or 500)
        xml = call.protocol in ("query", "rest-xml")
        if self.action == "expired_token":
            code = "ExpiredToken" if xml else "ExpiredTokenException"
            message = "The security token included in the request is expired"
            return Refusal(code, message, 403 if call.protocol != "rest-xml" else 400)
        if self.action == "access_denied":
            code = "AccessDenied" if xml else "AccessDeniedException"
            if call.service == "sns":
                code = "AuthorizationError"
            caller = f"arn:aws:iam::{call.account}:user/injected"
            message = f"User: {caller} is not authorized to perform: {_action(call)}"
            return Refusal(code, message, 400 if call.protocol == "json" else 403)
        return None

    def as_json(self) -> dict[str, Any]:
        """For the control endpoint."""
        return {name: getattr(self, name) for name in self.__slots__}


def throttled(call: Call) -> Refusal:
    """The service's own words for a call too many."""
    code, status = _THROTTLES.get(call.service, ("Throttling", 400))
    return Refusal(code, f"Rate exceeded for {_action(call)}", status)


def _action(call: Call) -> str:
    return f"{call.service}:{call.operation}"
