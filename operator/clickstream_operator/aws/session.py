"""Sessions: boto3 clients of one credential and region, called without blocking the event loop.

Made by `session_pool`, and called by `Calls` for the kinds. Every AWS call of the operator goes
through `AwsSession.call`: it waits for its turn (`limits`), runs in the operator's own threads
(`clients`), returns plain data or raises an `AwsError`, is counted, and leaves an audit line when
it writes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import boto3
import structlog
from botocore.exceptions import BotoCoreError, ClientError

from clickstream_operator.aws import call_context
from clickstream_operator.aws.calls import CallRecord
from clickstream_operator.aws.clients import Clients, is_read
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.sdk_errors import (
    from_botocore_error,
    from_client_error,
    from_file_error,
)

audit_log = structlog.get_logger("audit")


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """Identity of a credential: account (12 digits) and partition (``aws``, ``aws-cn``, ...)."""

    account: str
    partition: str


class AwsSession:
    """Clients of one credential and region.

    Args:
        region: of the clients.
        executor: runs the calls, which block.
        limits: rate limits, shared by all sessions.
        on_call: observer of each call.
        ensure_leader: runs right before each write, and each retry of it, is sent; raises where the
            write must not be sent.
        credentials: keyword arguments of `boto3.Session` for the credential; empty means the
            operator's own (environment, IRSA, Pod Identity, instance role).
        session: a session with a credential of its own, in place of `credentials`.
        pool_connections: connections that each client keeps open.
    """

    def __init__(
        self,
        *,
        region: str,
        executor: Executor,
        limits: Limits,
        on_call: Callable[[CallRecord], None] = lambda _record: None,
        ensure_leader: Callable[[], None] = lambda: None,
        credentials: dict[str, Any] | None = None,
        session: boto3.Session | None = None,
        pool_connections: int = 16,
    ) -> None:
        self.region = region
        self._executor = executor
        self._limits = limits
        self._on_call = on_call
        self._session = session or boto3.Session(region_name=region, **(credentials or {}))
        self._clients = Clients(
            self._session, ensure_leader=ensure_leader, pool_connections=pool_connections
        )
        self._identity: CallerIdentity | None = None
        self._identified_key = ""

    async def identity(self) -> CallerIdentity:
        """The account and partition of the credential; STS is asked once per credential.

        Raises:
            AwsError: the credential is missing, refused, or STS does not answer.
        """
        key = await asyncio.get_running_loop().run_in_executor(self._executor, self._access_key)
        if self._identity is None or key != self._identified_key:
            answer = await self.call("sts", "get_caller_identity")
            self._identity = CallerIdentity(
                account=answer["Account"], partition=answer["Arn"].split(":")[1]
            )
            self._identified_key = key
        return self._identity

    def _access_key(self) -> str:
        """Id of the access key in use, which changes when a credential is rotated or replaced."""
        try:
            credentials = self._session.get_credentials()
            return credentials.get_frozen_credentials().access_key if credentials else ""
        except (ClientError, BotoCoreError, OSError, UnicodeDecodeError) as error:
            raise _classified("sts", "get_caller_identity", error) from error

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Call one boto3 operation (snake case) and return its answer.

        A failure that may pass at once is retried once. Longer waits are requeues, because a worker
        never waits for AWS.

        Raises:
            AwsError: the failure, classified.
        """
        await self._prepare(service, operation)
        for retry in (False, True):
            try:
                return await self._in_turn(service, operation, parameters)
            except AwsError as error:
                if retry or not error.may_pass_at_once:
                    raise
        raise AssertionError("a second failure is raised")

    async def _in_turn(
        self, service: str, operation: str, parameters: dict[str, Any]
    ) -> dict[str, Any]:
        """Send a call in its pipeline's turn, in a free concurrency slot of its reconcile."""
        rate = {
            "account": self._identity.account if self._identity else "",
            "region": self.region,
            "service": service,
            "operation": operation,
        }
        await self._limits.wait(**rate)
        context = call_context.current()
        async with context.concurrency if context else nullcontext():
            timeout = context.timeout_of(self.region, service) if context else None
            if timeout is not None:
                raise timeout
            try:
                return await self._attempt(service, operation, parameters)
            except AwsError as error:
                if error.category is Category.THROTTLED:
                    self._limits.slow_down(**rate)
                if context and error.timed_out:
                    context.open_circuit(self.region, service, error)
                raise

    async def _attempt(
        self, service: str, operation: str, parameters: dict[str, Any]
    ) -> dict[str, Any]:
        started = time.monotonic()
        code = "Unanswered"
        request_id = ""
        try:
            answer = await self._landed(service, operation, parameters)
            request_id = answer.get("ResponseMetadata", {}).get("RequestId", "")
        except (ClientError, BotoCoreError, OSError, UnicodeDecodeError) as error:
            if isinstance(error, ClientError):
                request_id = error.response.get("ResponseMetadata", {}).get("RequestId", "")
            failure = _classified(service, operation, error)
            code = getattr(failure, "code", type(failure).__name__)
            raise failure from error
        except AwsError as withheld:
            code = withheld.code
            raise
        else:
            code = "OK"
            return answer
        finally:
            seconds = time.monotonic() - started
            self._on_call(CallRecord(service, operation, code, seconds))
            if not is_read(operation):
                audit_log.info(
                    "aws write",
                    service=service,
                    action=operation,
                    fields=sorted(parameters),
                    result=code,
                    aws_request_id=request_id,
                    duration_ms=round(seconds * 1000, 1),
                )

    async def _landed(
        self, service: str, operation: str, parameters: dict[str, Any]
    ) -> dict[str, Any]:
        """Send a request in a thread, and wait for its end even when cancelled.

        A thread can't be stopped. The next reconcile would observe while the request is under way,
        and create a second time what it is about to create.
        """
        sent = asyncio.get_running_loop().run_in_executor(
            self._executor, self._send, service, operation, parameters
        )
        try:
            return await asyncio.shield(sent)
        except asyncio.CancelledError:
            await asyncio.wait([sent])
            if not sent.cancelled():
                sent.exception()  # Retrieved, or asyncio would log that nobody did.
            raise

    async def _prepare(self, service: str, operation: str) -> None:
        """Create the client before the call takes its turn.

        Creating one takes some tenths of a second. Calls that got their turns meanwhile would all
        be sent when it is there, and AWS would throttle them.
        """
        if service in self._clients:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(
                self._executor, self._clients.of, service
            )
        except (BotoCoreError, OSError, UnicodeDecodeError) as error:
            raise _classified(service, operation, error) from error

    def _send(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        return self._clients.send(service, operation, parameters)


def _classified(
    service: str, operation: str, error: ClientError | BotoCoreError | OSError | UnicodeDecodeError
) -> Exception:
    """The failure of a call as an `AwsError`; an error that is none of AWS's stays what it is."""
    if isinstance(error, ClientError):
        return from_client_error(service, operation, error)
    if isinstance(error, BotoCoreError):
        return from_botocore_error(service, operation, error)
    return from_file_error(service, operation, error) or error


__all__ = ["AwsError", "AwsSession", "CallRecord", "CallerIdentity", "is_read"]
