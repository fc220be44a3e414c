"""A deployment of the Terraform recipe, brought over and handed back, with every event counted.

Producers never stop: they send before the cut-over, while nobody reads, after it, and after the
operator is gone. Every count by type and minute is compared with what was sent.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml
from rich.console import Console
from rich.table import Table

from clickstream_operator.query import PipelineReader
from clickstream_operator.synthetic import Row, generate
from sandbox.demos import terraform_recipe
from sandbox.demos.scripted.cloud import Cloud
from sandbox.demos.typed import COLUMNS, TypedSession, empty_folder
from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.operator_process import OperatorProcess
from sandbox.processes.process import wait_until

REPORT: Final = Path(__file__).parents[2] / "build" / "demo-migrate.json"
_PATIENCE: Final = 90.0
_PUT: Final = 500
_HELD: Final = (
    "stream",
    "archive",
    "page-metrics-table",
    "session-metrics-table",
    "counters-table",
)
#: Counts as the recipe's processor does: one more for each event, by type and minute.
_FUNCTION: Final = """\
import base64, json
import boto3

TABLE = boto3.resource("dynamodb").Table("{table}")

def handler(event, _context):
    for record in event["Records"]:
        seen = json.loads(base64.b64decode(record["kinesis"]["data"]))
        TABLE.update_item(
            Key={{
                "metric_name": "events_per_minute_" + seen["event_type"],
                "time_window": seen["timestamp"][:16],
            }},
            UpdateExpression="ADD event_count :one",
            ExpressionAttributeValues={{":one": 1}},
        )
