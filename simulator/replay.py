"""Generated traffic through any pair of functions: one stream, a reshard in the middle, faults."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.synthetic.generator import Traffic
from simulator import containers, naive
from simulator.containers import Factory, Function
from simulator.faults import Fault, FaultPlan
from simulator.mapping import EventSourceMapping, MappingSettings, check_expected
from simulator.scheduler import Scheduler
from simulator.stores import HASH_KEY, Stores, make_config
from simulator.stream import Stream
from simulator.trial import START

_SPAN_SECONDS: Final = 40.0
_SHARDS: Final = 2
_TICK: Final = {"source": "clickstream.schedule"}
_TICK_SECONDS: Final = 61.0
_LAST_TICKS: Final = 3
#: Of the recipe's most careful variant; its Terraform has none, so that one broken record blocks
#: its shard until retention ends.
NAIVE_MAPPING: Final = MappingSettings(retries=3, item_failures=False)


@dataclass(frozen=True, slots=True)
class Replay:
    """Stores after all was read. `invocations` of both functions."""

    stores: Stores
    faults: FaultPlan
    invocations: int
    discarded: int
    seconds: float


def replay(
    traffic: Traffic, seed: int, *, rate: float, budget: int, original: bool = False
) -> Replay:
    """Put the traffic and let both functions read it.

    Args:
        traffic: made for START as its now.
        seed: of every random choice.
        rate: probability of a fault at each request.
        budget: faults in all.
        original: the naive design in place of the real handlers.

    Raises:
        UnexpectedError: a real handler failed of itself.
    """
    source = random.Random(seed)  # noqa: S311 - reproducible, not secret
    scheduler = Scheduler(source, START)
    faults = FaultPlan(random.Random(seed + 1), rate=rate, budget=budget)  # noqa: S311 - as above
    stores = Stores(lambda: faults.chance(Fault.STALE_READ, 1 / 4))
    processor, detector = (
        Function(scheduler, faults, factory)
        for factory in _factories(stores, lambda: scheduler.now, original=original)
    )
    stream = Stream(_SHARDS, source, lambda: scheduler.now)
    mappings = [
        EventSourceMapping(
            scheduler=scheduler,
            faults=faults,
            source=source,
            stream=stream,
            function=function,
            settings=NAIVE_MAPPING if original else MappingSettings(),
            on_failure=lambda key, body: _keep(stores, key, body),
            check_error=_accept if original else check_expected,
        )
        for function in (processor, detector)
    ]

    def lead() -> None:
        for mapping in mappings:
            mapping.start()
        for index, record in enumerate(traffic.records):
            if index == len(traffic.records) // 2:
                faults.note(Fault.RESHARD)
                stream.reshard()
            stream.put(record.partition_key, record.data, round(scheduler.now, 3))
            scheduler.sleep(_SPAN_SECONDS / len(traffic.records))
        stream.end()
        scheduler.wait(lambda: all(mapping.done and mapping.idle for mapping in mappings))
        faults.stop()
        for _ in range(0 if original else _LAST_TICKS):
            scheduler.sleep(_TICK_SECONDS)
            detector.invoke(_TICK)

    scheduler.spawn(lead)
    scheduler.run()
    return Replay(
        stores=stores,
        faults=faults,
        invocations=sum(mapping.invocations for mapping in mappings),
        discarded=len(mappings[0].discarded),
        seconds=scheduler.now - START,
    )


def _factories(
    stores: Stores, clock: Callable[[], float], *, original: bool
) -> tuple[Factory, Factory]:
    if original:
        return naive.processor_factory(stores, clock), naive.detector_factory(stores)
    spec = Spec()
    arguments: tuple[Any, ...] = (stores, HASH_KEY, clock, lambda _line: None)
    return (
        containers.processor_factory(make_config("processor", spec, "e1"), *arguments),
        containers.detector_factory(make_config("detector", spec, "e1"), *arguments),
    )


def _accept(_error: BaseException) -> None:
    """The original fails of itself, at broken records."""


def _keep(stores: Stores, key: str, body: bytes) -> None:
    stores.bucket.put_object(Bucket="", Key=key, Body=body)
