"""Commands against moto: real clients and answers of AWS, with one pipeline on record."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from clickstream_layout.tables import COUNTER_KEY, PAGE_KEY, SESSION_KEY
from clickstream_operator.api.v1alpha1 import FINALIZER
from clickstream_operator.cli import simulation
from clickstream_operator.cli.cluster import Cluster
from clickstream_operator.kube.errors import KubernetesError, KubernetesRefusal
from clickstream_operator.kube.objects import ObjectKey
from tests.terminal import Done, piped

ACCOUNT, REGION = "123456789012", "eu-west-1"
NAMES = {
    "stream": "shop-events",
    "archive": "shop-archive",
    "page-metrics-table": "shop-pages",
    "session-metrics-table": "shop-sessions",
    "counters-table": "shop-counters",
    "processor": "shop-processor",
    "processor-logs": "/aws/lambda/shop-processor",
    "detector-logs": "/aws/lambda/shop-detector",
    "processor-role": "shop-processor",
    "detector-role": "shop-detector",
    "scheduler-role": "shop-scheduler",
}
KEYS = {"shop-pages": PAGE_KEY, "shop-sessions": SESSION_KEY, "shop-counters": COUNTER_KEY}


class Reader:
    """A cluster with one pipeline, as far as these commands look at it."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    def get(self, key: ObjectKey) -> dict[str, Any] | None:
        """The pipeline."""
        return self.body if key.name == "shop" else None

    def pipelines(self, _namespace: str = "", *, selector: str = "") -> list[dict[str, Any]]:
        """The pipeline."""
        assert selector == ""
        return [self.body]

    def operators(self) -> list[dict[str, Any]]:
        """None that may be seen."""
        return []

    def version(self) -> str:
        """No cluster."""
        raise KubernetesError("the Kubernetes API does not answer")


@pytest.fixture
def body() -> dict[str, Any]:
    """A pipeline that is ready."""
    resources = [
        {
            "name": name,
            "kind": "X",
            "arn": f"arn:{name}",
            "physicalName": physical,
            "state": "Ready",
        }
        for name, physical in NAMES.items()
    ]
    return {
        "metadata": {
            "name": "shop", "namespace": "a", "uid": "u", "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": [FINALIZER],
        },
        "spec": {},
        "status": {
            "observedGeneration": 1,
            "effective": {
                "account": ACCOUNT, "region": REGION, "partition": "aws", "base": "shop-abcd2345",
                "cluster": "c", "names": NAMES,
            },
            "resources": resources,
            "outputs": {"kinesisStreamName": NAMES["stream"]},
        },
    }  # fmt: skip


