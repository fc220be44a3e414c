"""Figures of the functions under the CPU share of their default memory: records and backlogs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.loopback import Taker, loopback_clients, make_detector, make_processor
from benchmarks.worst_records import cpu_seconds, crawl, detector_records, records
from clickstream_operator.api.spec import Spec
from tests.lambdas.memory_aws import Faults, MemoryDynamoDB
from tests.lambdas.pipelines import KEYS, NOW, invocation

_MEMORY_OF_ONE_CPU: Final = 1769
"""AWS Lambda Developer Guide, "Configure Lambda function memory"."""
_SPEC: Final = Spec()
_BACKLOG: Final = 1_000_000
_ARRIVAL_SECONDS: Final = 3600.0
"""A crawl of an hour: 278 page views a second."""
_TIMES: Final = 3
_SAMPLE_BATCHES: Final = 12
_REPEATS: Final = 2


def measure_worst_records() -> Iterator[Figure]:
    """How long the worst records take under the CPU share of the default memory."""
    with loopback_clients() as clients:
        dynamodb, s3, sqs = (clients.make(name) for name in ("dynamodb", "s3", "sqs"))
        processor = partial(make_processor, dynamodb, s3, 16, sqs)
        detector = partial(make_detector, dynamodb, Taker(), 16)
        for name, make, settings, made in (
            ("processor", processor, _SPEC.processor, records()),
            ("detector", detector, _SPEC.anomaly_detection, detector_records()),
        ):
            share = settings.memory_mib / _MEMORY_OF_ONE_CPU
            for title, record in made:
                found = min(_cpu_seconds_of(make, record) for _ in range(_REPEATS))
                yield Figure(
                    f"worst record, {name}: {title}",
                    round(found / share, 1),
                    settings.timeout_seconds / 2,
                    f"s with {settings.memory_mib} MiB",
                    note=f"{len(record):,} bytes, {found:.2f} s of CPU",
                )


def _cpu_seconds_of(make: Callable[[], Any], record: bytes) -> float:
    """Return the CPU time of one record in a new container."""
    function, batch = make(), invocation([record])
    before = cpu_seconds()
    function.process(batch)
    return cpu_seconds() - before


def measure_backlog() -> Iterator[Figure]:
    """How fast the default detector clears the page views of a crawl of an hour.

    Each is a session of its own. Its state is that of a lane in a crawl, some minutes of sessions
    long. Each request to DynamoDB is made by a client first, then answered by a table in memory,
    whose time counts too. Messages, which a ceiling makes few, are taken at once.
    """
    settings, size = _SPEC.anomaly_detection, _SPEC.processor.batch_size
    per_second = _BACKLOG / _ARRIVAL_SECONDS
    with loopback_clients() as clients:
        dynamodb = _Both(MemoryDynamoDB(KEYS, Faults()), clients.make("dynamodb"))
        detector = make_detector(dynamodb, Taker(), 16)
        spent: list[float] = []
        for batch in range(_SAMPLE_BATCHES):
            first = batch * size
            arrivals = [NOW + (first + number) / per_second for number in range(size)]
            payloads = [json.dumps(view).encode() for view in crawl(first, arrivals)]
            made = invocation(payloads, start=first, arrivals=arrivals)
            before = cpu_seconds()
            detector.process(made)
            spent.append(cpu_seconds() - before)
    # The first batches fill the state; the later ones are like all that follow.
    tail = sorted(spent[_SAMPLE_BATCHES // 2 :])
    usual = tail[len(tail) // 2]
    rate = size / usual * settings.memory_mib / _MEMORY_OF_ONE_CPU
    yield Figure(
        f"detector: a backlog of {_BACKLOG:,} robot page views",
        round(rate),
        round(_TIMES * per_second),
        f"events/s with {settings.memory_mib} MiB",
        at_least=True,
        note=f"{rate / per_second:.1f} times the {per_second:.0f}/s of a crawl of an hour, "
        f"cleared in {_BACKLOG / rate / 60:.0f} minutes on one shard",
    )


class _Both:
    """A table in memory that answers, after a client has made the same request."""

    def __init__(self, memory: Any, client: Any) -> None:
        self._memory = memory
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def request(**arguments: Any) -> Any:
            getattr(self._client, name)(**arguments)
            return getattr(self._memory, name)(**arguments)

        return request
