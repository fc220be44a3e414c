"""Entry point of the detector function: `detector.handler.handle`."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from detector.detector import Detector
from shared.budget import SMALLEST_MEMORY_MIB
from shared.emf import write_line
from shared.logs import Log
from shared.runtime import THREADS, Clients, read_config, read_hash_key
from shared.throttles import Throttles

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
    dynamodb = clients.make("dynamodb")
    Throttles(Log(config.log_level, write_line), time.monotonic).watch(dynamodb)
    return Detector(
        config,
        dynamodb=dynamodb,
        # A topic that does not answer must not use up the invocation: the ticks try again.
        sns=clients.make("sns", read_timeout=3, retries={"total_max_attempts": 2}),
        kinesis=clients.make("kinesis"),
        # Made when the first hour is due: its client is the slowest to make.
        s3=lambda: clients.make("s3"),
        hash_key=read_hash_key(clients, config),
        clock=time.time,
        threads=THREADS,
        memory_mib=int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", SMALLEST_MEMORY_MIB)),
    )
