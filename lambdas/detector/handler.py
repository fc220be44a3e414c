"""Entry point of the detector function: `detector.handler.handle`."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from detector.detector import Detector
from shared.runtime import Clients, read_config, read_hash_key

if TYPE_CHECKING:
    from collections.abc import Mapping


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Process one batch of a Kinesis event source mapping, or the schedule's tick."""
    return _detector().process(event, context)


@lru_cache(maxsize=1)
def _detector() -> Detector:
    """Return the container's detector; a failure, such as a bad config, is not remembered."""
    clients = Clients()
    config = read_config(clients, "detector")
    return Detector(
        config,
        dynamodb=clients.make("dynamodb"),
        sns=clients.make("sns"),
        kinesis=clients.make("kinesis"),
        hash_key=read_hash_key(clients, config),
        clock=time.time,
    )
