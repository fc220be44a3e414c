"""Lambda containers: the real handlers, each with its own memory and clients that can fail.

A container serves one invocation at a time and keeps what its handler remembers for the next one;
when more are needed, or when Lambda pleases, a new one is started (AWS Lambda Developer Guide,
"Understanding the Lambda execution environment lifecycle"). An invocation that dies takes its
container with it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

from botocore.exceptions import ClientError, ReadTimeoutError

from processor.lane_items import LaneItems
from processor.processor import WRITES_AT_ONCE, Processor
from shared.budget import DEFAULT_MEMORY_MIB
from simulator.earlier import EarlierLaneItems, EarlierProcessor
from simulator.faults import Fault, FaultPlan
from simulator.scheduler import DiedError, Scheduler, Task
from simulator.tables import aws_error

_READS: Final = frozenset(
    {
        "get_item",
        "query",
        "scan",
        "head_object",
        "get_object",
        "list_objects_v2",
        "list_shards",
        "get_shard_iterator",
        "get_records",
    }
)
#: Codes of answers that a handler may get; of other requests the simulator would be wrong.
_ANSWERS: Final = frozenset(
    {
        "ConditionalCheckFailedException",
        "PreconditionFailed",
        "ThrottlingException",
        "ValidationException",
    }
)
#: The container switches without any fault now and then.
_SWITCHES: Final = 0.2

#: Makes a handler from a function that turns a store into a client, and a pool of workers.
Factory = Callable[["Connect", Callable[[int], "WorkerPool"]], Callable[..., Any]]


class Client:
    """A boto3-like client whose requests take turns with others and meet faults."""

    def __init__(self, container: Container, store: Any) -> None:
        self._container = container
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._store, name)
        writes = name not in _READS

        def request(**arguments: Any) -> Any:
            return self._container.request(name, lambda: operation(**arguments), writes=writes)

        setattr(self, name, request)  # Found at once the next time.
        return request


class Connect:
    """Turns a store into a client of one container, which `die` ends."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def __call__(self, store: Any) -> Client:
        """Return a client."""
        return Client(self._container, store)

    def die(self) -> None:
        """End the container; raises DiedError."""
        self._container.die()


