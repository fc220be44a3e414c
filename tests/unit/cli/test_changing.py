"""Commands that ask, wait and delete, with a cluster in memory that answers as a test says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clickstream_operator.api.crd import custom_resource_definition
from clickstream_operator.api.v1alpha1 import FINALIZER, RECONCILE_REQUESTED_AT
from clickstream_operator.cli import aws, changing
from clickstream_operator.cli.cluster import Cluster
from clickstream_operator.cli.commands import delete
from clickstream_operator.kube.errors import KubernetesRefusal
from clickstream_operator.kube.objects import ObjectKey
from tests.terminal import Done, piped

AT = "2026-11-23T12:00:00Z"


def condition(kind: str, status: str, reason: str = "Available") -> dict[str, Any]:
    """One condition."""
    return {
        "type": kind, "status": status, "reason": reason, "message": f"{kind} says",
        "lastTransitionTime": AT, "observedGeneration": 1,
    }  # fmt: skip


class Memory:
    """One pipeline, read and written; `answer` is what the operator does with a request."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = {
            "metadata": {
                "name": "shop", "namespace": "a", "uid": "u-1", "generation": 1,
                "creationTimestamp": AT, "finalizers": [FINALIZER],
            },
            "spec": {},
            "status": {
                "observedGeneration": 1,
                "lastVerified": AT,
                "conditions": [condition("Ready", "True")],
                "resources": [
                    {"name": "stream", "kind": "X", "arn": "arn:s", "state": "Ready",
                     "lastVerified": AT, "physicalName": "shop-events"},
                ],
            },
        }  # fmt: skip
        self.answer: Callable[[dict[str, Any]], None] = lambda _status: None
        self.answers = True
        self.log: list[tuple[Any, ...]] = []
        self.on_delete: Callable[[], None] = self.vanish

    def vanish(self) -> None:
        """The operator is done with it."""
        self.body = None

    # The reader.

    def get(self, key: ObjectKey) -> dict[str, Any] | None:
        """The pipeline."""
        return self.body if key.name == "shop" else None

    def pipelines(self, _namespace: str = "", *, selector: str = "") -> list[dict[str, Any]]:
        """The pipeline."""
        del selector
        return [self.body] if self.body else []

    def operators(self) -> list[dict[str, Any]]:
        """One Deployment, of another version."""
        labels = {"app.kubernetes.io/version": "9.9.9"}
        metadata = {"name": "op", "namespace": "ops", "labels": labels}
        status = {"availableReplicas": 1}
        return [{"metadata": metadata, "spec": {"replicas": 1}, "status": status}]

    def crd(self) -> dict[str, Any]:
        """The CRD, which Helm would take along."""
        annotations = {"meta.helm.sh/release-name": "op"}
        return {**custom_resource_definition(), "metadata": {"annotations": annotations}}

    # The writer.

    def annotate(self, key: ObjectKey, name: str, value: str) -> None:
        """Take a request, and answer it."""
        self.log.append(("annotate", key, name))
        assert self.body is not None
        if self.answers:
            self.body["status"]["lastHandledReconcileAt"] = value
        self.answer(self.body["status"])

    def keep_data(self, key: ObjectKey) -> None:
        """Set the policy."""
        self.log.append(("keep", key))

    def delete(self, key: ObjectKey, *, uid: str) -> None:
        """Take the request."""
        self.log.append(("delete", key, uid))
        self.on_delete()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """The cluster that commands reach."""
    made = Memory()
    monkeypatch.setattr(Cluster, "reader", lambda _cluster: made)
    monkeypatch.setattr(Cluster, "namespace", "a")
    monkeypatch.setattr(changing, "writer", lambda _cluster: made)
    monkeypatch.setattr(delete, "writer", lambda _cluster: made)
    return made


def done(*arguments: str) -> Done:
    """A run."""
    return piped(arguments)


def test_a_pipeline_as_the_spec_says_is_verified(memory: Memory) -> None:
    """The request is an annotation; the time of the comparison is printed."""
    found = done("verify", "shop")
    assert found.returncode == 0, found.stderr
    said = f"a/shop: 1 resources compared with AWS, the last at {AT}: all are as the spec says\n"
    assert found.stdout == said
    assert memory.log == [("annotate", ObjectKey("a", "shop"), RECONCILE_REQUESTED_AT)]


def drifted(status: dict[str, Any]) -> None:
    """A field differs."""
    drift = {"field": "shards", "observed": "3", "desired": "2"}
    status["resources"][0] |= {"state": "Drifted", "drift": [drift]}
    status["conditions"].append(condition("DriftDetected", "True", "DriftDetected"))


def unbalanced(status: dict[str, Any]) -> None:
    """Events are missing."""
    status["conditions"].append(condition("NumbersBalanced", "False", "Unbalanced"))


def unmapped(status: dict[str, Any]) -> None:
    """No event is a page view."""
    status["conditions"].append(condition("EventsMapped", "False", "NoPageViews"))


