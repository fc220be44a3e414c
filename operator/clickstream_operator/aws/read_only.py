"""Session of people's commands that only look: no request that changes AWS leaves it.

Two places refuse: the session, before a request is made, and the clients, before its bytes go out.
It uses the user's own credential.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from clickstream_operator.aws.clients import Clients, is_read
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.sdk_errors import from_botocore_error, from_client_error
from clickstream_operator.aws.session import AwsSession

_Answer = TypeVar("_Answer")
_READS_BESIDES: Final = frozenset(
    {
        # It ends a query of one's own.
        ("athena", "stop_query_execution"),
        ("dynamodb", "query"),
        ("dynamodb", "scan"),
        ("iam", "simulate_principal_policy"),
        ("logs", "filter_log_events"),
    }
)
"""Operations that only read although their names do not begin so (Service Authorization Reference:
access levels Read and List)."""
_DRY_RUNS: Final = frozenset({("kinesis", "put_record"), ("kinesis", "put_records")})
"""Operations that only check rights with ``DryRun=true`` (Kinesis API Reference, "PutRecord")."""
_QUERIES: Final = ("athena", "start_query_execution")
"""Only reads with a text that begins with WITH: no statement but a query does (Athena user guide,
"SELECT")."""
_SERVICES: Final = {"cloudwatch-logs": "logs"}
"""boto3's name of a service, where botocore's events have another."""
_ATTEMPTS: Final = 4


class WriteRefused(Exception):
    """A command that only looks was about to change AWS: a defect of the command."""


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential in use."""

    arn: str
    """Whose it is."""
    source: str
    """From where the SDK has it, for example ``env`` or ``sso``; empty where it does not say."""


class ReadOnlySession(AwsSession):
    """Clients of the user's credential, by which nothing can be changed."""

    def __init__(self, *, region: str, executor: Executor, profile: str | None = None) -> None:
        """Take the default credential, or that of a profile.

        Raises:
            AwsError: there is no such profile.
        """
        try:
            session = boto3.Session(region_name=region, profile_name=profile)
        except ProfileNotFound as error:
            raise AwsError(
                service="sts",
                operation="get_caller_identity",
                code="ProfileNotFound",
                text=str(error),
                category=Category.INVALID,
            ) from error
        super().__init__(
            region=region,
            executor=executor,
            limits=Limits(enabled=False),
            session=session,
            ensure_leader=_refuse,
        )
        self._clients = _GuardedClients(session, may_send=self._may_send)

    def _may_send(self, service: str, operation: str, parameters: Mapping[str, Any]) -> bool:
        """Whether a request changes nothing; operations in snake case."""
        return (
            is_read(operation)
            or (service, operation) in _READS_BESIDES
            or ((service, operation) in _DRY_RUNS and parameters.get("DryRun") is True)
            or ((service, operation) == _QUERIES and _is_query(parameters.get("QueryString")))
        )

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Call a boto3 operation (snake case) that changes nothing.

        Raises:
            AwsError: as `AwsSession.call`.
            WriteRefused: it would change something.
        """
        if not self._may_send(service, operation, parameters):
            raise WriteRefused(f"{service}:{operation} would change AWS")
        return await super().call(service, operation, **parameters)

    async def in_thread(self, work: Callable[[Callable[[str], Any]], _Answer]) -> _Answer:
        """Answer of work that blocks and takes clients by service, as a `PipelineReader` does.

        Raises:
            AwsError: a request was refused, or got no answer.
        """

        def classified() -> _Answer:
            try:
                return work(self._clients.of)
            except ClientError as error:
                operation = xform_name(error.operation_name)
                service = "s3" if operation in {"list_objects_v2", "get_object"} else "dynamodb"
                raise from_client_error(service, operation, error) from error
            except BotoCoreError as error:
                raise from_botocore_error("dynamodb", "query", error) from error

        return await asyncio.get_running_loop().run_in_executor(self._executor, classified)

    async def credential(self) -> Credential:
        """The credential in use.

        Raises:
            AwsError: there is none, or AWS refuses it.
        """
        answer = await self.call("sts", "get_caller_identity")
        found = self._session.get_credentials()
        return Credential(arn=answer["Arn"], source=found.method if found else "")

    def endpoint(self, service: str) -> str:
        """Address to which requests to a service go."""
        address: str = self._clients.of(service).meta.endpoint_url
        return address


class _GuardedClients(Clients):
    """Clients that ask right before the bytes of a request go out whether they may.

    They retry by themselves: nobody waits for a turn, and a person waits for the answer.
    """

    def __init__(
        self,
        session: boto3.Session,
        *,
        may_send: Callable[[str, str, Mapping[str, Any]], bool],
    ) -> None:
        super().__init__(session, ensure_leader=_refuse, pool_connections=16)
        retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
        self._config = self._config.merge(Config(retries=retries))
        self._may_send = may_send

    def _check(self, *, event_name: str, request: Any = None, **_: Any) -> None:
        """Check a request; `event_name` is ``before-send.<service>.<Operation>``."""
        service, operation = event_name.split(".")[1:]
        service, operation = _SERVICES.get(service, service), xform_name(operation)
        parameters = {}
        if (service, operation) in {*_DRY_RUNS, _QUERIES}:
            parameters = json.loads(request.body or b"{}")
        if not self._may_send(service, operation, parameters):
            raise AwsError(
                service=service,
                operation=operation,
                code="NotSent",
                text="a command that only looks is about to change AWS",
                category=Category.INVALID,
            )


def _is_query(text: object) -> bool:
    return isinstance(text, str) and text.startswith("with ")


def _refuse() -> None:
    raise WriteRefused("a command that only looks is about to change AWS")
