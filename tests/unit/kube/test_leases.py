"""Leases on the API server: what is sent, and what each answer means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import urllib3

from clickstream_operator.kube.client import KubernetesError
from clickstream_operator.kube.leader_election import KubernetesLeases, LeaseTaken
from clickstream_operator.kube.lease import Lease
from tests.unit.kube.wire import api

LEASE = Lease("system", "operator", "a", 15.0, "2026-01-01T00:00:00.000000Z", "", 0, "7")
FOLDER = "/apis/coordination.k8s.io/v1/namespaces/system/leases"
WRITE = "writing the lease system/operator"
READ = "reading the lease system/operator"


def test_a_known_lease_is_replaced_at_exactly_its_version() -> None:
    """The API server refuses it when somebody else has written since."""
    made, wire = api(
        {**LEASE.body(), "metadata": {**LEASE.body()["metadata"], "resourceVersion": "8"}}
    )
    assert KubernetesLeases(made).write(LEASE, timeout=1.0) == replace(LEASE, version="8")
    ((method, path, body, _),) = wire.requests
    assert (method, path) == ("PUT", f"{FOLDER}/operator")
    assert body["metadata"] == {"namespace": "system", "name": "operator", "resourceVersion": "7"}
    assert body["spec"]["holderIdentity"] == "a"


def test_a_new_lease_is_created() -> None:
    """Which the API server refuses when there is one."""
    made, wire = api(LEASE.body(), 201)
    KubernetesLeases(made).write(replace(LEASE, version=""), timeout=1.0)
    ((method, path, body, _),) = wire.requests
    assert (method, path) == ("POST", FOLDER)
    assert "resourceVersion" not in body["metadata"]


def test_a_missing_lease_is_none() -> None:
    """404 is an answer; everything else that is no lease is an error."""
    assert KubernetesLeases(api({}, 404)[0]).read("system", "operator", timeout=1.0) is None
    found = KubernetesLeases(api(LEASE.body())[0]).read("system", "operator", timeout=1.0)
    assert found == replace(LEASE, version="7")


@pytest.mark.parametrize("version", ["", "7"])
@pytest.mark.parametrize(
    ("answer", "status", "error", "message"),
    [
        ({}, 409, LeaseTaken, None),
        ({"message": "because"}, 403, KubernetesError, f"{WRITE}.*because"),
        ({}, 500, KubernetesError, WRITE),
        ({}, 404, KubernetesError, WRITE),
        (ConnectionRefusedError("no"), 0, KubernetesError, f"{WRITE}: no answer"),
        (urllib3.exceptions.HTTPError("no"), 0, KubernetesError, f"{WRITE}: no answer"),
        (KeyError("x"), 0, KeyError, "x"),
    ],
)
def test_a_write_that_fails_is_taken_lost_or_unknown(
    version: str, answer: Any, status: int, error: type[Exception], message: str | None
) -> None:
    """Only a conflict means that another has written; a defect of our own is not hidden."""
    leases = KubernetesLeases(api(answer, status)[0])
    with pytest.raises(error, match=message):
        leases.write(replace(LEASE, version=version), timeout=1.0)


@pytest.mark.parametrize("status", [403, 409, 500])
def test_a_read_that_fails_says_what_was_asked(status: int) -> None:
    """A conflict is nothing special where nothing is written."""
    with pytest.raises(KubernetesError, match=READ):
        KubernetesLeases(api({}, status)[0]).read("system", "operator", timeout=1.0)
