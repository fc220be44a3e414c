"""Estimate of the monthly cost of a pipeline, item by item, at list prices without free tier. Pure.

The requests for a batch are those of the functions; a test compares them with requests that the
functions make. Storage is that of a pipeline after a year.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cost import collector, parts, storage
from clickstream_operator.cost.prices import Prices, prices_of
from clickstream_operator.cost.traffic import DAYS, HOURS, SECONDS, Flow, Traffic, flow

STATED: Final = Traffic()
"""The traffic of `status.estimatedMonthlyCost` and `plan.costPerMonth`: a million events a day."""

_GB: Final = 1e9
_MINUTE: Final = 60
_TICKS: Final = SECONDS / _MINUTE
_LANE_WRITES: Final = 2
_TABLES: Final = 3
_PUT_UNIT_BYTES: Final = 25_600
_DAY_HOURS: Final = 24
_EXTENDED_HOURS: Final = 168
#: One vCPU (Lambda developer guide, "Configure Lambda function memory").
_VCPU_MIB: Final = 1769
#: CPU seconds for each event, clients included, on one x86 vCPU (benchmark of the data plane).
_PROCESSOR_CPU: Final = 0.00033
_DETECTOR_CPU: Final = 0.00008
_ARM_SHARE: Final = 0.7
#: Seconds of a function's INIT phase on x86 (modules and clients), billed since August 2025. Lambda
#: publishes no life of a container: two hours are assumed, and one for each shard.
_INIT_SECONDS: Final = 1.4
_CONTAINERS: Final = HOURS / 2
#: Seconds that a batch waits for AWS: lane item twice and the archive object, one after another.
_PROCESSOR_WAIT: Final = 0.04
_DETECTOR_WAIT: Final = 0.02
#: Seconds of one table write, of which 16 run at a time.
_WRITE_WAIT: Final = 0.006
_THREADS: Final = 16
#: Bytes of log: three lines of Lambda, the line of a batch, and the metric line of an event type.
_PLATFORM_LOG: Final = 700
_BATCH_LOG: Final = 600
_TYPE_LOG: Final = 240
#: EventsProcessed, BadRows and Lag, each by pipeline and for the account, and PageViews.
_PIPELINE_METRICS: Final = 7
_DETECTOR_METRICS: Final = 3
#: The operator reads what NumbersBalanced and EventsMapped say.
_READING_SECONDS: Final = 900
_SERIES: Final = 10
#: Bytes of the detector's lane item: the fixed part, and one counted (session, minute).
_DETECTOR_BYTES: Final = 330
_MARK_BYTES: Final = 9.5
_OPEN_MINUTES: Final = 2.5
_LARGEST_DETECTOR_BYTES: Final = 300_000
_WRITE_UNIT: Final = 1024
#: Bytes of an id that is kept for `events.deduplicateSeconds`, with its place.
_SEEN_BYTES: Final = 29
_READ_UNIT: Final = 4096
#: A stream calls KMS every five minutes for each credential that writes or reads (Kinesis developer
#: guide, "Costs, Regions, and performance considerations" of server-side encryption).
_KMS_REQUESTS: Final = SECONDS / 300


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the estimate: `quantity` units a month, and their price."""

    service: str
    what: str
    quantity: float
    unit: str
    dollars: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Lines of an estimate, with the prices of `region`.

    `exact_region` is False if there are no prices for the pipeline's own region.
    """

    items: tuple[Item, ...]
    region: str
    exact_region: bool

    @property
    def dollars(self) -> float:
        """Dollars a month."""
        return sum(item.dollars for item in self.items)

    def by_service(self) -> dict[str, float]:
        """Dollars by service, in the order of the lines."""
        totals: dict[str, float] = {}
        for item in self.items:
            totals[item.service] = totals.get(item.service, 0.0) + item.dollars
        return totals

    def text(self) -> str:
        """The sum in dollars as in the status, with `~` before prices of another region."""
        return f"{'' if self.exact_region else '~'}{self.dollars:.2f}"


def estimate(spec: Spec, *, region: str, traffic: Traffic = STATED) -> Estimate:
    """The monthly cost of a pipeline in a region with this traffic."""
    prices = prices_of(region)
    model = _Model(spec, traffic, prices)
    return Estimate(
        tuple(item for item in model.items() if item.quantity > 0),
        region=prices.region,
        exact_region=prices.region == region,
    )


@dataclass(frozen=True, slots=True)
class Requests:
    """DynamoDB, S3 and SQS requests of both functions a month."""

    pages: float
    listings: float
    sessions: float
    counters: float
    lanes: float
    detector: float
    reads: float
    puts: float
    messages: float
    seen: float = 0.0

    @property
    def writes(self) -> float:
        """Write request units."""
        return (
            self.pages
            + self.listings
            + self.sessions
            + self.counters
            + self.lanes
            + self.detector
            + self.seen
        )


def requests(spec: Spec, traffic: Traffic) -> Requests:
    """Requests of the functions, with one write unit for each item of at most 1 KB."""
    seen = flow(spec, traffic)
    bad_objects = 1 - (1 - traffic.bad_share) ** seen.batch
    detects = spec.anomaly_detection.enabled
    item = _detector_bytes(traffic, seen)
    ticks = _TICKS * (seen.shards * max(1.0, item / _READ_UNIT) + parts.unsent_reads(spec))
    return Requests(
        pages=seen.pages * seen.batches,
        listings=seen.listings * seen.batches,
        sessions=seen.sessions * seen.batches,
        counters=seen.counters * seen.batches,
        lanes=_LANE_WRITES * seen.batches,
        detector=seen.batches * max(1.0, item / _WRITE_UNIT) if detects else 0.0,
        reads=seen.batches * max(1.0, item / _READ_UNIT) + ticks if detects else 0.0,
        puts=seen.batches * (bad_objects + (1 if spec.archive.enabled else 0)),
        messages=seen.batches * bad_objects,
        seen=seen.batches * ceil(seen.batch * _SEEN_BYTES / _WRITE_UNIT)
        if spec.events.deduplicate_seconds
        else 0.0,
    )


def _detector_bytes(traffic: Traffic, seen: Flow) -> float:
    live = max(1.0, traffic.live_sessions / seen.shards)
    a_minute = traffic.events_per_day / 1440 / seen.shards
    counted = _MARK_BYTES * _OPEN_MINUTES * min(live, a_minute)
    return min(_DETECTOR_BYTES + counted, _LARGEST_DETECTOR_BYTES)


class _Model:
    """The lines of one estimate."""

    def __init__(self, spec: Spec, traffic: Traffic, prices: Prices) -> None:
        self._spec = spec
        self._traffic = traffic
        self._prices = prices
        self._flow = flow(spec, traffic)
        self._requests = requests(spec, traffic)

    def items(self) -> Iterator[Item]:
        """Every line, also those with a quantity of zero."""
        yield from self._kinesis()
        yield from self._lambda()
        yield from self._dynamodb()
        yield from self._s3()
        yield from self._cloudwatch()
        yield from self._others()

    def _item(self, service: str, what: str, quantity: float, unit: str, price: str) -> Item:
        return Item(service, what, quantity, unit, quantity * self._prices[price])

    def _kinesis(self) -> Iterator[Item]:
        stream, traffic, shards = self._spec.stream, self._traffic, self._flow.shards
        days = min(stream.retention_hours, _EXTENDED_HOURS) / 24 - 1
        later = max(0, stream.retention_hours - _EXTENDED_HOURS) / 24
        daily_gb = traffic.events_per_day * traffic.bytes_per_event / _GB
        make = self._item
        if stream.mode == "OnDemand":
            written = traffic.events * -(-traffic.bytes_per_event // 1024) * 1024 / _GB
            readers = 2 if self._spec.anomaly_detection.enabled else 1
            # AWS takes warm throughput with On-demand Advantage only, which has its own prices.
            warm = stream.warm_throughput_mibps is not None
            of, hours = ("kinesis.advantage", 0.0) if warm else ("kinesis.onDemand", HOURS)
            hourly = "kinesis.onDemandStreamHour"
            yield make("Kinesis", "on-demand stream", hours, "stream-hours", hourly)
            yield make("Kinesis", "data in", written, "GB", f"{of}InGB")
            read = traffic.events * traffic.bytes_per_event / _GB * readers
            yield make("Kinesis", "data out", read, "GB", f"{of}OutGB")
            yield make("Kinesis", "retention to 7 days", daily_gb * days, "GB", f"{of}ExtendedGB")
        else:
            yield make("Kinesis", "shards", shards * HOURS, "shard-hours", "kinesis.shardHour")
            units = traffic.events * -(-traffic.bytes_per_event // _PUT_UNIT_BYTES)
            yield make("Kinesis", "PUT payload units", units, "units", "kinesis.putUnit")
            hours = shards * HOURS if stream.retention_hours > _DAY_HOURS else 0
            yield make(
                "Kinesis", "retention to 7 days", hours, "shard-hours", "kinesis.extendedShardHour"
            )
        yield make("Kinesis", "retention above", daily_gb * later, "GB", "kinesis.longTermGB")

    def _lambda(self) -> Iterator[Item]:
        spec, seen = self._spec, self._flow
        arm = spec.processor.architecture == "arm64"
        price = "lambda.gbSecondArm64" if arm else "lambda.gbSecondX86"
        slower = 1 / _ARM_SHARE if arm else 1.0
        waits = _PROCESSOR_WAIT + seen.writes / _THREADS * _WRITE_WAIT

        def used(memory_mib: int, cpu_seconds: float, wait_seconds: float) -> float:
            share = min(1.0, memory_mib / _VCPU_MIB)
            return (cpu_seconds * slower / share + wait_seconds) * memory_mib / 1024

        def begun(memory_mib: int, containers: float) -> float:
            return containers * _CONTAINERS * _INIT_SECONDS * slower * memory_mib / 1024

        make = self._item
        memory = spec.processor.memory_mib
        spent = seen.batches * used(memory, seen.batch * _PROCESSOR_CPU, waits)
        yield make("Lambda", "processor requests", seen.batches, "requests", "lambda.request")
        yield make("Lambda", "processor time", spent, "GB-seconds", price)
        starts = begun(memory, seen.shards)
        yield make("Lambda", "processor starts (INIT)", starts, "GB-seconds", price)
        if spec.anomaly_detection.enabled:
            memory = spec.anomaly_detection.memory_mib
            spent = seen.batches * used(memory, seen.batch * _DETECTOR_CPU, _DETECTOR_WAIT)
            spent += _TICKS * used(memory, 0.0, _DETECTOR_WAIT)
            calls = seen.batches + _TICKS
            yield make("Lambda", "detector requests", calls, "requests", "lambda.request")
            yield make("Lambda", "detector time", spent, "GB-seconds", price)
            starts = begun(memory, seen.shards + 1)
            yield make("Lambda", "detector starts (INIT)", starts, "GB-seconds", price)
        if spec.collector.enabled:
            memory, calls = spec.collector.memory_mib, collector.requests(self._traffic)
            spent = calls * used(memory, collector.CPU_SECONDS, collector.WAIT_SECONDS)
            yield make("Lambda", "collector requests", calls, "requests", "lambda.request")
            spent += begun(memory, 1)
            yield make("Lambda", "collector time, starts too", spent, "GB-seconds", price)

    def _dynamodb(self) -> Iterator[Item]:
        tables, made, make = self._spec.tables, self._requests, self._item
        service = "DynamoDB"
        if tables.provisioned is not None and tables.billing_mode == "Provisioned":
            writes = _TABLES * HOURS * tables.provisioned.write_units
            reads = _TABLES * HOURS * tables.provisioned.read_units
            yield make(service, "write capacity", writes, "hours", "dynamodb.writeCapacityHour")
            yield make(service, "read capacity", reads, "hours", "dynamodb.readCapacityHour")
        else:
            for what, units in (
                ("page writes", made.pages),
                ("page lists", made.listings),
                ("session writes", made.sessions),
                ("counter writes", made.counters),
                ("lane writes", made.lanes),
                ("writes of ids seen", made.seen),
                ("detector writes", made.detector),
            ):
                yield make(service, what, units, "write units", "dynamodb.writeUnit")
            yield make(service, "reads", made.reads, "read units", "dynamodb.readUnit")
        size = storage.table_bytes(self._spec, self._traffic, self._flow) / _GB
        yield make(service, "storage", size, "GB", "dynamodb.storageGB")
        kept = size if tables.point_in_time_recovery else 0.0
        yield make(service, "point-in-time recovery", kept, "GB", "dynamodb.backupGB")

    def _s3(self) -> Iterator[Item]:
        yield self._item("S3", "PUT", self._requests.puts, "requests", "s3.put")
        kept = storage.archive(self._spec, self._traffic, self._flow)
        for storage_class, size in kept.bytes_by_class.items():
            price = f"s3.storageGB.{storage_class}"
            yield self._item("S3", f"storage {storage_class}", size / _GB, "GB", price)
        for storage_class, objects in kept.transitions.items():
            price = f"s3.transition.{storage_class}"
            yield self._item("S3", f"moves to {storage_class}", objects, "objects", price)
        price = "s3.monitoring.INTELLIGENT_TIERING"
        yield self._item("S3", "tiering monitoring", kept.monitored_objects, "objects", price)

    def _cloudwatch(self) -> Iterator[Item]:
        spec, seen, make = self._spec, self._flow, self._item
        detects = spec.anomaly_detection.enabled
        service = "CloudWatch"
        metrics = _PIPELINE_METRICS + min(50, self._traffic.event_types)
        metrics += _DETECTOR_METRICS if detects else 0
        metrics += collector.METRICS if spec.collector.enabled else 0
        yield make(service, "metrics of the functions", metrics, "metrics", "cloudwatch.metric")
        shard_metrics = len(spec.stream.shard_level_metrics) * seen.shards
        yield make(service, "shard metrics", shard_metrics, "metrics", "cloudwatch.metric")
        own = sum(
            min(metric.max_series or _SERIES, _SERIES) if metric.dimensions else 1
            for metric in spec.metrics
        )
        yield make(service, "spec.metrics", own, "metrics", "cloudwatch.metric")
        alarms = parts.alarm_count(spec)
        yield make(service, "alarms", alarms, "alarms", "cloudwatch.alarm")
        boards = int(spec.dashboard.enabled)
        yield make(service, "dashboard", boards, "dashboards", "cloudwatch.dashboard")
        asked = 2 * _TICKS * seen.shards if spec.stream.autoscaling else 0
        yield make(service, "autoscaling", asked, "metrics", "cloudwatch.getMetric")
        asked = SECONDS / _READING_SECONDS * (4 if detects else 3)
        yield make(service, "conditions", asked, "metrics", "cloudwatch.getMetric")
        size = seen.batches * (_PLATFORM_LOG + _BATCH_LOG + self._traffic.event_types * _TYPE_LOG)
        size += (seen.batches + _TICKS) * _PLATFORM_LOG if detects else 0
        if spec.collector.enabled:
            size += collector.requests(self._traffic) * _PLATFORM_LOG
        yield make(service, "logs in", size / _GB, "GB", "logs.ingestGB")
        kept = size / _GB * spec.logs.retention_days / DAYS
        yield make(service, "logs kept", kept, "GB", "logs.storageGB")

    def _others(self) -> Iterator[Item]:
        spec, make = self._spec, self._item
        yield make("SQS", "dead letters", self._requests.messages, "requests", "sqs.request")
        if spec.alerts.enabled and spec.anomaly_detection.enabled:
            alerts = 2 * self._traffic.alerts_per_day * DAYS
            yield make("SNS", "alerts", alerts, "requests", "sns.publish")
            mails = alerts * len(spec.alerts.emails)
            yield make("SNS", "e-mails", mails, "e-mails", "sns.email")
        if spec.anomaly_detection.enabled:
            yield make("Scheduler", "ticks", _TICKS, "invocations", "scheduler.invocation")
        keys = parts.customer_keys(spec)
        yield make("KMS", "customer managed keys", len(keys), "keys", "kms.key")
        readers = 2 if spec.anomaly_detection.enabled else 1
        calls = _KMS_REQUESTS * (1 + readers)
        # Each dead letter with a customer managed key is a request; the bucket shares data keys.
        calls += self._requests.messages if spec.dead_letter.kms_key_id else 0
        yield make("KMS", "requests", calls, "requests", "kms.request")
