"""Entry point of the collector function: `collector.handler.handle`."""

from __future__ import annotations

import random
import time
import uuid
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.collector import Collector
from collector.counts import Counts
from collector.event_form import EventForm
from collector.script_files import ScriptFiles, read
from collector.secret_values import SecretValue, reader
from collector.stream_writes import StreamWriter
from collector.visitors import Visitors
from shared.config import ConfigError
from shared.emf import Metrics, write_line
from shared.logs import Log
from shared.runtime import Clients, read_config, read_hash_key

if TYPE_CHECKING:
    from collections.abc import Mapping


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer one request of the function URL, in payload format 2.0."""
    return _collector().answer(event, context)


@lru_cache(maxsize=1)
def _collector() -> Collector:
    """Return the container's collector; a failure, such as a bad config, is not remembered."""
    clients = Clients()
    config = read_config(clients, "collector")
    settings = config.collector
    if settings is None:
        raise ConfigError("collector is absent: the collector needs its settings")
    log = Log(config.log_level, write_line)
    kinesis = clients.make(
        "kinesis",
        # A visitor's browser waits: an attempt is short, and repeated here, record by record.
        connect_timeout=1,
        read_timeout=2,
        retries={"total_max_attempts": 1},
    )

    def secret(arn: str) -> SecretValue | None:
        return SecretValue(reader(clients, arn), time.monotonic) if arn else None

    return Collector(
        settings,
        EventForm(config),
        StreamWriter(kinesis, config.detection.stream, log, sleep=time.sleep, chance=random.random),
        scripts=ScriptFiles(settings.path, read(Path(__file__).parent)),
        visitors=(
            Visitors(read_hash_key(clients, config)) if settings.visitor == "Cookieless" else None
        ),
        tokens=secret(settings.tokens_secret_arn),
        edge=secret(settings.origin_secret_arn),
        counted=Counts(Metrics(config.pipeline, time.time, write_line), log, time.monotonic),
        log=log,
        clock=time.time,
        monotonic=time.monotonic,
        make_id=lambda: uuid.uuid4().hex,
    )
