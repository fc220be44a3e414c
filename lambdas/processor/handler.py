"""Entry point of the processor function: `processor.handler.handle`."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from processor.processor import Processor
from shared.budget import DEFAULT_MEMORY_MIB
from shared.emf import write_line
from shared.logs import Log
from shared.runtime import THREADS, Clients, read_config, read_hash_key
from shared.throttles import Throttles

if TYPE_CHECKING:
    from collections.abc import Mapping


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Process one batch of a Kinesis event source mapping with `ReportBatchItemFailures`."""
    return _processor().process(event, context)


@lru_cache(maxsize=1)
def _processor() -> Processor:
    """Return the container's processor; a failure, such as a bad config, is not remembered."""
    clients = Clients()
    config = read_config(clients, "processor")
    dynamodb = clients.make("dynamodb")
    Throttles(Log(config.log_level, write_line), time.monotonic).watch(dynamodb)
    return Processor(
        config,
        dynamodb=dynamodb,
        s3=clients.make("s3"),
        sqs=clients.make("sqs"),
        hash_key=read_hash_key(clients, config),
        clock=time.time,
        threads=THREADS,
        kinesis=lambda: clients.make("kinesis"),
        memory_mib=int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", DEFAULT_MEMORY_MIB)),
    )