def unready(status: dict[str, Any]) -> None:
    """It is not ready."""
    status["conditions"] = [condition("Ready", "False", "Waiting")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (drifted, "shards: 3 in AWS, 2 wanted"),
        (unbalanced, "NumbersBalanced False (Unbalanced): NumbersBalanced says"),
        (unmapped, "EventsMapped False (NoPageViews): EventsMapped says"),
        (unready, "Ready False (Waiting): Ready says"),
    ],
)
def test_what_differs_is_told_and_has_its_exit_code(
    memory: Memory, answer: Callable[[dict[str, Any]], None], said: str
) -> None:
    """By a person and by a program."""
    memory.answer = answer
    found = done("verify", "shop")
    assert found.returncode == 2
    assert said in found.stdout + found.stderr
    document = done("verify", "shop", "-o", "json")
    assert document.returncode == 2
    assert json.loads(document.stdout)["verified"] is False


@pytest.mark.parametrize(("verdict", "code"), [("Balanced", 0), ("Different", 2), ("Unknown", 0)])
def test_the_last_day_s_numbers_are_verified_where_they_are_asked_for(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, verdict: str, code: int
) -> None:
    """Each hour is listed; one that differs has the exit code of a finding."""
    del memory
    row = ("2026-11-23T11", verdict, 7, 7, 9, 8, 8, 8, 1, "")
    monkeypatch.setattr(aws, "of_pipeline", lambda *_arguments, **_named: [row])
    found = done("verify", "shop", "--numbers")
    assert found.returncode == code, found.stderr
    assert f"2026-11-23T11  {verdict}" in found.stdout
    document = json.loads(done("verify", "shop", "--numbers", "-o", "json").stdout)
    assert document["verified"] is (code == 0)
    assert document["balance"][0]["verdict"] == verdict


@pytest.mark.parametrize("command", ["verify", "reconcile"])
def test_an_operator_that_does_not_answer_is_told(memory: Memory, command: str) -> None:
    """One line after the notice that it waits."""
    memory.answers = False
    found = done(command, "shop", "--timeout", "1")
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].startswith("error: no answer for a/shop within 1 s; ")


def test_a_wrong_name_is_told_with_the_nearest(memory: Memory) -> None:
    """And nothing is asked for."""
    found = done("verify", "shpo")
    assert found.returncode == 1
    assert found.stderr == "error: no pipeline shpo in namespace a; did you mean shop?\n"
    assert memory.log == []


def test_a_right_that_is_missing_is_told(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """With whom to ask."""

    def refuse(*_arguments: Any) -> None:
        refusal = KubernetesRefusal("annotating a/shop: the API server said 403 forbidden")
        refusal.forbidden = True
        raise refusal

    monkeypatch.setattr(memory, "annotate", refuse)
    found = done("verify", "shop")
    assert found.returncode == 1
    (line,) = found.stderr.splitlines()
    assert line.startswith("error: annotating a/shop: the API server said 403 forbidden; ask for")


def test_a_deletion_keeps_the_data_first_and_waits(memory: Memory) -> None:
    """The request is for this object; a later one of the name is another."""
    found = done("delete", "shop", "--keep-data", "--yes", "--no-aws")
    assert found.returncode == 0, found.stderr
    assert found.stdout == "a/shop is deleted\n"
    assert "nothing of it in AWS is on record" in found.stderr
    key = ObjectKey("a", "shop")
    assert memory.log == [("keep", key), ("delete", key, "u-1")]


def test_a_pipeline_of_the_same_name_that_came_after_is_another(memory: Memory) -> None:
    """It does not hold up the end."""

    def replaced() -> None:
        assert memory.body is not None
        metadata = {**memory.body["metadata"], "uid": "u-2"}
        memory.body = {**memory.body, "metadata": metadata}

    memory.on_delete = replaced
    found = done("delete", "shop", "--yes", "--no-aws", "--timeout", "1")
    assert found.returncode == 0, found.stderr


def test_a_deletion_that_does_not_end_says_what_it_waits_for(memory: Memory) -> None:
    """In the operator's words."""
    memory.on_delete = lambda: None
    found = done("delete", "shop", "--yes", "--no-aws", "--timeout", "1")
    assert found.returncode == 1
    last = found.stderr.splitlines()[-1]
    assert last.startswith("error: it is still being deleted after 1 s: Ready says; ")


def test_skew_is_told_by_its_exit_code(memory: Memory) -> None:
    """An operator of another version."""
    found = done("version")
    assert found.returncode == 2
    assert "operator  9.9.9 (ops/op)" in found.stdout
    assert "install this tool in its version" in found.stderr
    assert json.loads(done("version", "-o", "json").stdout)["operators"] == {"ops/op": "9.9.9"}
    assert done("version", "--client").returncode == 0
    assert memory.log == []


def test_what_would_stand_in_the_way_of_an_uninstall_is_listed(memory: Memory) -> None:
    """Pipelines with the finalizer, and a CRD that Helm would delete."""
    found = done("uninstall-check", "-o", "json")
    assert found.returncode == 2
    failed = {one["subject"] for one in json.loads(found.stdout) if one["level"] == "FAIL"}
    assert failed == {"pipelines", "CRD"}
    assert memory.log == []