"""


def play() -> bool:
    """Play it; whether no event was lost or counted twice, and every command did what it should."""
    started = time.monotonic()
    console = Console(width=max(COLUMNS, Console().width))
    with Sandbox.start() as sandbox, empty_folder() as folder:
        tenants = folder / "tenants.yaml"
        grants = {"namespaces": ["*"], "adopt": ["clickstream-analytics-dev-*"]}
        tenants.write_text(yaml.safe_dump({"tenants": [grants]}), encoding="utf-8")
        settings = {"CLICKSTREAM_TENANTS": str(tenants), "CLICKSTREAM_CLUSTER_ID": "demo"}
        operator = OperatorProcess(sandbox, settings)
        operator.install()
        operator.start()
        migration = Migration(sandbox, TypedSession(sandbox, console, settings))
        try:
            migration.run()
        finally:
            operator.stop()
    right = migration.right
    _show(console, migration.rows)
    seconds = time.monotonic() - started
    REPORT.parent.mkdir(exist_ok=True)
    document = {
        "seconds": round(seconds, 1),
        "rows": [asdict(one) for one in migration.rows],
        **migration.session.document(),
        "right": right,
    }
    REPORT.write_text(json.dumps(document, indent=2) + "\n")
    verdict = "[green]PASS[/green]" if right else "[red]FAIL[/red]"
    console.print(f"\n{verdict}  {seconds:.0f} s in all", highlight=False)
    return right


class Migration:
    """The deployment, its producers, and the numbers at each turn: `rows`."""

    def __init__(self, sandbox: Sandbox, session: TypedSession) -> None:
        self._sandbox = sandbox
        self.session = session
        self._aws = Cloud(sandbox)
        self._outputs = terraform_recipe.outputs()
        self._sent: Counter[tuple[str, str]] = Counter()
        self._seed = 0
        self.rows: list[Row] = []

    @property
    def right(self) -> bool:
        """Whether every number is equal and every command did what it should."""
        return self.session.right and all(one.equal for one in self.rows)

    def run(self) -> None:
        """Over, and back.

        Raises:
            SandboxError: a step did not come to its end in time.
        """
        self._before()
        since = self._cut_over()
        name = self._apply(since)
        self._back(name)

    def _before(self) -> None:
        self.session.say("A deployment that Terraform made counts what its producers send.")
        code = _FUNCTION.format(table=self._outputs["dynamodb_counters_table_name"])
        terraform_recipe.build(self._aws.client, counting=code)
        shutil.copy(terraform_recipe.STATE, "terraform.tfstate")
        self._send(200)
        self._compare("by the recipe")
        self._held = self._made()
        self.session.say("Its state becomes a manifest, and the steps around it. Nothing changes.")
        self.session.clickstream(
            "import", "terraform", "terraform.tfstate", "-o", "first.yaml",
            shows=["update-event-source-mapping", "terraform state rm", "terraform destroy"],
        )  # fmt: skip
        self.session.say("The plan, while the recipe still reads the stream.")
        self.session.clickstream("plan", "-f", "first.yaml", shows=[r"to create"])
        self._send(100)
        self._compare("by the recipe, after the import")

    def _cut_over(self) -> str:
        """Turn the old mappings off; returns the time from which the pipeline is to count."""
        self.session.say("The old functions have caught up: their mappings go off.")
        # The time is in full seconds: all that was counted has arrived before it.
        time.sleep(1.1)
        since = int(time.time())
        functions = self._aws.client("lambda")
        for one in functions.list_event_source_mappings()["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
            self.session.typed(
                f"aws lambda update-event-source-mapping --no-enabled --uuid {one['UUID']}"
            )
        self._wait(
            lambda: (
                {
                    one["State"]
                    for one in functions.list_event_source_mappings()["EventSourceMappings"]
                }
                == {"Disabled"}
            ),
            "the old mappings are off",
        )
        self._send(100)
        return datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _apply(self, since: str) -> str:
        """Apply the manifest that begins where the old functions stopped; returns its name."""
        self.session.say(
            "100 events wait in the stream, and nobody reads it. From there it goes on."
        )
        self.session.clickstream(
            "import", "terraform", "terraform.tfstate", "--starting-at", since, "-o",
            "pipeline.yaml", shows=["terraform state rm"],
        )  # fmt: skip
        said = r"no\s+event\s+is\s+lost"
        screen = self.session.clickstream("plan", "-f", "pipeline.yaml", shows=[said])
        anew = [name for name in _HELD if re.search(rf"^ *\+ +{name}\b", screen, re.MULTILINE)]
        self._row("made anew that holds data, by the plan", 0, len(anew))
        self.session.kubectl("apply", "-f", "pipeline.yaml")
        body = yaml.safe_load(Path("pipeline.yaml").read_text(encoding="utf-8"))
        name = str(body["metadata"]["name"])
        self.session.kubectl("wait", "--for=condition=Ready", f"csp/{name}", "--timeout=120s")
        self._compare("with those of the gap, by the pipeline")
        self.session.clickstream("status", name, "--no-aws", shows=["Available"])
        answer = self._sandbox.kubectl("get", "csp", name, "-o", "json")
        resources = json.loads(answer.stdout)["status"]["resources"]
        adopted = {one["name"] for one in resources if one["origin"] == "Adopted"}
        self._row("adopted: stream, bucket, tables", len(_HELD), len(adopted & set(_HELD)))
        self._row("of them made anew in AWS", 0, self._made_anew())
        self._send(100)
        self._compare("after the cut-over")
        return name

    def _back(self, name: str) -> None:
        self.session.say("And back: the pipeline as a configuration of Terraform.")
        self.session.clickstream("export", name, "--to", "terraform", "-o", "main.tf")
        text = Path("main.tf").read_text(encoding="utf-8")
        resources = len(re.findall(r'^resource "', text, re.MULTILINE))
        imports = len(re.findall(r"^import \{", text, re.MULTILINE))
        self._row("exported resources, and import blocks", resources, imports)
        self.session.say("The operator lets go of it, and leaves AWS alone.")
        self.session.kubectl("annotate", "csp", name, "clickstream.dev/force-delete=true")
        self.session.kubectl("delete", "csp", name, "--timeout=60s")
        self._row("made anew or gone in AWS", 0, self._made_anew())
        self._send(100)
        self._compare("after the operator is gone")

    def _send(self, events: int) -> None:
        """Events from the producers, who know nothing of all this."""
        self._seed += 1
        traffic = generate(
            self._seed, events, time.time(), label=f"run{self._seed}", broken=0, bots=0
        )
        stream = self._outputs["kinesis_stream_name"]
        records = [{"PartitionKey": one.partition_key, "Data": one.data} for one in traffic.records]
        for first in range(0, len(records), _PUT):
            answer = self._aws.client("kinesis").put_records(
                StreamName=stream, Records=records[first : first + _PUT]
            )
            if answer["FailedRecordCount"]:
                raise SandboxError(f"{answer['FailedRecordCount']} records were not accepted.")
        for kind, minutes in traffic.truth.counters.items():
            self._sent.update({(kind, minute): count for minute, count in minutes.items()})
        self.session.typed(f"# {events} events into {stream}")

    def _counted(self) -> Counter[tuple[str, str]]:
        read = PipelineReader(
            dynamodb=self._aws.client("dynamodb"),
            s3=self._aws.client("s3"),
            page_metrics_table=self._outputs["dynamodb_page_metrics_table_name"],
            session_metrics_table=self._outputs["dynamodb_session_metrics_table_name"],
            counters_table=self._outputs["dynamodb_counters_table_name"],
            bucket=self._outputs["s3_bucket_name"],
            clock=time.time,
        )
        return Counter(
            {
                (kind, minute): count
                for kind, minutes in read.all_counts().items()
                for minute, count in minutes.items()
            }
        )

    def _compare(self, what: str) -> None:
        """Wait until every count is what was sent; a row says when it is not."""
        wait_until(lambda: self._counted() == self._sent, _PATIENCE)
        found = self._counted()
        name = f"events, {what}"
        self.rows.append(Row(name, self._sent.total(), found.total(), equal=found == self._sent))
        self.session.typed(f"# {name}: {self._sent.total()} sent, {found.total()} counted")

    def _row(self, what: str, wanted: int, found: int) -> None:
        self.rows.append(Row(what, wanted, found, equal=wanted == found))

    def _made(self) -> dict[str, Any]:
        """When each thing that holds data was made."""
        outputs = self._outputs
        stream = self._aws.client("kinesis").describe_stream_summary(
            StreamName=outputs["kinesis_stream_name"]
        )
        made: dict[str, Any] = {
            "stream": stream["StreamDescriptionSummary"]["StreamCreationTimestamp"]
        }
        for table in ("page_metrics", "session_metrics", "counters"):
            name = outputs[f"dynamodb_{table}_table_name"]
            about = self._aws.client("dynamodb").describe_table(TableName=name)["Table"]
            made[table] = about["CreationDateTime"]
        made |= {
            one["Name"]: one["CreationDate"]
            for one in self._aws.client("s3").list_buckets()["Buckets"]
            if one["Name"] == outputs["s3_bucket_name"]
        }
        return made

    def _made_anew(self) -> int:
        now = self._made()
        return sum(now.get(name) != moment for name, moment in self._held.items())

    @staticmethod
    def _wait(condition: Callable[[], bool], what: str) -> None:
        if not wait_until(condition, _PATIENCE):
            raise SandboxError(f"{what}: not within {_PATIENCE:.0f} s")


def _show(console: Console, rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("", "wanted", "found", ""):
        table.add_column(title, justify="right" if title else "left")
    for row in rows:
        verdict = "[green]equal[/green]" if row.equal else "[red]DIFFERENT[/red]"
        table.add_row(row.what, str(row.sent), str(row.found), verdict)
    console.print()
    console.print(table)
