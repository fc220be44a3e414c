"""Credentials that are missing, of another account or not allowed; refused actions."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.session import AwsSession
from tests.integration.aws_inventory import check_retained
from tests.integration.pilot import ACCOUNT, Pilot, run

OTHER_ACCOUNT = "210987654321"


def test_another_accounts_credential_touches_nothing(pilot: Pilot) -> None:
    """AccountMismatch: the only call is GetCallerIdentity."""
    pilot.apply()
    run(pilot.converge())
    pilot.account = OTHER_ACCOUNT
    pilot.restart()
    pilot.forget_calls()
    run(pilot.resync())
    assert {(one.service, one.operation) for one in pilot.calls} == {("sts", "get_caller_identity")}
    assert pilot.condition("Stalled")["reason"] == "AccountMismatch"
    assert pilot.condition("Ready")["status"] == "False"
    message = pilot.condition("Ready")["message"]
    assert OTHER_ACCOUNT in message
    assert ACCOUNT in message
    pilot.request_deletion()
    run(pilot.step())
    assert {(one.service, one.operation) for one in pilot.calls} == {("sts", "get_caller_identity")}
    body = pilot.body()
    assert body is not None
    assert body["metadata"]["finalizers"] == ["clickstream.dev/aws-resources"]
    pilot.account = ACCOUNT
    pilot.restart()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)


def test_missing_credentials_are_said_on_the_object_and_healed(pilot: Pilot) -> None:
    """A condition and an Event; once there is a credential the pipeline goes on."""
    pilot.account = ""
    pilot.restart()
    pilot.apply()
    first = run(pilot.step())
    second = run(pilot.step())
    assert second > first
    assert pilot.condition("CredentialsValid")["status"] == "False"
    assert pilot.condition("Ready")["reason"] == "CredentialsInvalid"
    assert pilot.condition("Reconciling")["reason"] == "ProgressingWithRetry"
    assert [one["reason"] for one in pilot.events()].count("CredentialsInvalid") >= 1
    pilot.account = ACCOUNT
    pilot.restart()
    run(pilot.converge())
    assert pilot.condition("CredentialsValid")["status"] == "True"


def test_an_unreachable_endpoint_is_retried_with_growing_pauses(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The condition says so; after ten minutes it is Stalled; it heals by itself."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    pilot.apply()
    delays = [run(pilot.step()) for _ in range(4)]
    assert delays == sorted(delays)
    assert delays[3] > delays[0]
    assert pilot.condition("Reconciling")["reason"] == "ProgressingWithRetry"
    assert "endpoint" in pilot.condition("Ready")["message"]
    pilot.time += 700
    run(pilot.step())
    assert pilot.condition("Stalled")["status"] == "True"
    monkeypatch.setenv("AWS_ENDPOINT_URL", pilot.sandbox.aws_endpoint)
    pilot.restart()
    run(pilot.converge())
    assert pilot.condition("Stalled")["status"] == "absent"


def test_a_refused_action_holds_only_what_needs_it(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AccessDenied on one create names the action; siblings are made; it heals when granted."""
    send = AwsSession.call

    async def refuse(self: AwsSession, service: str, operation: str, /, **given: Any) -> Any:
        if (service, operation) == ("sqs", "create_queue"):
            raise AwsError(
                service=service,
                operation=operation,
                code="AccessDenied",
                text="not authorized to perform sqs:CreateQueue",
                category=Category.ACCESS_DENIED,
            )
        return await send(self, service, operation, **given)

    monkeypatch.setattr(AwsSession, "call", refuse)
    pilot.apply()
    run(pilot.converge(lambda: pilot.resource("counters-table").get("state") == "Ready"))
    assert pilot.resource("dead-letter")["reason"] == "AccessDenied"
    assert "sqs:CreateQueue" in pilot.condition("Ready")["message"]
    assert pilot.condition("Reconciling")["reason"] == "ProgressingWithRetry"
    assert pilot.resource("counters-table")["state"] == "Ready"
    assert pilot.resource("processor")["reason"] == "WaitingForDependency"
    pilot.time += 301
    run(pilot.step())
    assert pilot.condition("Stalled")["reason"] == "AccessDenied"
    monkeypatch.setattr(AwsSession, "call", send)
    run(pilot.converge())
    assert pilot.condition("Stalled")["status"] == "absent"


def test_nothing_is_written_with_a_role_that_is_not_allowed(pilot: Pilot) -> None:
    """Another credential holds everything: using the operator's own would be worse."""
    pilot.apply({"credentials": {"roleArn": "arn:aws:iam::123456789012:role/clickstream"}})
    run(pilot.step())
    assert pilot.calls == []
    assert pilot.condition("Stalled")["reason"] == "RoleNotAllowed"
    assert "spec.credentials" in pilot.condition("Stalled")["message"]
    pilot.apply()
    run(pilot.converge())


def test_a_ready_pipeline_stays_ready_for_two_resyncs_without_a_credential(pilot: Pilot) -> None:
    """Two failed observations leave Ready=True; with the third it is Unknown."""
    pilot.apply()
    run(pilot.converge())
    pilot.account = ""
    pilot.restart()
    seen = []
    for _ in range(3):
        run(pilot.resync())
        seen.append(
            (pilot.condition("Ready")["status"], pilot.condition("CredentialsValid")["status"])
        )
    assert seen == [("True", "False"), ("True", "False"), ("Unknown", "False")]
    assert pilot.condition("Ready")["reason"] == "CredentialsInvalid"
    pilot.account = ACCOUNT
    pilot.restart()
    run(pilot.converge())
    assert pilot.condition("CredentialsValid")["status"] == "True"
