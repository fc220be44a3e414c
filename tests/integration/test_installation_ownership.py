"""Two installations of the operator that see the same pipeline: one works, the other keeps away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox import Sandbox
from tests.integration.pilot import Pilot

LEASES = ("team-a", "team-b")


@pytest.fixture
def second(pilot: Pilot) -> Iterator[Pilot]:
    """Another installation on the same pipeline; each has a Lease, renewed by the test."""
    pilot.overrides = {"instance": "team-a/operator"}
    pilot.restart()
    for namespace in LEASES:
        pilot.sandbox.kubectl("create", "namespace", namespace, check=False)
        renew(pilot.sandbox, namespace, 1)
    other = Pilot(pilot.sandbox, name=pilot.name, overrides={"instance": "team-b/operator"})
    yield other
    other.close()
    for namespace in LEASES:
        pilot.sandbox.kubectl("delete", "lease", "operator", "-n", namespace, "--ignore-not-found")


def renew(sandbox: Sandbox, namespace: str, number: int, *, holder: str = "pod-1") -> None:
    """Renew a Lease, as its holder does every two seconds; without one: it is given back."""
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "operator", "namespace": namespace},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 15,
            "renewTime": f"2026-01-01T00:00:{number:02}.000000Z",
        },
    }
    sandbox.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(lease))


@contextmanager
def without_leases(sandbox: Sandbox) -> Iterator[None]:
    """Take the right to read the Leases of others away."""
    answer = sandbox.kubectl("get", "clusterrole", "clickstream-operator", "-o", "json")
    rules = json.loads(answer.stdout)["rules"]

    def allow(chosen: list[dict[str, Any]]) -> None:
        patch = json.dumps([{"op": "replace", "path": "/rules", "value": chosen}])
        sandbox.kubectl("patch", "clusterrole", "clickstream-operator", "--type=json", "-p", patch)

    allow([one for one in rules if "leases" not in one["resources"]])
    try:
        yield
    finally:
        allow(rules)


@pytest.mark.plain_aws("writes to the API server are counted, and AWS at work adds some")
async def test_only_one_installation_works_on_a_pipeline(pilot: Pilot, second: Pilot) -> None:
    """The second says why it does nothing, writes nothing to AWS, and takes over in the end."""
    pilot.apply()
    await pilot.converge()
    assert pilot.status()["effective"]["instance"] == "team-a/operator"
    assert await second.step() == 30.0
    told = second.condition("AnotherOperator")
    assert (told["status"], told["reason"]) == ("True", "AnotherOperator")
    assert "team-a/operator works on this pipeline, so team-b/operator" in told["message"]
    assert second.condition("Ready")["status"] == "True"
    assert [one["reason"] for one in second.events()].count("AnotherOperator") == 1
    # Neither a new spec nor a deletion is its business, and it does not repeat itself.
    pilot.apply({"tags": {"Team": "a"}})
    second.kube_writes.clear()
    for number in range(2, 8):
        renew(pilot.sandbox, "team-a", number)
        second.time += 30
        assert await second.step() == 30.0
    assert (second.calls, second.kube_writes) == ([], [])
    # The first goes on as if it were alone, and leaves the word of the other where it is.
    await pilot.converge()
    assert pilot.condition("AnotherOperator")["status"] == "True"
    pilot.kube_writes.clear()
    renew(pilot.sandbox, "team-b", 2)
    await pilot.resync()
    assert pilot.kube_writes == []
    # The first has ended: its Lease stands still for a minute.
    second.time += 30
    assert await second.step() == 30.0
    second.time += 61
    await second.converge()
    assert second.status()["effective"]["instance"] == "team-b/operator"
    assert second.condition("AnotherOperator")["status"] == "absent"
    assert not [one for one in second.calls if one.operation.startswith("create_")]
    # It comes back, and finds itself the second.
    assert await pilot.step() == 30.0
    assert "team-b/operator works" in pilot.condition("AnotherOperator")["message"]


@pytest.mark.plain_aws("writes to the API server are counted, and AWS at work adds some")
async def test_an_installation_that_ended_in_order_is_followed_soon(
    pilot: Pilot, second: Pilot
) -> None:
    """A Lease given back frees after 10 s, without a word; one taken by a replica does not."""
    pilot.apply()
    await pilot.converge()
    second.kube_writes.clear()
    # An update: the leader gives the Lease back, the next one takes it.
    renew(pilot.sandbox, "team-a", 2, holder="")
    assert await second.step() == 10.0
    assert (second.calls, second.kube_writes) == ([], [])
    renew(pilot.sandbox, "team-a", 3, holder="pod-2")
    second.time += 10
    assert await second.step() == 30.0
    assert second.condition("AnotherOperator")["status"] == "True"
    # The end: nobody takes it.
    renew(pilot.sandbox, "team-a", 4, holder="")
    second.time += 30
    assert await second.step() == 10.0
    assert second.calls == []
    second.time += 10
    await second.converge()
    assert second.status()["effective"]["instance"] == "team-b/operator"
    assert second.condition("AnotherOperator")["status"] == "absent"


async def test_a_contender_that_left_is_forgotten(pilot: Pilot, second: Pilot) -> None:
    """The installation that works clears the condition when the other's Lease stands still."""
    pilot.apply()
    await pilot.converge()
    await second.step()
    assert pilot.status()["contender"] == "team-b/operator"
    await pilot.resync()
    assert pilot.condition("AnotherOperator")["status"] == "True"
    await pilot.resync()
    assert pilot.condition("AnotherOperator")["status"] == "absent"
    assert "contender" not in pilot.status()


async def test_a_lease_that_is_gone_or_unseen(pilot: Pilot, second: Pilot) -> None:
    """Without a Lease the pipeline is free at once; a Lease that can't be read counts as held."""
    pilot.apply()
    await pilot.converge()
    with without_leases(pilot.sandbox):
        assert await second.step() == 30.0
    message = second.condition("AnotherOperator")["message"]
    assert "can't be seen: reading the lease team-a/operator: the API server said 403" in message
    assert "Allow team-b/operator to get leases in namespace team-a" in message
    pilot.sandbox.kubectl("delete", "lease", "operator", "-n", "team-a")
    second.time += 30
    await second.converge()
    assert second.status()["effective"]["instance"] == "team-b/operator"
    assert second.condition("AnotherOperator")["status"] == "absent"
