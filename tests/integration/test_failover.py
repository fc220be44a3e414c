"""Two operators: one leads, one stands by, and what the first left half done the second ends."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.aws.strict import StrictAws
from sandbox.aws.strict.process import StrictAwsProcess
from sandbox.operator_process import NAMESPACE, OperatorProcess
from sandbox.processes.process import wait_until
from sandbox.processes.run import Program
from tests.integration.pilot import examples

SECONDS = 60.0
#: What one default pipeline takes, each a thing that AWS would let exist twice or refuse.
CREATIONS = {
    "CreateStream": 1,
    "CreateTable": 3,
    "CreateBucket": 1,
    "CreateQueue": 1,
    "CreateRole": 3,
    "CreateFunction": 2,
    "CreateEventSourceMapping": 2,
    "CreateSchedule": 1,
}


@dataclass
class Replica:
    """One operator, and its own way to AWS, where its writes are counted."""

    process: OperatorProcess
    aws: StrictAws

    def leads(self) -> bool:
        """Whether it says that it leads."""
        return self.process.get("/readyz") == "ok\n"


Start = Callable[..., Replica]


@pytest.fixture
def start(installed: Sandbox) -> Iterator[Start]:
    """Start a replica; all of them end with the test, and what they made goes."""
    installed.reset_aws()
    with ExitStack() as ends:

        def begin(name: str, **settings: str) -> Replica:
            proxy = StrictAwsProcess(installed.emulator_endpoint, ["none"])
            ends.callback(proxy.release_port)
            program = proxy.program()
            named = Program(
                name=f"aws-of-{name}",
                command=program.command,
                address=program.address,
                ready=program.ready,
                environment=program.environment,
            )
            installed.run.start(named)
            ends.callback(installed.run.stop_component, named.name)
            environment = {
                "CLICKSTREAM_LEADER_ELECTION": "true",
                "AWS_ENDPOINT_URL": proxy.client.endpoint,
                **settings,
            }
            process = OperatorProcess(installed, environment, name=name)
            ends.callback(process.stop)
            process.start()
            return Replica(process, proxy.client)

        yield begin
        installed.kubectl("delete", "csp", "--all", "--wait=false")
        wait_until(lambda: not installed.kubectl("get", "csp", "-o", "name").stdout, SECONDS)
    installed.kubectl("delete", "lease", "--all", "-n", NAMESPACE)


def the_lease(sandbox: Sandbox) -> dict[str, Any]:
    """The spec of the lease; empty when there is none."""
    answer = sandbox.kubectl(
        "get", "lease", "clickstream-operator", "-n", NAMESPACE, "-o", "json", "--ignore-not-found"
    )
    return dict(json.loads(answer.stdout)["spec"]) if answer.stdout else {}


def ready(sandbox: Sandbox) -> bool:
    """Whether the pipeline is ready."""
    answer = sandbox.kubectl("get", "csp", "quickstart", "-o", "json")
    conditions = json.loads(answer.stdout).get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def created(*replicas: Replica) -> dict[str, int]:
    """Creations that AWS accepted from these replicas."""
    found: Counter[str] = Counter()
    for replica in replicas:
        for write in replica.aws.writes():
            if write["operation"] in CREATIONS and write["outcome"] == "OK":
                found[write["operation"]] += 1
    return dict(found)


def seconds_between(earlier: str, later: str) -> float:
    """Seconds between two times of a Lease."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_a_standby_ends_what_a_killed_leader_began(installed: Sandbox, start: Start) -> None:
    """Takeover within 20 s with the default lease, nothing twice; SIGTERM hands over at once."""
    first = start("operator-a", CLICKSTREAM_AWS_THREADS="2")
    assert wait_until(first.leads, SECONDS)
    second = start("operator-b")
    assert (second.process.get("/readyz") or "").startswith("standby: ")
    assert second.process.samples("leader_election_master_status") == {}
    first.aws.inject("delay", operation="Create*", seconds=0.3)
    installed.kubectl("apply", "-f", str(examples() / "quickstart.yaml"))
    assert wait_until(lambda: sum(created(first).values()) >= 4, SECONDS)
    assert not second.aws.writes()
    first.process.kill()
    before = the_lease(installed)
    assert wait_until(second.leads, SECONDS)
    after = the_lease(installed)
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1
    assert seconds_between(before["renewTime"], after["acquireTime"]) <= 20.0
    assert wait_until(lambda: ready(installed), SECONDS)
    assert created(first, second) == CREATIONS
    # An update of the Deployment: the new Pod stands by, the old one is asked to end.
    third = start("operator-c")
    assert not third.leads()
    second.process.stop()
    assert wait_until(third.leads, SECONDS)
    handed = the_lease(installed)
    assert seconds_between(handed["acquireTime"], handed["renewTime"]) >= 0
    assert handed["leaseTransitions"] == after["leaseTransitions"] + 1
    assert created(first, second, third) == CREATIONS


def test_a_frozen_leader_writes_nothing_when_it_wakes(installed: Sandbox, start: Start) -> None:
    """With requests in flight and others queued behind them: not one goes out after the freeze."""
    lease = {"CLICKSTREAM_LEASE_SECONDS": "6"}
    first = start("operator-a", CLICKSTREAM_AWS_THREADS="2", **lease)
    assert wait_until(first.leads, SECONDS)
    second = start("operator-b", **lease)
    assert not second.leads()
    # Each creation waits at AWS, so that the threads are busy and the rest queues behind them.
    first.aws.inject("delay", operation="Create*", seconds=1.0)
    installed.kubectl("apply", "-f", str(examples() / "quickstart.yaml"))
    assert wait_until(lambda: first.aws.faults()[0]["seen"] >= 2, SECONDS)
    first.process.signal(signal.SIGSTOP)
    assert wait_until(second.leads, SECONDS)
    assert wait_until(lambda: ready(installed), SECONDS)
    sent = first.aws.writes()
    assert 0 < len(sent) < sum(CREATIONS.values())
    # It can't learn that it lost the lease: only the fence is left between the queue and AWS.
    api_server = installed.run.components["kube-apiserver"].process
    api_server.send(signal.SIGSTOP)
    try:
        first.process.signal(signal.SIGCONT)
        assert wait_until(lambda: not first.process.alive(), SECONDS)
    finally:
        api_server.send(signal.SIGCONT)
    assert first.aws.writes() == sent
    assert created(first, second) == CREATIONS
    assert the_lease(installed)["leaseTransitions"] == 1
    assert "leadership lost" in first.process.log.read_text()
    assert wait_until(second.leads, SECONDS)
