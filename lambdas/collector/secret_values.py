"""Secrets that requests must know, read from SSM or Secrets Manager by ARN, never logged."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.runtime import Clients

_KEPT_SECONDS: Final = 300.0
_READ_AGAIN_SECONDS: Final = 10.0
SHORTEST: Final = 16
"""Characters of a secret; a shorter one is no secret, and opens nothing."""


class SecretValue:
    """One secret, which may hold several values, one a line, so that one can follow another.

    It is read again after five minutes; for a value that it does not have after ten seconds.
    """

    def __init__(self, read: Callable[[], str], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._values: list[bytes] = []
        self._at = float("-inf")

    def has(self, value: str) -> bool:
        """Return whether it is one of the values, in the same time for each wrong one.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: the secret can't be read.
        """
        data = value.encode("utf-8", "surrogatepass")
        age = self._clock() - self._at
        if age >= _KEPT_SECONDS:
            self._refresh()
            return self._matches(data)
        if self._matches(data):
            return True
        if age < _READ_AGAIN_SECONDS:
            return False
        self._refresh()
        return self._matches(data)

    def _matches(self, data: bytes) -> bool:
        found = [hmac.compare_digest(data, one) for one in self._values]
        return any(found)

    def _refresh(self) -> None:
        values = [line.strip() for line in self._read().splitlines()]
        self._values = [value.encode() for value in values if len(value) >= SHORTEST]
        self._at = self._clock()


def reader(clients: Clients, arn: str) -> Callable[[], str]:
    """Return what reads the text of a secret."""
    service = arn.split(":")[2]
    made: list[Any] = []

    def client() -> Any:
        if not made:
            made.append(clients.make(service))
        return made[0]

    def read_parameter() -> str:
        # Parameters are called by their ARN, as they may belong to another account.
        answer = client().get_parameter(Name=arn, WithDecryption=True)
        return str(answer["Parameter"]["Value"])

    def read_secret() -> str:
        return str(client().get_secret_value(SecretId=arn)["SecretString"])

    return read_parameter if service == "ssm" else read_secret
