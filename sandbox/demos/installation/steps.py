"""The steps of an installation's life, in order."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from sandbox.demos.installation.session import CRD, PIPELINES, RELEASE, Session
from sandbox.demos.scripted.session import Stuck
from sandbox.operator_process import NAMESPACE
from sandbox.processes.process import wait_until

#: What a takeover may take with the default Lease of 15 s.
_TAKEOVER_SECONDS: Final = 20.0
_PATIENCE: Final = 60.0
_BEGUN: Final = 6
_RETAINED: Final = ("table", "bucket", "parameter")


def install(session: Session) -> None:
    """From an empty cluster to two replicas, of which one leads."""
    with session.step("Install the chart with Helm"):
        session.prepare()
        session.install("install")
        session.deployed.start()
        session.wait_leader()
        session.show_replicas()
        session.show("lease", RELEASE, "-n", NAMESPACE)
        roles = sorted(one.role() for one in session.deployed.replicas)
        session.check("the release is deployed", session.release()["status"], "deployed")
        session.check("one of two replicas leads", roles, ["leads", "stands by"])
        session.check("the CRD is there", CRD in session.metadata(), wanted=True)
        session.check("nothing was written to AWS", len(session.sandbox.strict_aws.writes()), 0)


def apply(session: Session) -> None:
    """A pipeline, with the rights of the chart's ServiceAccount and nothing else."""
    with session.step("Apply a pipeline"):
        session.apply()
        session.wait_ready()
        session.notes["bases"] = {session.pipeline: _base(session)}
        session.notes["creations"] = session.creations()
        session.show("csp")
        resources = session.status()["resources"]
        ready = sum(one["state"] == "Ready" for one in resources)
        session.check(f"all {len(resources)} resources are Ready", ready, len(resources))


def upgrade(session: Session) -> None:
    """Changed values reach every replica, and no pipeline notices."""
    with session.step("Upgrade with changed values"):
        before = session.variable("CLICKSTREAM_WORKERS")
        owned = session.owned()
        session.install("upgrade", "--set", "operator.workers=4")
        _roll(session)
        session.observe_all(PIPELINES[:1])
        after = session.variable("CLICKSTREAM_WORKERS")
        session.screen.rows(("value", "before", "after"), [("operator.workers", before, after)])
        session.check("it is revision 2", str(session.release()["revision"]), "2")
        session.check("the value has arrived", after, "4", right=after == "4" != before)
        session.check("AWS has what it had", session.owned() == owned, wanted=True)


def fail_over(session: Session) -> None:
    """The leader dies while it makes a pipeline; the other one ends what it began."""
    with session.step("Kill the leader while it makes a second pipeline"):
        first = session.metadata()[PIPELINES[0]]["uid"]
        session.pipeline = PIPELINES[1]
        session.apply()
        if not wait_until(lambda: session.creations().total() >= _BEGUN, _PATIENCE):
            raise Stuck(f"{_BEGUN} things are created, within {_PATIENCE:.0f} s")
        leader = session.deployed.leader()
        if leader is None:
            raise Stuck("a replica leads")
        session.screen.command(f"kill -9 {leader.process}    # {leader.name}")
        leader.kill()
        leader.release_port()
        session.deployed.replicas.remove(leader)
        killed = time.monotonic()
        begun = session.creations().total()
        before = session.lease()
        session.screen.say(f"{leader.name} has created {begun} things, and holds the Lease")
        session.wait_leader()
        seconds = time.monotonic() - killed
        after = session.lease()
        heir = session.deployed.replicas[0].name
        session.screen.timeline(seconds, f"{heir} leads")
        session.wait_ready()
        session.deployed.start()
        session.show_replicas()
        session.show("csp")
        session.notes["bases"][session.pipeline] = _base(session)
        silent = _seconds_between(before["renewTime"], after["acquireTime"])
        session.check(
            f"the Lease was taken {silent:.1f} s after its last renewal", f"{silent:.1f} s",
            f"at most {_TAKEOVER_SECONDS:.0f} s", right=silent <= _TAKEOVER_SECONDS,
        )  # fmt: skip
        session.check(
            "it was taken once", after["leaseTransitions"], before["leaseTransitions"] + 1
        )
        made, wanted = session.creations(), session.notes["creations"]
        session.check(
            f"the leader died in the middle: {begun} of {wanted.total()} creations", begun,
            "some, not all", right=0 < begun < wanted.total(),
        )  # fmt: skip
        session.check(
            "both together created as much as the first pipeline took, nothing twice",
            sorted((made - wanted).items()) + sorted((wanted - made).items()), [],
        )  # fmt: skip
        session.check(
            "the first pipeline is as it was", session.metadata()[PIPELINES[0]]["uid"], first
        )
    # Only now: the step ends with the Events of the second.
    session.pipeline = PIPELINES[0]


