"""The demo: from nothing to a live pipeline, and every number beside the truth."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
from rich.console import Console
from rich.table import Table

from clickstream_operator.query import PipelineReader
from clickstream_operator.synthetic import Record, Row, Truth, generate
from sandbox.demos.comparison import compare, with_event
from sandbox.demos.hourly_balance import close_hours, rows_of
from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.operator_process import OperatorProcess
from sandbox.processes.process import wait_until

_ROOT: Final = Path(__file__).parents[2]
MANIFEST: Final = _ROOT / "examples" / "quickstart.yaml"
REPORT: Final = _ROOT / "build" / "demo.json"
PIPELINE: Final = "quickstart"
EVENTS: Final = 1000
BROKEN: Final = 3
#: What to paste afterwards; each fits a terminal of 80 columns.
NEXT: Final = """\
It all keeps running. Go on with:
  eval "$(.venv/bin/python -m sandbox up)"
  alias kubectl='.venv/bin/python -m sandbox kubectl'
  kubectl describe csp quickstart
  output() { kubectl get csp quickstart -o jsonpath="{.status.outputs.$1}"; }
  echo '{"event_type":"page_view","session_id":"s1","page_url":"/",' \\
    '"timestamp":'"$(date +%s)"'}' |
  aws kinesis put-record --stream-name "$(output kinesisStreamName)" \\
    --partition-key s1 --data fileb:///dev/stdin
  aws dynamodb scan --table-name "$(output dynamodbPageMetricsTableName)" \\
    --projection-expression 'page_url, timestamp_hour, view_count' --limit 5
  make down"""
_SEED: Final = 7
_BATCH: Final = 500
_READY_SECONDS: Final = 60.0
_COUNT_SECONDS: Final = 60.0
_GONE_SECONDS: Final = 60.0
_POLL: Final = 0.25


@dataclass(slots=True)
class Report:
    """Contents of ``build/demo.json``: `seconds` by phase, `aws_calls` by service."""

    ok: bool = False
    events_sent: int = 0
    events_counted: int = 0
    events_archived: int = 0
    bad_rows: int = 0
    alerts: int = 0
    resources: int = 0
    retained: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    aws_calls: dict[str, int] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    balance: list[dict[str, Any]] = field(default_factory=list)


class Demo:
    """One demo in a running sandbox. `now` is when the traffic is said to happen."""

    def __init__(self, sandbox: Sandbox, console: Console) -> None:
        self._sandbox = sandbox
        self._console = console
        self._operator = OperatorProcess(sandbox)
        settings = sandbox.aws_environment()
        self._aws = boto3.Session(
            aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
            region_name=settings["AWS_REGION"],
        )
        self.report = Report()

    def run(self, *, keep: bool) -> bool:
        """Show it all; True when every number is right and what is retained is what should be.

        Raises:
            SandboxError: a step did not come to its end in time.
        """
        with self._phase("operator", "Install CRD and RBAC, start the operator"):
            self._operator.install()
            self._operator.start()
        with self._phase("ready", f"Apply {MANIFEST.relative_to(_ROOT)}"):
            self._sandbox.kubectl("apply", "-f", str(MANIFEST))
            self._show_until_ready()
        outputs = self._pipeline()["status"]["outputs"]
        self.report.resources = len(self._pipeline()["status"]["resources"])
        with self._phase("events", f"Send the test event and {EVENTS} events, {BROKEN} broken"):
            inbox = self._subscribe(outputs["snsTopicArn"])
            truth = self._send(outputs["kinesisStreamName"])
            rows = self._compare_until_equal(truth, self._reader(outputs), inbox)
        self._show_rows(rows)
        self._show_kubectl()
        right = all(row.equal for row in rows)
        self.report.aws_calls = self._operator.aws_calls()
        if keep:
            self._operator.release_port()
            self.report.ok = right
            return right
        with self._phase("balance", "Close the hour by the detector's code, two hours ahead"):
            balanced = self._balance(outputs)
        with self._phase("deletion", "Delete the pipeline"):
            self._sandbox.kubectl("delete", "csp", PIPELINE, "--wait=false")
            self._wait_until_gone()
        kept = self._check_retained(outputs)
        self.report.aws_calls = self._operator.aws_calls()
        self._operator.stop()
        self.report.ok = right and balanced and kept
        return self.report.ok

    def save(self) -> None:
        """Write the report."""
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(json.dumps(asdict(self.report), indent=2) + "\n")

    @contextmanager
    def _phase(self, name: str, title: str) -> Iterator[None]:
        self._console.print(f"[bold]{title}[/bold]")
        started = time.monotonic()
        yield
        seconds = time.monotonic() - started
        self.report.seconds[name] = round(seconds, 2)
        self._console.print(f"  [dim]{seconds:.1f} s[/dim]")

    def _client(self, service: str) -> Any:
        return self._aws.client(service, endpoint_url=self._sandbox.aws_endpoint)

    def _pipeline(self) -> dict[str, Any]:
        answer = self._sandbox.kubectl("get", "csp", PIPELINE, "-o", "json")
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    def _show_until_ready(self) -> None:
        """One line for each resource when it becomes ready."""
        shown: set[str] = set()
        started = time.monotonic()

        def ready() -> bool:
            status = self._pipeline().get("status", {})
            for resource in status.get("resources", ()):
                if resource["state"] == "Ready" and resource["name"] not in shown:
                    shown.add(resource["name"])
                    self._console.print(
                        f"  {time.monotonic() - started:4.1f} s  [green]ready[/green]  "
                        f"{resource['kind']:<20} {resource['physicalName']}",
                        highlight=False,
                        soft_wrap=True,
                    )
            return any(
                condition["type"] == "Ready" and condition["status"] == "True"
                for condition in status.get("conditions", ())
            )

        self._wait(ready, _READY_SECONDS, "the pipeline was not Ready")

    def _wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        if not wait_until(condition, seconds):
            conditions = self._pipeline().get("status", {}).get("conditions", [])
            raise SandboxError(
                f"After {seconds:.0f} s {what}. Conditions: {json.dumps(conditions, indent=1)}"
            )

    def _subscribe(self, topic: str) -> str:
        """A queue that hears every alert; returns its URL."""
        sqs = self._client("sqs")
        url: str = sqs.create_queue(QueueName="demo-alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        self._client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
        )
        return url

    def _send(self, stream: str) -> Truth:
        """Send the README's test event and the generated ones; returns what must come out."""
        now = datetime.now(UTC).replace(microsecond=0)
        traffic = generate(_SEED, EVENTS, now.timestamp(), broken=BROKEN)
        session = "test-session-123"
        event = {
            "event_type": "page_view",
            "session_id": session,
            "user_id": "user-456",
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "page_url": "/products",
            "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
            "ip_address": "192.168.1.100",
        }
        own = Record(session, json.dumps(event).encode(), round(now.timestamp() * 1000))
        records = [own, *traffic.records]
        kinesis = self._client("kinesis")
        for first in range(0, len(records), _BATCH):
            answer = kinesis.put_records(
                StreamName=stream,
                Records=[
                    {"PartitionKey": record.partition_key, "Data": record.data}
                    for record in records[first : first + _BATCH]
                ],
            )
            if answer["FailedRecordCount"]:
                raise SandboxError(f"{answer['FailedRecordCount']} records were not accepted.")
        self.report.events_sent = len(records)
        return with_event(traffic.truth, session=session, page="/products", moment=now)

    def _reader(self, outputs: dict[str, Any]) -> PipelineReader:
        return PipelineReader(
            dynamodb=self._client("dynamodb"),
            s3=self._client("s3"),
            page_metrics_table=outputs["dynamodbPageMetricsTableName"],
            session_metrics_table=outputs["dynamodbSessionMetricsTableName"],
            counters_table=outputs["dynamodbCountersTableName"],
            bucket=outputs["s3BucketName"],
            clock=time.time,
        )

    def _compare_until_equal(self, truth: Truth, read: PipelineReader, inbox: str) -> list[Row]:
        sqs = self._client("sqs")
        alerts: Counter[tuple[str, str]] = Counter()
        rows: list[Row] = []

        def equal() -> bool:
            messages = sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)
            for message in messages.get("Messages", ()):
                alert = json.loads(json.loads(message["Body"])["Message"])
                for anomaly in alert["anomalies"]:
                    alerts[anomaly["type"], alert["session_id"]] += 1
                sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])
            rows[:] = compare(truth, read, alerts)
            return all(row.equal for row in rows)

        wait_until(equal, _COUNT_SECONDS)
        found = {row.what: row.found for row in rows}
        self.report.events_counted = found["events, by type and minute"]
        self.report.events_archived = found["archived events"]
        self.report.bad_rows = found["bad rows, by reason"]
        self.report.alerts = found["alert messages"]
        self.report.rows = [asdict(row) for row in rows]
        return rows

    def _balance(self, outputs: dict[str, Any]) -> bool:
        """Show what the lanes received beside what stands; True when every hour is balanced."""
        (detector,) = (
            one["physicalName"]
            for one in self._pipeline()["status"]["resources"]
            if one["name"] == "detector"
        )
        close_hours(self._client, detector)
        balances = self._reader(outputs).balances()
        rows = rows_of(balances)
        self._show_rows(rows, "lanes", "stands")
        self.report.balance = [asdict(each) for each in balances]
        counted = rows[0].sent == self.report.events_counted
        return counted and all(each.verdict == "Balanced" for each in balances)

    def _show_rows(self, rows: list[Row], sent: str = "sent", found: str = "found") -> None:
        table = Table(box=None, pad_edge=False)
        for title, justify in (("", "left"), (sent, "right"), (found, "right"), ("", "left")):
            table.add_column(title, justify="right" if justify == "right" else "left")
        for row in rows:
            verdict = "[green]equal[/green]" if row.equal else "[red]DIFFERENT[/red]"
            table.add_row(row.what, str(row.sent), str(row.found), verdict)
        self._console.print(table)

    def _show_kubectl(self) -> None:
        self._console.print("[bold]kubectl get csp -o wide[/bold]")
        self._console.print(
            self._sandbox.kubectl("get", "csp", "-o", "wide").stdout.rstrip(),
            highlight=False,
            soft_wrap=True,
        )

    def _wait_until_gone(self) -> None:
        def gone() -> bool:
            return not self._sandbox.kubectl("get", "csp", "-o", "name").stdout.strip()

        self._wait(gone, _GONE_SECONDS, "the pipeline was not deleted")

    def _check_retained(self, outputs: dict[str, Any]) -> bool:
        """The archive and the tables must still be there with their data, and nothing else."""
        tables = set(self._client("dynamodb").list_tables()["TableNames"])
        wanted = {value for key, value in outputs.items() if key.endswith("MetricsTableName")}
        wanted.add(outputs["dynamodbCountersTableName"])
        objects = self._client("s3").list_objects_v2(Bucket=outputs["s3BucketName"])["KeyCount"]
        streams = self._client("kinesis").list_streams()["StreamNames"]
        functions = self._client("lambda").list_functions()["Functions"]
        self.report.retained = sorted([*tables, outputs["s3BucketName"]])
        for name in self.report.retained:
            self._console.print(f"  [green]retained[/green]  {name}", highlight=False)
        self._console.print(f"  {objects} objects in the archive, no stream, no function left")
        return tables == wanted and objects > 0 and not streams and not functions
