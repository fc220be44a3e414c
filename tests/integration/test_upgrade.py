"""A new version takes over what the one before it made."""

from __future__ import annotations

import json

from clickstream_operator import packages
from sandbox.operator_process import MANIFESTS, PACKAGES
from tests.integration.pilot import Pilot, run

CRD = "clickstreampipelines.clickstream.dev"


def test_a_new_version_writes_nothing_but_code(pilot: Pilot) -> None:
    """Other packages: each function gets its code, and AWS nothing else."""
    pilot.apply()
    run(pilot.converge())
    shipped = packages.load(PACKAGES)
    changed = {"processor": shipped["detector"], "detector": shipped["processor"]}
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
