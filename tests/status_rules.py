"""What must hold for every status that is ever written, whatever a test is about.

Readers of a status are machines first: kstatus' verdict, as Flux, Argo CD's helpers, Helm and
kubectl reach it, must agree with what the status says in its own words, and a text must not change
while nothing else does.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from kubernetes import client, watch

from clickstream_operator.api.v1alpha1 import GROUP, PLURAL, VERSION
from clickstream_operator.kube.connection import connect
from sandbox import Sandbox
from tests.kstatus import Verdict, verdict

Body = Mapping[str, Any]

#: Under these reasons Ready is not True and the operator is neither at work nor stuck: it waits for
#: a person's yes.
_WAITS_FOR_A_PERSON: Final = frozenset({"PlanPending", "Suspended"})
_AT_WORK: Final = frozenset({"Pending", "Creating", "Updating", "Deleting"})
#: What a pipeline works without.
_ASIDE: Final = ("alarm-", "dashboard", "subscription-")
_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
#: What differs from one try to the next: ids of requests, hosts and times with seconds.
_VOLATILE: Final = re.compile(
    rf"{_UUID}|request ?id|host ?id|\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", re.IGNORECASE
)
_LONG_TOKEN: Final = re.compile(r"\b(?=\w*\d)\w{10,}\b")


class StatusRules:
    """Sees objects as they are stored and notes what must not be."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.seen: set[Verdict] = set()
        self._texts: dict[str, dict[tuple[str, ...], str]] = {}

    def see(self, body: Body) -> None:
        """One object, as it is stored."""
        name = f"{body['metadata']['name']} at {body['metadata'].get('resourceVersion', '?')}"
        self.seen.add(verdict(body))
        self.broken += [f"{name}: {fault}" for fault in [*faults(body), *self._changes(body)]]

    def check(self) -> None:
        """Fail when something was noted."""
        assert not self.broken, "\n".join(self.broken[:10])

    def _changes(self, body: Body) -> Iterator[str]:
        """Texts that became another one while what they are about did not."""
        uid = body["metadata"]["uid"]
        now = texts(body)
        for key, text in now.items():
            old = self._texts.get(uid, {}).get(key, text)
            if old != text and _LONG_TOKEN.sub("", old) == _LONG_TOKEN.sub("", text):
                yield f"{' '.join(key)}: the message is not stable: {old!r}, then {text!r}"
        self._texts[uid] = now


def texts(body: Body) -> dict[tuple[str, ...], str]:
    """Messages of conditions and resources, by what they are about."""
    status = body.get("status") or {}
    return {
        ("condition", one["type"], one["status"], one["reason"]): one.get("message", "")
        for one in status.get("conditions", ())
    } | {
        ("resource", one["name"], one["state"], one.get("reason", "")): one.get("message", "")
        for one in status.get("resources", ())
    }


def faults(body: Body) -> Iterator[str]:
    """What is wrong with one status by itself."""
    found = verdict(body)
    status = body.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions", ())}
    yield from _wrong_texts(body)
    yield from _wrong_conditions(conditions, status)
    current = status.get("observedGeneration") == body["metadata"].get("generation")
    if "deletionTimestamp" in body["metadata"]:
        return
    if not conditions:
        if found is not Verdict.IN_PROGRESS:
            yield f"kstatus calls it {found} before the operator wrote anything"
        return
    ready = conditions.get("Ready", {"status": "absent", "reason": ""})
    if (found is Verdict.CURRENT) != (current and ready["status"] == "True"):
        yield f"kstatus calls it {found} and Ready is {ready['status']}, {ready['reason']}"
    if current and (found is Verdict.FAILED) != ("Stalled" in conditions):
        yield f"kstatus calls it {found} with the conditions {sorted(conditions)}"
    if found is Verdict.CURRENT:
        yield from (
            f"kstatus calls it Current and {one['name']} is {one['state']}"
            for one in status.get("resources", ())
            if one["state"] in _AT_WORK and not one["name"].startswith(_ASIDE)
        )


def _wrong_texts(body: Body) -> Iterator[str]:
    for key, text in texts(body).items():
        volatile = _VOLATILE.search(text)
        if volatile:
            yield f"{' '.join(key)}: {volatile[0]!r} in the message {text!r}"


def _wrong_conditions(conditions: Mapping[str, Any], status: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("Reconciling", "Stalled"):
        if conditions.get(kind, {"status": "True"})["status"] != "True":
            yield f"{kind} is there and not True"
    if {"Reconciling", "Stalled"} <= conditions.keys():
        yield "Reconciling and Stalled are both there"
    ready = conditions.get("Ready")
    if ready is None:
        if conditions:
            yield "conditions without Ready"
        return
    moving = conditions.keys() & {"Reconciling", "Stalled"}
    if ready["status"] == "True" and moving:
        yield f"Ready is True beside {sorted(moving)}"
    if ready["status"] != "True" and not moving and ready["reason"] not in _WAITS_FOR_A_PERSON:
        yield f"Ready is {ready['status']}, {ready['reason']}, and nothing says who acts"
    for one in conditions.values():
        if one.get("observedGeneration", 0) > status.get("observedGeneration", 0):
            yield f"{one['type']} is of a later generation than the status"


@contextmanager
def watched(sandbox: Sandbox) -> Iterator[StatusRules]:
    """Check each version of every pipeline that the API server stores meanwhile, by a watch."""
    rules = StatusRules()
    objects: Any = client.CustomObjectsApi(connect(sandbox.kubeconfig))
    stream: Any = watch.Watch
    listed = objects.list_cluster_custom_object(GROUP, VERSION, PLURAL)
    ended = threading.Event()

    def follow() -> None:
        version = listed["metadata"]["resourceVersion"]
        last = False
        while not last:
            # Once more after the end: what was written before it has arrived then.
            last = ended.is_set()
            for event in stream().stream(
                objects.list_cluster_custom_object,
                GROUP,
                VERSION,
                PLURAL,
                resource_version=version,
                timeout_seconds=1,
            ):
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in {"ADDED", "MODIFIED"}:
                    rules.see(event["object"])

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(follow)
        try:
            yield rules
        finally:
            ended.set()
        following.result()
    rules.check()
