"""Where AWS shows the properties of a pipeline's resources: derived from what the kinds declare.

A place is ``<resource>.<property>``, such as ``stream.shards``: inventory name, and path as in
`Resource.desired`. A resource alone stands for its being there; a group of `GROUPS` for all of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import jmespath  # type: ignore[import-untyped]

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws.readings import Reading
from clickstream_operator.engine.resource import TAGS, Resource
from docs.generator.resources import resources_of

#: A pipeline that has everything, so that there is everything to change.
SPEC: Final[dict[str, Any]] = {
    "alerts": {"enabled": True, "emails": ["a@example.com"]},
    "alarms": {"noDataMinutes": 30},
    "processor": {"reservedConcurrency": 10},
    "collector": {"enabled": True, "allowedOrigins": ["https://www.example.com"]},
    "tables": {
        "billingMode": "Provisioned",
        "provisioned": {"readUnits": 5, "writeUnits": 6},
        "deletionProtection": True,
    },
    "archive": {"transitions": [{"storageClass": "STANDARD_IA", "afterDays": 30}]},
    "tags": {"CostCenter": "analytics"},
    # Too much for a function's environment: it goes into an object.
    "metrics": [
        {"name": f"Padding{number}", "match": {"padding": "z" * 250, "more": "y" * 250}}
        for number in range(7)
    ],
}
KINDS: Final[Mapping[str, type[Resource]]] = {
    one.name: type(one) for one in resources_of(Spec.model_validate(SPEC))
}
"""Kind of each resource of that pipeline by its inventory name."""
_DEFAULT: Final = frozenset(one.name for one in resources_of(Spec()))
#: Of kinds whose own name is no title.
_TITLES: Final = {
    "KinesisStream": "Kinesis stream",
    "DynamoDBTable": "DynamoDB tables",
    "S3Bucket": "S3 bucket",
    "SQSQueue": "SQS queue",
    "SNSTopic": "SNS topic",
    "LogGroup": "log groups",
    "HashKeyParameter": "SSM parameter",
    "LambdaFunction": "Lambda functions",
    "FunctionUrl": "function URL",
    "EventSourceMapping": "event source mappings",
    "IAMRole": "IAM roles",
    "Alarm": "CloudWatch alarms",
    "Dashboard": "CloudWatch dashboard",
    "Schedule": "EventBridge schedule",
}

Observation = Literal["fast", "full"]
"""Observation in which a change is found: each one, or only every third, which is full."""
Ask = Callable[[str, Reading], Any]
"""AWS's answer to a reading of a resource; None when it is not there."""


def of_kind(kind: str) -> tuple[str, ...]:
    """Inventory names of a kind."""
    return tuple(name for name, one in KINDS.items() if one.kind == kind)


def _by_default(kind: str) -> tuple[str, ...]:
    """Those of a pipeline that asks for nothing more, where it has any of the kind."""
    names = of_kind(kind)
    return tuple(name for name in names if name in _DEFAULT) or names


GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    **{one.kind: _by_default(one.kind) for one in KINDS.values()},
    "tables": _by_default("DynamoDBTable"),
    "logs": _by_default("LogGroup"),
    "mappings": _by_default("EventSourceMapping"),
    "alarms": _by_default("Alarm"),
    "iterator-age-alarms": tuple(one for one in KINDS if one.endswith("-iterator-age")),
    "detector-alarms": tuple(one for one in KINDS if one.startswith("alarm-detector-")),
}
"""By kind, and by the words of the property map."""
TAGGED: Final = tuple(dict.fromkeys(one.kind for one in KINDS.values() if one.taggable))
"""Kinds that carry tags."""


def resources(place: str) -> tuple[str, ...]:
    """Inventory names of a place."""
    name = place.partition(".")[0]
    return GROUPS.get(name, (name,))


def path_of(place: str) -> str:
    """Property of a place; empty where it is the resource itself."""
    return place.partition(".")[2]


def readings(name: str) -> tuple[Reading, ...]:
    """The readings that the kind of a resource declares; none where it has no property."""
    found: tuple[Reading, ...] = getattr(sys.modules[KINDS[name].__module__], "READINGS", ())
    return found


def readings_of(name: str, path: str) -> list[Reading]:
    """The readings that show a property of a resource, or that show it itself (an empty path).

    Raises:
        LookupError: the kind declares none.
    """
    found = [one for one in readings(name) if not path or path in one.attributes]
    if not found:
        raise LookupError(f"READINGS of {KINDS[name].kind} do not show {path or 'it'}")
    return found if path else found[:1]


def observation_of(name: str, path: str) -> Observation:
    """Observation that finds a change of the property."""
    full = KINDS[name].full_only or readings_of(name, path)[0].full_only
    return "full" if full else "fast"


def title(place: str) -> str:
    """The resources of a place as the conformance page names them."""
    names = resources(place)
    kind = KINDS[names[0]].kind
    which = "" if names == GROUPS[kind] else f" ({place.partition('.')[0].replace('-', ' ')})"
    return _TITLES.get(kind, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind)) + which


def calls(place: str) -> Iterator[tuple[str, str]]:
    """Call and attribute of a place, both as AWS names them."""
    path = path_of(place)
    for one in readings_of(resources(place)[0], path):
        call = "".join(word.title() for word in one.operation.split("_"))
        yield call, one.attributes[path] if path else ""


def values(name: str, path: str, ask: Ask) -> list[Any]:
    """Values of a property in AWS, one for each reading that shows it; None: it is not there."""
    found = []
    for one in readings_of(name, path):
        answer = ask(name, one)
        value = None if answer is None else jmespath.search(one.attributes[path], answer)
        found.append(_tags(value) if path == TAGS else value)
    return found


def exists(name: str, ask: Ask) -> bool:
    """Whether AWS shows anything of the resource."""
    one = readings_of(name, "")[0]
    answer = ask(name, one)
    members = one.attributes.values()
    return answer is not None and any(
        jmespath.search(member, answer) is not None for member in members
    )


def _tags(value: Any) -> Any:
    if isinstance(value, list):
        return {one["Key"]: one["Value"] for one in value}
    return value
