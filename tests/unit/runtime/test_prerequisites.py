"""What must hold before the operator begins: rights, and a CRD that is not older than it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from clickstream_operator.api.crd import custom_resource_definition
from clickstream_operator.kube import crd_check
from clickstream_operator.kube.client import KubeClient, KubernetesError
from clickstream_operator.kube.crd_fields import fields_lacking
from clickstream_operator.kube.permission_review import PermissionReview
from clickstream_operator.kube.permissions import Permission, needed, problem
from clickstream_operator.runtime.prerequisites import Prerequisites

SCHEMA: dict[str, Any] = custom_resource_definition()["spec"]["versions"][0]["schema"][
    "openAPIV3Schema"
]


def words(**chosen: Any) -> set[str]:
    """The needed rights as texts."""
    settings: dict[str, Any] = {
        "namespaces": (),
        "names_cluster": False,
        "lease": None,
    }
    return {str(right) for right in needed(**(settings | chosen))}


def test_rights_follow_the_settings() -> None:
    """Cluster or namespaces, and the Lease only where there is an election."""
    pipelines = "clickstreampipelines.clickstream.dev"
    assert words() == {
        *(f"{verb} {pipelines} in all namespaces" for verb in ("get", "list", "watch", "patch")),
        f"patch {pipelines}/status in all namespaces",
        "create events.events.k8s.io in all namespaces",
        "get namespaces",
        "get namespaces kube-system",
    }
    chosen = words(namespaces=("shop",), names_cluster=True, lease=("home", "blue"))
    assert {one for one in chosen if "shop" not in one} == {
        "create leases.coordination.k8s.io in namespace home",
        "get leases.coordination.k8s.io blue in namespace home",
        "update leases.coordination.k8s.io blue in namespace home",
    }


def test_missing_rights_are_named_with_the_remedy() -> None:
    """The first three, and how many more."""
    missing = [Permission("get", "", "configmaps", namespace=f"n{number}") for number in range(5)]
    text = problem(missing)
    assert "get configmaps in namespace n0; get configmaps in namespace n1; " in text
    assert "; and 2 more. " in text
    assert "rbac.create=true" in text
    assert problem([]) == ""


def test_the_own_crd_lacks_nothing() -> None:
    """What the operator is made with fits it; what a newer CRD has besides does no harm."""
    newer = copy.deepcopy(SCHEMA)
    newer["properties"]["spec"]["properties"]["later"] = {"type": "string"}
    assert list(fields_lacking(SCHEMA, newer)) == []


@pytest.mark.parametrize(
    "path",
    [
        ("spec", "stream"),
        ("spec", "stream", "shards"),
        ("status", "plan"),
        ("spec", "metrics[]", "match"),
        ("status", "resources[]", "appliedHash"),
    ],
)
def test_an_older_crd_is_told_by_its_fields(path: tuple[str, ...]) -> None:
    """In the spec, in the status, and inside of lists."""
    older = copy.deepcopy(SCHEMA)
    node = older
    for step in path[:-1]:
        name = step.removesuffix("[]")
        node = node["properties"][name]
        if step.endswith("[]"):
            node = node["items"]
    del node["properties"][path[-1]]
    assert list(fields_lacking(SCHEMA, older)) == [".".join(path)]


class Answers:
    """A check that gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: str | Exception) -> None:
        self._answers: Iterator[str | Exception] = iter(answers)
        self._last: str | Exception = ""

    async def problem(self) -> str:
        """The next answer."""
        self._last = next(self._answers, self._last)
        if isinstance(self._last, Exception):
            raise self._last
        return self._last


class Waits:
    """Time that passes at once, and what was said meanwhile."""

    def __init__(self) -> None:
        self.startup: Prerequisites | None = None
        self.seen: list[str] = []

    async def __call__(self, seconds: float) -> None:
        """Note what is said, and let others run."""
        assert self.startup is not None
        self.seen.append(self.startup.waiting_for)
        await asyncio.sleep(0)


def made(review: Answers) -> tuple[Prerequisites, Waits]:
    """A startup with these answers."""
    waits = Waits()
    startup = Prerequisites(cast("KubeClient", None), cast("PermissionReview", review), sleep=waits)
    waits.startup = startup
    return startup, waits


@pytest.fixture
def crd_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CRD is no matter here."""

    async def fits(_kube: KubeClient) -> str:
        return ""

    monkeypatch.setattr(crd_check, "problem", fits)


@pytest.mark.usefixtures("crd_fits")
async def test_it_waits_and_says_once_why() -> None:
    """Each reason is logged when it lasts, is what /readyz says meanwhile, and ends by itself."""
    startup, waits = made(
        Answers("no rights", "no rights", "no rights", KubernetesError("503"), "")
    )
    assert startup.waiting_for
    with capture_logs() as logs:
        await startup.wait()
    assert waits.seen == ["no rights"] * 3 + ["503"]
    assert [line["why"] for line in logs] == ["no rights"]
    assert startup.waiting_for == ""


@pytest.mark.usefixtures("crd_fits")
async def test_a_revoked_right_is_told_until_it_is_granted_again() -> None:
    """After a refusal it checks, says what is missing, and when it is back."""
    startup, waits = made(Answers("", "lost", "lost", "lost", ""))
    await startup.wait()
    with capture_logs() as logs:
        watch = asyncio.create_task(startup.watch())
        startup.recheck()
        for _ in range(20):
            await asyncio.sleep(0)
        watch.cancel()
    assert waits.seen == ["lost", "lost"]
    assert [line["event"] for line in logs] == ["waiting", "permissions are complete again"]
    assert logs[0]["why"] == "lost"
    assert startup.waiting_for == ""


@pytest.mark.usefixtures("crd_fits")
async def test_a_refusal_that_is_no_missing_right_changes_nothing() -> None:
    """A terminating namespace forbids as well: the rights are complete, so it stays ready."""
    startup, _ = made(Answers(""))
    await startup.wait()
    with capture_logs() as logs:
        watch = asyncio.create_task(startup.watch())
        startup.recheck()
        for _ in range(10):
            await asyncio.sleep(0)
        watch.cancel()
    assert logs == []
    assert startup.waiting_for == ""
