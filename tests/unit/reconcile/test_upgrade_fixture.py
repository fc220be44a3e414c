"""What the version before wants of AWS, this one wants too: an upgrade writes nothing by itself.

``tests/fixtures/upgrade/*.json`` are objects of that version, with the hash of each desired state
that it applied, and the outputs that it was made of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.session import AwsSession
from clickstream_operator.engine.desired import Desired
from clickstream_operator.engine.resource import Resource
from clickstream_operator.kube.objects import ObjectKey, parse
from clickstream_operator.pipeline.build import build
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.inputs import build_context
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.kinesis_stream import KinesisStream
from clickstream_operator.resources.lambda_function import FunctionPackage

FOLDER = Path(__file__).parents[2] / "fixtures" / "upgrade"
OBJECTS = sorted(FOLDER.glob("*.json"))
RESOURCES = "clickstream_operator.resources."
REMEDY = (
    "these desired states, or their hashes, are not those of the version before: after an upgrade "
    "every pipeline is written to. Give what is new a default that leaves old pipelines as they "
    "are. Where the change is meant, say so in CHANGELOG.md and renew the fixture "
    "(CONTRIBUTING.md, Release)"
)


def concrete(base: Any) -> Iterator[Any]:
    """Every class below it that has a kind."""
    for one in base.__subclasses__():
        if hasattr(one, "kind"):
            yield one
        yield from concrete(one)


def load(path: Path) -> dict[str, Any]:
    """One object of the fixture, with its outputs."""
    return dict(json.loads(path.read_text()))


def hashes(made: dict[str, Any]) -> dict[str, str]:
    """Hash of each desired state that this version computes for an object, by resource."""
    body = made["object"]
    obj = parse(ObjectKey(body["metadata"]["namespace"], body["metadata"]["name"]), body)
    effective = obj.status.effective
    assert effective is not None
    config = OperatorConfig(
        cluster=effective.cluster,
        instance=effective.instance,
        default_region=effective.region,
        account_regional_buckets=False,
        packages={
            name: FunctionPackage(digest, bytes) for name, digest in effective.packages.items()
        },
    )
    history = StreamHistory()
    history.learn(obj.status.resizes, obj.status.mode_switches)
    calls = Calls(cast("AwsSession", None))
    wanted = build(build_context(obj, effective, calls, history, config))
    outputs = made["outputs"]
    return {one.name: Desired.of(one, one.desired(outputs)).fingerprint for one in wanted}


def applied(made: dict[str, Any]) -> dict[str, str]:
    """Hash of each desired state that the version before applied, by resource."""
    resources = made["object"]["status"]["resources"]
    return {one["name"]: one["appliedHash"] for one in resources}


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.stem)
def test_desired_states_are_those_of_the_version_before(path: Path) -> None:
    """Resource by resource; the failure names those that changed, and what to do."""
    made = load(path)
    before, now = applied(made), hashes(made)
    changed = sorted(name for name in before | now if before.get(name) != now.get(name))
    assert not changed, f"{path.stem}: {', '.join(changed)}: {REMEDY}"


NEWER = {"FunctionUrl"}
"""Kinds that the version of the fixture did not have: none after it was renewed at a release."""


def test_the_fixture_has_every_kind() -> None:
    """Objects with little and with much, every optional kind in one of them."""
    assert [path.stem for path in OBJECTS] == ["everything", "minimal"]
    minimal, everything = (
        {one["kind"] for one in load(FOLDER / f"{name}.json")["object"]["status"]["resources"]}
        for name in ("minimal", "everything")
    )
    assert minimal < everything
    assert not everything & NEWER
    assert everything | NEWER == {
        one.kind for one in concrete(Resource) if one.__module__.startswith(RESOURCES)
    }


def test_a_changed_desired_state_is_seen() -> None:
    """What a new default would do: another spec has another hash where it matters."""
    made = load(FOLDER / "minimal.json")
    made["object"]["spec"]["logs"] = {"retentionDays": 400}
    before, now = applied(made), hashes(made)
    changed = {name for name in before if before[name] != now[name]}
    assert changed
    assert all("log" in name for name in changed)


def _add_property(monkeypatch: pytest.MonkeyPatch, value: int) -> None:
    """What a later version does to the stream: a property with the default of AWS."""
    known = KinesisStream.desired

    def more(self: KinesisStream, outputs: Any) -> Any:
        return {**known(self, outputs), "ofALaterVersion": value}

    monkeypatch.setattr(KinesisStream, "desired", more)
    added = {**KinesisStream.added_later, "ofALaterVersion": 1024}
    monkeypatch.setattr(KinesisStream, "added_later", added)


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.stem)
def test_a_property_that_is_added_later_changes_no_hash(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it has the value that old pipelines have; set, it is a change; set back, it is none."""
    made = load(path)
    _add_property(monkeypatch, 1024)
    assert hashes(made) == applied(made)
    with monkeypatch.context() as patch:
        _add_property(patch, 4096)
        changed = {name for name, one in hashes(made).items() if one != applied(made)[name]}
        assert changed == {"stream"}
    assert hashes(made) == applied(made)
