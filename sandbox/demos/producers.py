"""The demo of producers: what six of them send beside what is counted, pipeline by pipeline."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from rich.console import Console
from rich.table import Table

from clickstream_operator.query import PipelineReader
from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.operator_process import OperatorProcess
from sandbox.processes.process import wait_until
from simulator.producers import PRODUCERS, SECRETS, Producer, Truth

_READY_SECONDS: Final = 120.0
_COUNT_SECONDS: Final = 60.0


class ProducersDemo:
    """One run in a running sandbox."""

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

    def run(self) -> bool:
        """Show each producer; True when every number is the truth and nothing names anybody.

        Raises:
            SandboxError: a pipeline was not ready in time.
        """
        self._operator.install()
        self._operator.start()
        right = True
        for producer in PRODUCERS:
            name = producer.preset.lower()
            self._console.print(f"[bold]spec.events.preset: {producer.preset}[/bold]")
            self._sandbox.kubectl("apply", "-f", "-", input=json.dumps(_manifest(name, producer)))
            outputs = self._wait_until_ready(name)
            self._send(outputs["kinesisStreamName"], producer)
            read = self._reader(outputs)
            found = self._count(read, producer)
            named = self._named(read, outputs)
            right = self._show(producer, found, named) and right
            self._sandbox.kubectl("delete", "csp", name, "--wait=false")
        self._operator.stop()
        return right

    def _client(self, service: str) -> Any:
        return self._aws.client(service, endpoint_url=self._sandbox.aws_endpoint)

    def _wait_until_ready(self, name: str) -> dict[str, Any]:
        status: dict[str, Any] = {}

        def ready() -> bool:
            answer = self._sandbox.kubectl("get", "csp", name, "-o", "json")
            status.update(json.loads(answer.stdout).get("status", {}))
            return any(
                one["type"] == "Ready" and one["status"] == "True"
                for one in status.get("conditions", ())
            )

        if not wait_until(ready, _READY_SECONDS):
            conditions = json.dumps(status.get("conditions", []), indent=1)
            raise SandboxError(f"{name} was not Ready. Conditions: {conditions}")
        outputs: dict[str, Any] = status["outputs"]
        return outputs

    def _send(self, stream: str, producer: Producer) -> None:
        start = datetime.now(UTC).replace(microsecond=0)
        answer = self._client("kinesis").put_records(
            StreamName=stream,
            Records=[{"PartitionKey": "shop", "Data": data} for data in producer.records(start)],
        )
        if answer["FailedRecordCount"]:
            raise SandboxError(f"{answer['FailedRecordCount']} records were not accepted.")

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

    def _count(self, read: PipelineReader, producer: Producer) -> Truth:
        """What is counted as soon as it is the truth, or after a while."""
        found = [Truth.of(read)]

        def equal() -> bool:
            found[0] = Truth.of(read)
            return found[0] == producer.truth

        wait_until(equal, _COUNT_SECONDS)
        return found[0]

    def _named(self, read: PipelineReader, outputs: dict[str, Any]) -> list[str]:
        """What stands in the stores although it names somebody."""
        texts = [json.dumps(line.event) for line in read.archived_events()]
        texts += [repr(row) for row in read.bad_rows()]
        for name, table in outputs.items():
            if name.endswith("TableName"):
                texts += map(repr, self._client("dynamodb").scan(TableName=table)["Items"])
        return [secret for secret in SECRETS if any(secret in text for text in texts)]

    def _show(self, producer: Producer, found: Truth, named: list[str]) -> bool:
        table = Table(box=None, pad_edge=False)
        for title in ("", "truth", "counted", ""):
            table.add_column(title)
        rows = [
            (what, getattr(producer.truth, member), getattr(found, member))
            for what, member in (
                ("page views", "views"),
                ("visitors", "visitors"),
                ("events, by type", "types"),
                ("events, by session", "sessions"),
                ("bad rows", "bad_rows"),
            )
        ]
        rows.append(("ids, addresses and tokens stored", [], named))
        for what, truth, counted in rows:
            verdict = "[green]equal[/green]" if truth == counted else "[red]DIFFERENT[/red]"
            table.add_row(what, _text(truth), _text(counted), verdict)
        self._console.print(table)
        return all(truth == counted for _, truth, counted in rows)


def _manifest(name: str, producer: Producer) -> dict[str, Any]:
    return {
        "apiVersion": "clickstream.dev/v1alpha1",
        "kind": "ClickstreamPipeline",
        "metadata": {"name": name},
        "spec": {
            "environment": "demo",
            "events": {"preset": producer.preset},
            "processor": {"batchingWindowSeconds": 0},
            "anomalyDetection": {"enabled": False},
            "deletionPolicy": {"archive": "Empty", "tables": "Delete"},
            "tables": {"deletionProtection": False},
        },
    }


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in sorted(value.items())) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
