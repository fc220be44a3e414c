"""Session of people's commands that only look: no request that changes AWS leaves it.

Two places refuse: the session, before a request is made, and the clients, before its bytes go out.
It uses the user's own credential.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import boto3
from botocore.exceptions import ProfileNotFound

from clickstream_operator.aws.clients import is_read
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession


class WriteRefused(Exception):
    """A command that only looks was about to change AWS: a defect of the command."""


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

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Call a boto3 operation (snake case) that changes nothing.

        Raises:
            AwsError: as `AwsSession.call`.
            WriteRefused: it would change something.
        """
        if not is_read(operation):
            raise WriteRefused(f"{service}:{operation} would change AWS")
        return await super().call(service, operation, **parameters)


def _refuse() -> None:
    raise WriteRefused("a command that only looks is about to change AWS")
