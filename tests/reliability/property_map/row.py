"""One field and one thing that it controls: how a test changes it and where it is compared."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.reliability import attributes, drift_map
from tests.reliability.attributes import GROUPS, resources

Spec = dict[str, Any]
#: aws: AWS itself is asked. function: the function's own code is run with the configuration that
#: the operator wrote. fixed: the API server refuses a change. engine, status: a test of its own.
Kind = Literal["aws", "function", "fixed", "engine", "status"]


@dataclass(frozen=True)
class Question:
    """A read call of boto3 about more than a property that a kind declares."""

    title: str
    service: str
    operation: str
    arguments: Mapping[str, Any]
    about: tuple[str, ...]
    """Resources that rows of one round must not share."""
    no_drift: str
    """Why nobody changes the answer in AWS."""

    @property
    def call(self) -> str:
        """The call as AWS names it."""
        return "".join(word.title() for word in self.operation.split("_"))


TOPIC: Final = "arn:aws:sns:<region>:<account>:<alerts>"
_UNSUBSCRIBED: Final = drift_map.NOT_BROUGHT_BACK["SNSSubscription"]
QUESTIONS: Final[Mapping[str, Question]] = {
    "subscriptions": Question(
        "SNS subscriptions", "sns", "list_subscriptions_by_topic", {"TopicArn": TOPIC},
        ("alerts",), _UNSUBSCRIBED,
    ),
    "other-subscriptions": Question(
        "SNS subscriptions of the topic in `alerts.topicArn`", "sns",
        "list_subscriptions_by_topic", {"TopicArn": "<other-topic>"}, ("alerts",), _UNSUBSCRIBED,
    ),
    "new mapping": Question(
        "event source mapping of the detector", "lambda", "list_event_source_mappings",
        {"FunctionName": "<detector>"}, GROUPS["mappings"],
        "AWS cannot change it in a mapping that exists",
    ),
}  # fmt: skip
"""Rows whose target is no place (`attributes`): endpoints are secret, and a start is no state."""


@dataclass(frozen=True)
class Row:
    """One field and one thing that it controls."""

    path: str
    """Of the field in the spec; ``[]`` after a list of objects."""
    kind: Kind
    value: Any = None
    """The value that the test sets."""
    before: Any = None
    """The attribute without the value, and again after it is taken back."""
    after: Any = None
    """The attribute with the value."""
    target: str = ""
    """A place in AWS (`attributes`), one of `QUESTIONS`, or the function that a probe runs."""
    part: str = ""
    """JMESPath inside the target."""
    document: str = ""
    """JMESPath inside the part, where that is JSON text."""
    probe: str = ""
    """Name of the function in `probes` that runs the pipeline's function."""
    effect: str = ""
    """In words: the comparison of a probe, or the effect of the field."""
    given: Spec = field(default_factory=dict)
    """The spec around the field, before and after."""
    also: Spec = field(default_factory=dict)
    """Fields that the value needs beside it."""
    proofs: tuple[str, ...] = ()
    """Tests of a row that the campaign does not run, as ``path::name``."""
    alone: bool = False
    """Whether the change removes something that other rows compare."""
    stores: frozenset[str] = frozenset()
    """Stores with data whose form the change touches, of a row of kind function."""

    @property
    def name(self) -> str:
        """Name of the row in test reports."""
        return f"{self.path}: {self.target or self.probe or self.kind}"

    @property
    def parts(self) -> frozenset[str]:
        """Parts of the pipeline that the row changes: rows of one round have none in common."""
        question = QUESTIONS.get(self.target)
        return self.stores or frozenset(question.about if question else resources(self.target))

    def changed(self, spec: Spec) -> Spec:
        """A spec with the row's change in it."""
        result = merged(spec, self.also)
        *parents, last = self.path.split(".")
        node: Any = result
        for name in parents:
            if name.endswith("[]"):
                node = node.setdefault(name.removesuffix("[]"), [{}])[0]
            else:
                node = node.setdefault(name, {})
        node[last] = copy.deepcopy(self.value)
        return result


def merged(spec: Spec, more: Spec) -> Spec:
    """A copy of `spec` with `more` laid over it; lists are replaced."""
    result = copy.deepcopy(spec)
    for name, value in more.items():
        deeper = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if deeper else copy.deepcopy(value)
    return result


def rounds(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that are changed together: the same spec around them, no part of the pipeline twice."""
    result: list[list[Row]] = []
    for row in rows:
        for one in result:
            if all(_independent(row, other) for other in one):
                one.append(row)
                break
        else:
            result.append([row])
    return result


def _independent(row: Row, other: Row) -> bool:
    if row.given != other.given:
        return False
    if row.path == other.path:
        # One field that controls several parts is one change.
        return row.value == other.value and row.also == other.also
    if row.alone or other.alone or row.also or other.also:
        return False
    return not row.parts & other.parts


POLICY_TESTS: Final = "tests/reliability/test_pipeline_policies.py"
ALERTS: Final[Spec] = {"alerts": {"enabled": True}}
KEY: Final = "alias/campaign"
ROLE: Final = "arn:aws:iam::<account>:role/external"
OWN_ROLE: Final = "arn:aws:iam::<account>:role/clickstream/"
_KEYS_OF_ROLE: Final = (
    "Statement[?starts_with(Sid, 'clickstreamKey')]"
    '.Condition."ForAnyValue:StringEquals"."kms:ResourceAliases"[] | [:1]'
)
"""A role has a statement for each service through which it uses a key, all with the same alias."""


def aws_row(path: str, target: str, value: Any, *, before: Any, after: Any, **more: Any) -> Row:
    """A row that is compared in AWS."""
    return Row(path, "aws", value, target=target, before=before, after=after, **more)


_STORES: Final = frozenset({"pages", "sessions", "counters", "objects", "lines", "incidents"})


def function_row(path: str, probe: str, effect: str, value: Any, *, before: Any, after: Any,
                 target: str = "processor", stores: Sequence[str] = (),
                 **more: Any) -> Row:  # fmt: skip
    """A row that is compared in the results of the pipeline's own function."""
    return Row(
        path, "function", value, probe=probe, effect=effect, target=target,
        before=before, after=after, stores=frozenset(stores) or _STORES, **more,
    )  # fmt: skip


def engine_row(path: str, effect: str, *proofs: str) -> Row:
    """A row of a field that rules the operator itself, proven by tests of its own."""
    return Row(path, "engine", effect=effect, proofs=proofs)


def fixed_row(path: str, value: Any, effect: str) -> Row:
    """A row of a field that can't be changed later."""
    return Row(
        path,
        "fixed",
        value,
        effect=effect,
        proofs=(f"{POLICY_TESTS}::test_what_is_fixed_at_creation_is_where_it_was_asked_for",),
    )


def tag_rows(path: str, key: str, value: Any, *, before: Any, after: Any) -> list[Row]:
    """A row for each kind that carries the tags of the spec: roles do where tenants allow it."""
    return [
        aws_row(path, f"{place}.tags", value, part=key, before=before, after=after, given=ALERTS)
        for place in attributes.TAGGED
        if place != "IAMRole"
    ]


def key_rows(path: str, *roles: str) -> list[Row]:
    """Rows of a customer's key: the functions' roles must allow its use."""
    return [
        aws_row(path, f"{role}-role.inlinePolicies", KEY, part=_KEYS_OF_ROLE, before=[],
                after=[KEY], given=ALERTS if path.startswith("alerts") else {})
        for role in roles
    ]  # fmt: skip