class WorkerPool:
    """Stands for the thread pool of one container; its calls interleave with all others."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Task:
        """Start a call."""
        return self._container.start(lambda: call(*arguments))


class Container:
    """One container of one function."""

    def __init__(self, scheduler: Scheduler, faults: FaultPlan, factory: Factory) -> None:
        self.busy = False
        self.dead = False
        self._scheduler = scheduler
        self._faults = faults
        self._tasks: list[Task] = []
        pool = WorkerPool(self)
        self.handle = factory(Connect(self), lambda _threads: pool)

    def start(self, call: Callable[[], Any], *, delay: float = 0.0) -> Task:
        """Start a task that dies with the container."""
        task = self._scheduler.spawn(call, delay=delay, watched=True)
        self._tasks = [each for each in self._tasks if not each.done]
        self._tasks.append(task)
        return task

    def die(self) -> None:
        """Let everything that runs here die; raises DiedError."""
        self.dead = True
        for task in self._tasks:
            task.kill()
        raise DiedError

    def request(self, name: str, apply: Callable[[], Any], *, writes: bool) -> Any:
        """Make one request, with whatever fault it meets."""
        self._scheduler.pause()
        fault = self._faults.at_request(writes=writes)
        if fault is None:
            try:
                return apply()
            finally:
                self._scheduler.pause()
        return self._disturbed(name, apply, fault)

    def _disturbed(self, name: str, apply: Callable[[], Any], fault: Fault) -> Any:
        if fault is Fault.REFUSED:
            raise aws_error("ThrottlingException", name)
        if fault is Fault.STALL:
            self._scheduler.sleep(self._faults.delay())
            return apply()
        if fault is Fault.CRASH_BEFORE:
            self.die()
        if fault in (Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.ANSWER_LOST_SENT_AGAIN):
            _ignore_answer(apply)
        else:
            self._scheduler.spawn(lambda: _ignore_answer(apply), delay=self._faults.delay())
        if fault in (Fault.CRASH_AFTER, Fault.CRASH_IN_FLIGHT):
            self.die()
        self._scheduler.pause()
        if fault in (Fault.ANSWER_LOST_SENT_AGAIN, Fault.LATE_SENT_AGAIN):
            return apply()
        raise ReadTimeoutError(endpoint_url=name)


def _ignore_answer(apply: Callable[[], Any]) -> None:
    try:
        apply()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _ANSWERS:
            raise


class Context:
    """Lambda's context object, as far as the functions use it."""

    def __init__(self, scheduler: Scheduler, end: float) -> None:
        self._scheduler = scheduler
        self._end = end

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still take."""
        return round((self._end - self._scheduler.now) * 1000)


class Function:
    """One Lambda function: hands each invocation to a container."""

    def __init__(
        self,
        scheduler: Scheduler,
        faults: FaultPlan,
        factory: Factory,
        timeout_seconds: float | None = None,
    ) -> None:
        """Args: with `timeout_seconds` invocations are told how much time they have left."""
        self._scheduler = scheduler
        self._faults = faults
        self._factory = factory
        self._timeout_seconds = timeout_seconds
        self._containers: list[Container] = []

    def configure(self, factory: Factory) -> None:
        """Update the function: running invocations end as they began, new ones are new."""
        self._factory = factory
        self._containers = []

    def invoke(self, event: Mapping[str, Any], *, delay: float = 0.0) -> Task:
        """Start an invocation and return it; the result is what the handler returned."""
        return self._scheduler.spawn(lambda: self._run(event), delay=delay, watched=True)

    def _run(self, event: Mapping[str, Any]) -> Any:
        container = self._take()
        arguments: tuple[Any, ...] = (event,)
        if self._timeout_seconds is not None:
            end = self._scheduler.now + self._timeout_seconds
            arguments = (event, Context(self._scheduler, end))
        task = container.start(lambda: container.handle(*arguments))
        try:
            error = task.exception()
        finally:
            container.busy = False
        if error is not None:
            raise error
        return task.result

    def _take(self) -> Container:
        self._containers = [each for each in self._containers if not each.dead]
        free = [each for each in self._containers if not each.busy]
        if free and not self._faults.chance(Fault.NEW_CONTAINER, _SWITCHES):
            container = free[0]
            # The one used least recently comes next, so that old memory is met as well.
            self._containers.remove(container)
        else:
            container = Container(self._scheduler, self._faults, self._factory)
        self._containers.append(container)
        container.busy = True
        return container


@dataclass(frozen=True, slots=True)
class Hazards:
    """Deaths and delays of the work on records, on a small scale.

    Args:
        memories: MiB that containers have, one drawn for each; the budget of a record follows.
        writes_at_once: item writes after which progress is kept.
        earlier: probability that a container runs the version before portions.
        poison: decoding a record that holds these bytes ends its container.
        refused: the page whose items DynamoDB refuses.
        limited: whether invocations know when they must end.
    """

    memories: tuple[int, ...] = (DEFAULT_MEMORY_MIB,)
    writes_at_once: int = WRITES_AT_ONCE
    earlier: float = 0.0
    poison: bytes = b""
    refused: str = ""
    limited: bool = False


def processor_factory(
    config: Any,
    stores: Any,
    hash_key: bytes,
    clock: Any,
    out: Any,
    *,
    hazards: Hazards | None = None,
    source: random.Random | None = None,
) -> Factory:
    """Return what makes the real processor of a container, its thread pool included."""
    met = hazards or Hazards()
    drawn = source or random.Random(0)  # noqa: S311 - reproducible, not secret

    def make(connect: Connect, pool: Callable[[int], WorkerPool]) -> Any:
        earlier = met.earlier > 0 and drawn.random() < met.earlier
        lanes = EarlierLaneItems if earlier else LaneItems
        with (
            mock.patch("shared.thread_pool.ThreadPoolExecutor", pool),
            mock.patch("processor.processor.LaneItems", lanes),
        ):
            processor = (EarlierProcessor if earlier else Processor)(
                config,
                dynamodb=connect(stores.tables),
                s3=connect(stores.bucket),
                sqs=connect(stores.queue),
                hash_key=hash_key,
                kinesis=lambda: connect(stores.tail),
                clock=clock,
                threads=3,
                memory_mib=drawn.choice(met.memories) if hazards else DEFAULT_MEMORY_MIB,
                writes_at_once=sys.maxsize if earlier else met.writes_at_once,
                out=out,
            )
        if met.poison:
            _poison(processor, met.poison, connect.die)
        return processor.process

    return make


def _poison(function: Any, mark: bytes, die: Callable[[], None]) -> None:
    """Let a record with that mark end the container that decodes it."""
    decoder: Any = function._decoder  # noqa: SLF001 - what kills in real life is as deep inside
    decode = decoder.decode

    def deadly(record: Any, *arguments: Any) -> Any:
        if mark in record.data:
            die()
        return decode(record, *arguments)

    decoder.decode = deadly


def detector_factory(
    config: Any, stores: Any, hash_key: bytes, clock: Any, out: Any, *, poison: bytes = b""
) -> Factory:
    """Return what makes the real detector of a container; `poison` as in `Hazards`."""
    from detector.detector import Detector  # noqa: PLC0415 - lambdas/ is a path of its own

    def make(connect: Connect, pool: Callable[[int], WorkerPool]) -> Any:
        with mock.patch("shared.thread_pool.ThreadPoolExecutor", pool):
            detector = Detector(
                config,
                dynamodb=connect(stores.tables),
                sns=connect(stores.topic),
                kinesis=connect(stores.tail),
                s3=lambda: connect(stores.bucket),
                hash_key=hash_key,
                clock=clock,
                threads=3,
                out=out,
            )
        if poison:
            _poison(detector, poison, connect.die)
        return detector.process

    return make