@pytest.fixture
def aws(body: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    """AWS with what the pipeline made, and a cluster that knows it."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Cluster, "reader", lambda _cluster: Reader(body))
    monkeypatch.setattr(Cluster, "namespace", "a")
    with mock_aws():
        session = boto3.Session(region_name=REGION)
        session.client("kinesis").create_stream(StreamName=NAMES["stream"], ShardCount=2)
        for table, keys in KEYS.items():
            kinds = zip(keys, ("HASH", "RANGE"), strict=False)
            session.client("dynamodb").create_table(
                TableName=table,
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
                AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        place = {"LocationConstraint": REGION}
        session.client("s3").create_bucket(Bucket=NAMES["archive"], CreateBucketConfiguration=place)
        session.client("logs").create_log_group(logGroupName=NAMES["processor-logs"])
        yield session


def done(*arguments: str, given: str = "") -> Done:
    """A run."""
    return piped(arguments, given=given)


def records(aws: boto3.Session) -> list[dict[str, Any]]:
    """What is in the stream."""
    kinesis = aws.client("kinesis")
    found = []
    for shard in kinesis.list_shards(StreamName=NAMES["stream"])["Shards"]:
        place = {"StreamName": NAMES["stream"], "ShardId": shard["ShardId"]}
        start = kinesis.get_shard_iterator(ShardIteratorType="TRIM_HORIZON", **place)
        found += kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"]
    return found


def test_events_are_sent_to_the_stream_of_the_pipeline(aws: boto3.Session) -> None:
    """As many as asked for, each under its session; aggregated in fewer records."""
    plain = done("send", "shop", "--events", "120", "--rate", "0", "--seed", "1", "-o", "json")
    assert plain.returncode == 0, plain.stderr
    answer = json.loads(plain.stdout)
    assert (answer["events"], answer["records"], answer["givenUp"]) == (120, 120, 0)
    found = [json.loads(one["Data"]) for one in records(aws)]
    assert len(found) == 120
    assert all(one["session_id"].startswith(answer["label"]) for one in found)
    packed = done("send", "shop", "--events", "120", "--rate", "0", "--aggregate")
    assert packed.returncode == 0, packed.stderr
    assert "sent 120 events in " in packed.stdout
    assert 0 < len(records(aws)) - 120 <= 32
    own = done("send", "shop", "--file", "-", "--rate", "0", given='{"session_id": "s"}\n')
    assert own.stdout == "sent 1 events in 1 records\n"


def test_a_stream_that_is_gone_is_one_line(aws: boto3.Session) -> None:
    """AWS's words, exit code 1."""
    aws.client("kinesis").delete_stream(StreamName=NAMES["stream"])
    failed = done("send", "shop", "--events", "5", "--rate", "0")
    assert failed.returncode == 1
    last = failed.stderr.splitlines()[-1]
    assert "kinesis:put_records failed with ResourceNotFoundException" in last
    assert "it is tried again" not in last


def page_item(page: str, hour: str, views: int) -> dict[str, Any]:
    """An item as the functions write it."""
    return {
        "page_url": {"S": page}, "timestamp_hour": {"S": f"{hour}#abcdefgh"},
        "view_count": {"N": str(views)}, "last_updated": {"N": "1"},
    }  # fmt: skip


def balance_item(hour: str, until: str) -> dict[str, Any]:
    """A balance as the detector writes it."""
    texts = {"until": until, "verdict": "Balanced", "reasons": "", "differences": "{}"}
    numbers = {"records": "7", "rows": "9", "counted": "8", "found_counters": "8", "bad": "1"}
    return {
        "metric_name": {"S": "balance"}, "time_window": {"S": hour},
        **{name: {"S": text} for name, text in texts.items()},
        **{name: {"N": number} for name, number in numbers.items()},
    }  # fmt: skip


def test_the_balance_is_read_with_its_witness(aws: boto3.Session) -> None:
    """The hour's item, and what Kinesis says that it took; the other tables are asked as well."""
    hours = [time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() - ago)) for ago in (7200, 3600)]
    aws.client("dynamodb").put_item(TableName="shop-counters", Item=balance_item(*hours))
    begun = time.time() - 7200 - (time.time() - 7200) % 3600
    aws.client("cloudwatch").put_metric_data(
        Namespace="AWS/Kinesis",
        MetricData=[
            {
                "MetricName": "IncomingRecords", "Value": 7.0, "Timestamp": begun + 600,
                "Dimensions": [{"Name": "StreamName", "Value": NAMES["stream"]}],
            }
        ],
    )  # fmt: skip
    shown = [
        part for name in ("balance", "robots", "channels", "browsers") for part in ("--show", name)
    ]
    found = done("report", "shop", "--since", "4h", *shown, "-o", "json")
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    (row,) = document["balance"]
    assert (row["hour"], row["verdict"], row["stream"], row["records"]) == (
        hours[0], "Balanced", 7, 7,
    )  # fmt: skip
    assert (document["robots"], document["channels"], document["browsers"]) == ([], [], [])


