"""A new version takes over what the one before it made."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.pipeline import packages
from clickstream_operator.resources.lambda_function import FunctionPackage
from sandbox.operator_process import MANIFESTS, PACKAGES
from tests.integration.pilot import Pilot, run

CRD = "clickstreampipelines.clickstream.dev"


def other_packages() -> dict[str, FunctionPackage]:
    """What another version could ship."""
    shipped = packages.load(PACKAGES)
    return {"processor": shipped["detector"], "detector": shipped["processor"]}


#: Small, so that several of them take seconds.
SMALL = {
    "anomalyDetection": {"enabled": False},
    "alarms": {"enabled": False},
    "dashboard": {"enabled": False},
}


class Fleet:
    """Several pipelines of one operator, each reconciled in turn."""

    def __init__(self, pilot: Pilot, names: list[str]) -> None:
        self.pilot = pilot
        self.names = names

    def apply(self, name: str, **spec: object) -> None:
        """Apply one of them."""
        self.pilot.name = name
        self.pilot.apply(SMALL | spec)

    def round(self, check: Callable[[], None] = lambda: None) -> None:
        """Reconcile each, check after each, and let half a minute go by."""
        for name in self.names:
            run(self.pilot.controller.reconcile(ObjectKey(self.pilot.namespace, name)))
            check()
        self.pilot.time += 30

    def is_ready(self, name: str) -> bool:
        """Whether one is ready."""
        self.pilot.name = name
        return bool(self.pilot.condition("Ready")["status"] == "True")

    def code(self) -> dict[str, tuple[str, bool]]:
        """Of each processor: hash of its code, and whether its pipeline is not ready."""
        functions = self.pilot.client("lambda").list_functions()["Functions"]
        found = {}
        for name in self.names:
            (one,) = [
                one
                for one in functions
                if name in one["FunctionName"] and "processor" in one["FunctionName"]
            ]
            found[name] = (one["CodeSha256"], not self.is_ready(name))
        return found


@pytest.fixture
def fleet(pilot: Pilot) -> Fleet:
    """Four small pipelines, ready; the operator then ships other code, two at a time."""
    made = Fleet(pilot, [f"{pilot.name}-{letter}" for letter in "abcd"])
    for name in made.names:
        made.apply(name)
    for _ in range(20):
        made.round()
        if all(made.is_ready(name) for name in made.names):
            break
    assert all(made.is_ready(name) for name in made.names)
    pilot.overrides = {"packages": other_packages(), "rollout_max_parallel": 2}
    pilot.restart()
    return made


def test_new_code_goes_out_to_two_at_a_time(fleet: Fleet) -> None:
    """While two have new code and are not done, the others keep the old; all get it."""
    new = other_packages()["processor"].sha256
    most = 0
    done: set[str] = set()

    def count_updated() -> None:
        nonlocal most
        updated = {name for name, (digest, _) in fleet.code().items() if digest == new}
        most = max(most, len(updated - done))

    for _ in range(12):
        fleet.pilot.time += 301
        fleet.round(count_updated)
        code = fleet.code()
        done |= {name for name, (digest, busy) in code.items() if digest == new and not busy}
        if len(done) == len(fleet.names):
            break
    assert len(done) == len(fleet.names)
    assert most == 2


def test_a_restart_in_mid_rollout_exceeds_nothing_and_loses_nobody(fleet: Fleet) -> None:
    """Two are under way when the process ends: the next one lets nobody else go before them."""
    new = other_packages()["processor"].sha256
    fleet.pilot.time += 301
    fleet.round()
    # As at a start: pipelines that are not settled come first, and nothing is remembered.
    under_way = [name for name, (digest, _) in fleet.code().items() if digest == new]
    assert len(under_way) == 2
    assert not any(fleet.is_ready(name) for name in under_way)
    fleet.pilot.restart()
    done: set[str] = set()

    def count_updated() -> None:
        updated = {name for name, (digest, _) in fleet.code().items() if digest == new}
        assert len(updated - done) <= 2

    for _ in range(12):
        fleet.round(count_updated)
        code = fleet.code()
        done |= {name for name, (digest, busy) in code.items() if digest == new and not busy}
        if len(done) == len(fleet.names):
            break
        fleet.pilot.time += 301
    assert len(done) == len(fleet.names)


def test_one_that_fails_does_not_hold_up_the_others(fleet: Fleet) -> None:
    """Two whose turn it is lose their credential: the others get the new code all the same."""
    new = other_packages()["processor"].sha256
    fleet.pilot.time += 301
    for name in fleet.names[:2]:
        run(fleet.pilot.controller.reconcile(ObjectKey(fleet.pilot.namespace, name)))
    role = {"roleArn": "arn:aws:iam::123456789012:role/not-allowed"}
    for name in fleet.names[:2]:
        fleet.apply(name, credentials=role)
    for _ in range(12):
        fleet.round()
        code = fleet.code()
        if all(code[name][0] == new for name in fleet.names[2:]):
            break
        fleet.pilot.time += 301
    assert all(fleet.code()[name][0] == new for name in fleet.names[2:])


def test_a_new_version_writes_nothing_but_code(pilot: Pilot) -> None:
    """Other packages, and back: each function gets its code, and AWS nothing else."""
    pilot.apply()
    run(pilot.converge())
    for changed in (other_packages(), packages.load(PACKAGES)):
        pilot.overrides = {"packages": changed}
        pilot.restart()
        pilot.forget_calls()
        for _ in range(4):
            run(pilot.resync())
        assert pilot.writes() == {"lambda:update_function_code": 2}
        recorded = pilot.status()["effective"]["packages"]
        assert recorded == {name: one.sha256 for name, one in changed.items()}


def test_a_tightened_rule_holds_no_old_object(pilot: Pilot) -> None:
    """An object that a new rule would refuse is still reconciled, and goes when it is deleted."""
    pilot.apply({"stream": {"shards": 3}})
    run(pilot.converge())
    spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec"
    rule = {"rule": "self.stream.shards < 3", "message": "too many"}
    patch = [
        {"op": "add", "path": f"{spec}/properties/stream/properties/shards/maximum", "value": 2},
        {"op": "add", "path": f"{spec}/x-kubernetes-validations/-", "value": rule},
    ]
    pilot.sandbox.kubectl("patch", "crd", CRD, "--type=json", "-p", json.dumps(patch))
    try:
        run(pilot.resync())
        assert pilot.condition("Ready")["status"] == "True"
        pilot.request_deletion()
        run(pilot.converge(lambda: pilot.body() is None))
        assert pilot.body() is None
    finally:
        pilot.sandbox.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", str(MANIFESTS[0])
        )