def roll_back(session: Session) -> None:
    """The first revision again."""
    with session.step("Roll back"):
        owned = session.owned()
        before = session.variable("CLICKSTREAM_WORKERS")
        session.helm("rollback", RELEASE, "1")
        _roll(session)
        session.observe_all()
        after = session.variable("CLICKSTREAM_WORKERS")
        session.screen.rows(("value", "before", "after"), [("operator.workers", before, after)])
        session.helm("history", RELEASE)
        session.check("it is revision 3", str(session.release()["revision"]), "3")
        session.check("the value is back", after, "8", right=after == "8" != before)
        session.check("AWS has what it had", session.owned() == owned, wanted=True)


def uninstall(session: Session) -> None:
    """The release goes; CRD, pipelines and AWS stay."""
    with session.step("Uninstall, with the pipelines left where they are"):
        before = session.metadata()
        owned = session.notes["owned"] = session.owned()
        had = session.objects()
        # A kubelet ends the Pods when their Deployment is gone.
        said = session.helm("uninstall", RELEASE)
        session.deployed.end()
        session.show("csp")
        after = session.metadata()
        left = session.owned()
        session.screen.aws(
            ("before", "after"),
            [("things with a name of their own", str(len(owned)), str(len(left)))],
        )
        session.check("Helm says that it keeps the CRD", CRD in said, wanted=True)
        session.check("of the release nothing is left", session.objects(), set(),
                      right=bool(had) and not session.objects())  # fmt: skip
        for name in (CRD, *PIPELINES):
            session.check(
                f"{name} is still there, and not about to go", _traits(after.get(name, {})),
                _traits(before[name]),
                right=name in after and _traits(after[name]) == _traits(before[name])
                and "deletionTimestamp" not in after[name],
            )  # fmt: skip
        session.check("AWS has what it had", sorted(owned ^ left), [])
        session.check("nothing was written to AWS", len(session.sandbox.strict_aws.writes()), 0)


def install_again(session: Session) -> None:
    """A new release finds the pipelines and everything that they have."""
    with session.step("Install again: everything is found, nothing is written"):
        owned: set[str] = session.notes["owned"]
        session.install("install")
        session.deployed.start()
        session.wait_leader()
        session.show_replicas()
        session.observe_all()
        session.show("csp")
        session.check("AWS has what it had", sorted(owned ^ session.owned()), [])


def remove(session: Session) -> None:
    """In the order that the NOTES tell: pipelines, release, CRD."""
    with session.step("Delete the pipelines, then the release, then the CRD"):
        owned = session.owned()
        wanted = {thing for thing in owned if thing.partition(" ")[0] in _RETAINED}
        session.screen.command("kubectl delete csp --all --all-namespaces")
        session.sandbox.kubectl("delete", "csp", "--all", "--all-namespaces", "--wait=false")
        for session.pipeline in PIPELINES:
            session.wait_gone()
        session.pipeline = PIPELINES[0]
        session.helm("uninstall", RELEASE)
        session.deployed.end()
        session.screen.command(f"kubectl delete crd {CRD}")
        session.sandbox.kubectl("delete", "crd", CRD, "--timeout=30s")
        left = session.owned()
        session.screen.aws(
            ("before", "after"),
            [("things with a name of their own", str(len(owned)), str(len(left)))],
        )
        session.screen.say("tables, archives and their keys are retained: deletionPolicy's default")
        session.check("nothing but what is to be retained is left", sorted(left ^ wanted), [])
        session.check("of the release nothing is left", session.objects(), set())


STEPS: Final = (install, apply, upgrade, fail_over, roll_back, uninstall, install_again)
"""A life up to its last but one end; `remove` is the last."""


def _roll(session: Session) -> None:
    """New replicas, one at a time; the Lease goes from hand to hand."""
    session.deployed.roll()
    session.wait_leader()
    session.show_replicas()


def _base(session: Session) -> str:
    names: dict[str, str] = session.status()["effective"]["names"]
    return names["dashboard"]


def _traits(metadata: dict[str, object]) -> tuple[object, object]:
    return metadata.get("uid"), metadata.get("finalizers")


def _seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