def test_numbers_are_read_from_the_tables(aws: boto3.Session) -> None:
    """As a table, CSV and JSON; a closed range is empty."""
    dynamodb = aws.client("dynamodb")
    now = time.gmtime()
    hour, minute = time.strftime("%Y-%m-%dT%H", now), time.strftime("%Y-%m-%dT%H:%M", now)
    pages = {"/b": 7, "/a": 3}
    for page, views in pages.items():
        dynamodb.put_item(TableName="shop-pages", Item=page_item(page, hour, views))
    lists = {"metric_name": {"S": "pages"}, "time_window": {"S": f"{hour}#abcdefgh"}}
    lists["pages"] = {"S": json.dumps(list(pages))}
    dynamodb.put_item(TableName="shop-counters", Item=lists)
    counter = {
        "metric_name": {"S": "events_per_minute_page_view"},
        "time_window": {"S": f"{minute}#abcdefgh"}, "event_count": {"N": "10"},
    }  # fmt: skip
    dynamodb.put_item(TableName="shop-counters", Item=counter)
    table = done("report", "shop", "--since", "1h")
    assert table.returncode == 0, table.stderr
    lines = [line.split() for line in table.stdout.splitlines()]
    assert ["page", "views", "10"] in lines
    assert ["7", "0", "/b"] in lines
    found = done("report", "shop", "--since", "1h", "--show", "pages", "--top", "1", "-o", "csv")
    assert found.stdout == "views,visitors,page\n7,0,/b\n"
    document = json.loads(done("report", "shop", "-o", "json").stdout)
    assert document["summary"]["events"] == 10
    empty = done("report", "shop", "--since", "2020-01-01", "--until", "2020-01-02")
    assert "no pages in this time" in empty.stderr
    watched = done("tail", "shop", "--for", "0")
    assert watched.returncode == 0, watched.stderr
    assert "page_view" in watched.stdout
    assert watched.stdout.isascii()
    assert "0 events counted in" in watched.stderr


def test_lines_of_both_functions_are_merged(aws: boto3.Session) -> None:
    """By time; a group that is not there has none."""
    logs = aws.client("logs")
    group = NAMES["processor-logs"]
    logs.create_log_stream(logGroupName=group, logStreamName="x")
    at = round(time.time() * 1000) - 5_000
    events = [
        {"timestamp": at, "message": json.dumps({"level": "INFO", "message": "took", "rows": 3})},
        {"timestamp": at + 1, "message": json.dumps({"level": "ERROR", "message": "failed"})},
    ]
    logs.put_log_events(logGroupName=group, logStreamName="x", logEvents=events)
    every = done("logs", "shop")
    assert [line.split()[2:] for line in every.stdout.splitlines()] == [
        ["processor", "INFO", "took", "rows=3"],
        ["processor", "ERROR", "failed"],
    ]
    errors = done("logs", "shop", "--level", "ERROR", "-o", "json")
    assert [json.loads(line)["message"] for line in errors.stdout.splitlines()] == ["failed"]


def test_pipelines_are_ranked_and_a_missing_figure_is_a_dash(aws: boto3.Session) -> None:
    """CloudWatch has none here."""
    ranked = done("top")
    assert ranked.returncode == 0, ranked.stderr
    assert ranked.stdout.splitlines()[1].split()[:4] == ["a", "shop", "Unknown", "-"]


