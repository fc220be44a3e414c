"""The CRD takes every object that the version before it took.

``tests/fixtures/upgrade/crd.yaml`` is the CRD of that version. A release copies the present one
there (``make upgrade-fixture``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.api.crd import custom_resource_definition
from clickstream_operator.api.events_validation import (
    DROPPED_FIELDS,
    EVENTS,
    SESSION_OF_USERS,
    UNWRAP,
)
from clickstream_operator.api.presets import ORIGINAL
from clickstream_operator.api.validation import ACTION_ARN, KMS_KEY

FIXTURE = Path(__file__).parents[2] / "fixtures" / "upgrade" / "crd.yaml"
Schema = dict[str, Any]
#: Values of the status that no version ever wrote, so that no stored object has them.
#: Rules that are an earlier one with a condition less.
_NO_RESERVED_PREFIX = (
    ".spec.tags: rule self.all(k, !k.lowerAscii().startsWith('aws:') && "
    "!k.lowerAscii().startsWith('clickstream.dev/'))"
)
LOOSENED = {_NO_RESERVED_PREFIX}
#: How rules begin that an object without the new field meets: they bind above its default only.
MET_BY_DEFAULT = (
    "rule self.stream.maxRecordSizeKiB <= 1024 || ",
    "rule !has(self.stream.warmThroughputMiBps) || ",
    "rule !self.logs.deletionProtection || ",
    "rule !has(self.events.siteField) || ",
    "rule !has(self.siteField) || ",
)
NEVER_WRITTEN = {
    ".status.plan.changes[].action: enum",  # "replace": what can't be changed in place is refused
}
BEFORE_THE_FIRST_RELEASE = {
    # Addresses that nothing was ever sent to.
    ".spec: rule !has(self.alerts.emails) || size(self.alerts.emails) == 0 || self.alerts.enabled",
    # ARNs with wildcards, which would stand in a policy or name what no alarm can act on.
    f".spec.alarms.actionArns[]: rule {ACTION_ARN.as_rule().rule}",
    *(
        f".spec.{part}.kmsKeyId: rule {KMS_KEY.as_rule().rule}"
        for part in ("stream", "tables", "archive", "deadLetter", "alerts", "logs")
    ),
    # Two fields of one member, and sessions made from what is dropped: no number was right.
    *(f".spec.events: rule {one.rule}" for one in EVENTS),
    f".spec: rule {SESSION_OF_USERS.rule}",
    # Another form by its name: its name in another case is refused as that of the others is.
    *(f".spec.events.unwrap[]: rule {one.rule}" for one in UNWRAP),
    # Members that a path leads through.
    f".spec: rule {DROPPED_FIELDS.rule}",
}
#: Defaults that the operator fills in itself, the same as before: a preset fills others.
FILLED_BY_THE_OPERATOR = {f".spec.events.fields.{name}: default" for name in ORIGINAL}
_LOWER = ("minimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")


def schema_of(crd: dict[str, Any]) -> Schema:
    """The schema of the only version."""
    (version,) = crd["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def tightened(old: Schema, new: Schema, path: str = "") -> Iterator[str]:
    """What `new` refuses or drops that `old` took."""
    yield from (f"{path}: {what}" for what in narrowed(old, new))
    for name, before in old.get("properties", {}).items():
        after = new.get("properties", {}).get(name)
        if after is None:
            yield f"{path}.{name}: removed"
        else:
            yield from tightened(before, after, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
            yield from tightened(old[inner], new[inner], f"{path}[]")


def narrowed(old: Schema, new: Schema) -> Iterator[str]:
    """What is narrower in one node."""
    if old.get("type") != new.get("type"):
        yield "type"
    for bounds, sign in ((_LOWER, 1), (_UPPER, -1)):
        for bound in bounds:
            if bound in new and (bound not in old or sign * new[bound] > sign * old[bound]):
                yield bound
    if new.get("pattern") not in {None, old.get("pattern")}:
        yield "pattern"
    if "enum" in new and not ("enum" in old and set(old["enum"]) <= set(new["enum"])):
        yield "enum"
    if not set(new.get("required", ())) <= set(old.get("required", ())):
        yield "required"
    if old.get("default") != new.get("default") and not isinstance(old.get("default"), dict | list):
        yield "default"
    # A rule that binds at creation only, or where a new field is set, takes nothing from what is
    # stored.
    fields = new.get("properties", {}).keys() - old.get("properties", {}).keys()
    free = ("oldSelf.hasValue() || ", *(f"!has(self.{field}) || " for field in fields))
    rules = {
        one["rule"]
        for one in new.get("x-kubernetes-validations", ())
        if not one["rule"].startswith(free)
    }
    known = {one["rule"] for one in old.get("x-kubernetes-validations", ())}
    yield from (f"rule {rule}" for rule in sorted(rules - known))


def test_nothing_is_tightened() -> None:
    """No field is gone, no bound is narrower, nothing is newly required or newly forbidden."""
    before = schema_of(yaml.safe_load(FIXTURE.read_text(encoding="utf-8")))
    found = {
        one
        for one in tightened(before, schema_of(custom_resource_definition()))
        if not one.partition(": ")[2].startswith(MET_BY_DEFAULT)
    }
    expected = NEVER_WRITTEN | LOOSENED | BEFORE_THE_FIRST_RELEASE | FILLED_BY_THE_OPERATOR
    assert found - expected == set()


def _spec(schema: Schema) -> Schema:
    spec: Schema = schema["properties"]["spec"]
    return spec


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda spec: spec["properties"].pop("tags"), ".spec.tags: removed"),
        (
            lambda spec: spec["properties"]["stream"]["properties"]["shards"].update(maximum=9),
            ".spec.stream.shards: maximum",
        ),
        (
            lambda spec: spec["properties"]["resyncIntervalSeconds"].update(minimum=60),
            ".spec.resyncIntervalSeconds: minimum",
        ),
        (
            lambda spec: spec["properties"]["driftPolicy"]["enum"].remove("Ignore"),
            ".spec.driftPolicy: enum",
        ),
        (lambda spec: spec.update(required=["region"]), ".spec: required"),
        (
            lambda spec: spec["x-kubernetes-validations"].append({"rule": "has(self.region)"}),
            ".spec: rule has(self.region)",
        ),
        (
            lambda spec: spec["properties"]["suspend"].update(default=True),
            ".spec.suspend: default",
        ),
        (
            lambda spec: spec["properties"]["suspend"].update(type="string"),
            ".spec.suspend: type",
        ),
    ],
)
def test_what_is_tightened_is_found(change: Callable[[Schema], Any], said: str) -> None:
    """Each way of breaking an old object is named with its path."""
    before = schema_of(custom_resource_definition())
    after = copy.deepcopy(before)
    change(_spec(after))
    assert list(tightened(before, after)) == [said]


def test_more_may_be_allowed() -> None:
    """New fields and wider bounds are compatible."""
    before = schema_of(custom_resource_definition())
    after = copy.deepcopy(before)
    _spec(after)["properties"]["fresh"] = {"type": "string"}
    _spec(after)["properties"]["stream"]["properties"]["shards"]["maximum"] = 20000
    assert list(tightened(before, after)) == []
