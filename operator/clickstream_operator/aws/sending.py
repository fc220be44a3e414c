"""Session of people's commands that send events: reads, and records into a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clickstream_operator.aws.read_only import ReadOnlySession

_SENDING: Final = ("kinesis", "put_records")


class SendingSession(ReadOnlySession):
    """Clients of the user's credential, by which records can be put and nothing else changed."""

    def _may_send(self, service: str, operation: str, parameters: Mapping[str, Any]) -> bool:
        """Whether a request changes nothing, or puts records."""
        return (service, operation) == _SENDING or super()._may_send(service, operation, parameters)