def test_the_doctor_looks_at_the_account(
    aws: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a cluster, which is a finding of its own; each failure has its remedy."""
    # Moto has no policy simulator.
    monkeypatch.setattr(simulation, "source_of", lambda _identity: "")
    looked = done("doctor", "-o", "json")
    assert looked.returncode == 2, looked.stderr
    found = {one["subject"]: one for one in json.loads(looked.stdout)}
    assert found["cluster"]["level"] == "FAIL"
    assert found["credential"]["says"].startswith(f"arn:aws:sts::{ACCOUNT}:")
    assert found["shards"]["level"] == "ok"
    assert found["roles"]["level"] == "ok"
    assert all(one["remedy"] for one in found.values() if one["level"] == "FAIL")


def test_a_deletion_says_what_stays_and_what_it_costs(aws: boto3.Session) -> None:
    """It asks; nobody answers here, so nothing is deleted."""
    asked = done("delete", "shop")
    assert asked.returncode == 1
    rows = [line.split() for line in asked.stdout.splitlines()[1:]]
    assert {row[1] for row in rows if row[0] == "stays"} == {
        "archive", "page-metrics-table", "session-metrics-table", "counters-table",
    }  # fmt: skip
    assert "what stays costs about 0.00 dollars a month" in asked.stderr
    assert asked.stderr.splitlines()[-1] == "error: this needs a confirmation; add --yes"


@pytest.mark.parametrize(
    "spec", [{"deletionPolicy": {"archive": "Empty"}}, {"deletionPolicy": {"archive": "Delete"}}]
)
def test_data_is_lost_only_by_its_own_word(
    aws: boto3.Session, body: dict[str, Any], spec: dict[str, Any]
) -> None:
    """--yes alone is not enough."""
    body["spec"] = spec
    refused = done("delete", "shop", "--yes", "--no-aws")
    assert refused.returncode == 1
    assert f"data is lost: {NAMES['archive']}" in refused.stderr
    assert "data would be lost; add --lose-data" in refused.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "shop"), ("logs", "shop"), ("tail", "shop"), ("send", "shop"),
        ("trace", "shop"), ("redrive", "shop", "--yes"), ("rebuild", "shop", "2026-11-23T12"),
    ],
)  # fmt: skip
def test_a_credential_of_another_account_reaches_nothing(
    aws: boto3.Session, body: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    """One line says whose it is."""
    body["status"]["effective"]["account"] = "999999999999"
    failed = done(*arguments)
    assert failed.returncode == 1
    assert failed.stdout == ""
    last = failed.stderr.splitlines()[-1]
    assert last.startswith(f"error: your AWS credential belongs to account {ACCOUNT}")
    assert records(aws) == []


@pytest.mark.parametrize("command", ["report", "logs", "tail", "send", "trace", "redrive"])
def test_the_operators_pod_lends_nobody_its_credential(
    aws: boto3.Session, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Neither for looking nor for sending."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("CLICKSTREAM_PACKAGES", "/opt/lambdas")
    failed = done(command, "shop")
    assert failed.returncode == 1
    assert "this is the operator's Pod" in failed.stderr
    assert records(aws) == []


@pytest.mark.parametrize("command", ["report", "logs", "tail", "send", "trace", "top"])
def test_without_a_credential_one_line_says_what_to_do(
    aws: boto3.Session, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """`top` goes on without the figures."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    failed = done(*((command,) if command == "top" else (command, "shop")))
    assert failed.returncode == (0 if command == "top" else 1)
    assert "no usable AWS credential" in failed.stderr
    assert "choose one with --profile" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_report_of_a_fault_is_redacted(
    aws: boto3.Session, body: dict[str, Any], tmp_path: Path
) -> None:
    """What can't be read is told, and stands in the archive."""
    body["spec"] = {"alerts": {"enabled": True, "emails": ["ann.lee@example.com"]}}
    file = tmp_path / "report.tar.gz"
    made = done("bug-report", "shop", "--file", str(file))
    assert made.returncode == 0, made.stderr
    assert made.stdout == f"{file}\n"
    assert "without a-shop/events.json: AttributeError" in made.stderr
    assert "1 EMAIL" in made.stderr
    again = done("bug-report", "shop", "--file", str(file))
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_a_crd_that_is_older_than_the_tool_is_told(
    aws: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the field that it does not know, instead of a plan without it."""

    def refuse(*_arguments: Any, **_options: Any) -> None:
        said = 'the API server said 400 strict decoding error: unknown field "spec.alerts"'
        raise KubernetesRefusal(said)

    monkeypatch.setattr(Reader, "dry_run", refuse, raising=False)
    manifest = (
        "apiVersion: clickstream.dev/v1alpha1\nkind: ClickstreamPipeline\n"
        "metadata: {name: shop}\nspec: {alerts: {enabled: true}}\n"
    )
    failed = done("plan", "-f", "-", given=manifest)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert 'unknown field "spec.alerts"; it is older than this tool' in failed.stderr
