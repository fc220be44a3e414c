"""boto3 clients of one credential and region: created once, with a check before each write.

They block, so a session calls them in threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore import xform_name
from botocore.config import Config

from clickstream_operator.aws.errors import AwsError, Category

_READS: Final = ("describe_", "get_", "list_", "head_", "batch_get_")
# Emptying a bucket reads and deletes page by page; the whole list may not fit in memory.
_ONE_PAGE: Final = frozenset({"list_object_versions"})


def is_read(operation: str) -> bool:
    """Whether a boto3 operation name (snake case) only reads."""
    return operation.startswith(_READS)


class Clients:
    """One client for each service, created when it is first called.

    `ensure_leader` runs right before each write, and each retry of it, is sent; it raises where the
    write must not be sent.
    """

    def __init__(
        self, session: boto3.Session, *, ensure_leader: Callable[[], None], pool_connections: int
    ) -> None:
        self._session = session
        self._ensure_leader = ensure_leader
        self._config = Config(
            max_pool_connections=pool_connections,
            # A retry takes its turn like any call (`AwsSession.call`); botocore's own would not.
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=30,
            user_agent_extra="clickstream-operator",
        )
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __contains__(self, service: str) -> bool:
        return service in self._made

    def of(self, service: str) -> Any:
        """The client of a service; creating one takes some tenths of a second.

        Raises:
            BotoCoreError: it can't be created.
        """
        made = self._made.get(service)
        if made is not None:
            # A call whose turn it is must not wait until another service's client is created.
            return made
        # boto3 sessions are not thread safe while they create clients; clients are.
        with self._lock:
            client = self._made.get(service)
            if client is None:
                client = self._session.client(service, config=self._config)
                # The last event before the bytes go out, after signing and after every wait.
                client.meta.events.register("before-send", self._check)
                self._made[service] = client
            return client

    def send(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Call an operation (snake case); a listing returns all its pages.

        Raises:
            ClientError: AWS refuses it.
            BotoCoreError: there is no answer, or the request is invalid.
            AwsError: ``NotSent``, a write that the fence withheld.
        """
        client = self.of(service)
        if operation in _ONE_PAGE or not client.can_paginate(operation):
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
            return answer
        all_pages: dict[str, Any] = (
            client.get_paginator(operation).paginate(**parameters).build_full_result()
        )
        return all_pages

    def _check(self, *, event_name: str, **_: Any) -> None:
        """Check a write; `event_name` is ``before-send.<service>.<Operation>``."""
        service, operation = event_name.split(".")[1:]
        operation = xform_name(operation)
        if is_read(operation):
            return
        try:
            self._ensure_leader()
        except Exception as error:
            raise AwsError(
                service=service,
                operation=operation,
                code="NotSent",
                text=str(error),
                category=Category.TRANSIENT,
            ) from error
