"""Commands that need an operator and functions at work: each on a real API server, to its end."""

from __future__ import annotations

import json
import re
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.synthetic.generator import AGENTS
from sandbox.demos import terraform_recipe
from sandbox.processes.process import wait_until
from tests.integration.cli.conftest import SPEC, Live
from tests.integration.cli.runs import inside, shown
from tests.terminal import Done

SECONDS = 60.0


def lines(done: Done) -> list[dict[str, Any]]:
    """Objects that a run printed, one a line."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def put(live: Live, **members: Any) -> None:
    """One event into the stream, as a producer sends it."""
    event = {"session_id": "s-1", "timestamp": datetime.now(UTC).isoformat(), **members}
    live.client("kinesis").put_record(
        StreamName=live.names()["stream"], PartitionKey="s-1", Data=json.dumps(event).encode()
    )


def test_verify_tells_what_differs(live: Live) -> None:
    """All is as the spec says; a change by hand is told with its field, and exit code 2."""
    done = inside(live, "verify", live.name)
    assert done.returncode == 0, done.stderr
    assert re.search(r"default/shop: \d+ resources compared with AWS", done.stdout)
    assert done.stdout.endswith("all are as the spec says\n")
    live.apply("reported", {**SPEC, "driftPolicy": "Report"})
    group = live.names("reported")["processor-logs"]
    live.client("logs").put_retention_policy(logGroupName=group, retentionInDays=3)
    found = inside(live, "verify", "reported")
    assert found.returncode == 2
    assert "processor-logs" in found.stdout
    assert "retentionDays" in found.stdout
    assert "1 differ" in found.stdout
    assert inside(live, "reconcile", "reported").returncode == 0
    assert inside(live, "delete", "reported", "--yes", "--no-aws").returncode == 0


def test_doctor_finds_a_cluster_and_an_account_that_work(live: Live) -> None:
    """What is there is ok; what can't be tried here is a warning with its reason."""
    done = inside(live, "doctor", live.name, "-o", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 0, found
    # The sandbox has no Deployment, the emulator neither DescribeLimits nor a policy simulator.
    untried = {"operator", "shards", "IAM", "sending"}
    assert {one["subject"] for one in found if one["level"] == "warn"} == untried
    told = {one["says"] for one in found if one["level"] == "ok"}
    names = live.names()
    for name in ("archive", "processor-role", "detector-role", "scheduler-role"):
        assert f"{names[name]} is there, as on record" in told


def test_an_uninstall_is_held_up_by_pipelines(live: Live) -> None:
    """They are named; the CRD, which Helm did not install, is no obstacle."""
    done = inside(live, "uninstall-check", "-o", "json")
    assert done.returncode == 2
    found = {one["subject"]: one for one in json.loads(done.stdout)}
    assert "default/shop" in found["pipelines"]["says"]
    assert {name for name, one in found.items() if one["level"] == "FAIL"} == {"pipelines"}


def test_a_bug_report_has_everything_and_no_account(live: Live, tmp_path: Path) -> None:
    """Status, Events and logs of the functions; the account is a stand-in."""
    put(live, event_type="page_view", page_url="/bug")
    file = tmp_path / "report.tar.gz"
    done = inside(live, "bug-report", live.name, "--file", str(file))
    assert done.returncode == 0, done.stderr
    with tarfile.open(file) as archive:
        parts = {
            one.name.partition("/")[2]: (archive.extractfile(one) or file.open("rb")).read()
            for one in archive.getmembers()
        }
    assert {"tool.json", "cluster.json", "default-shop/pipeline.json", "missing.json"} <= set(parts)
    assert json.loads(parts["missing.json"]) == {}
    assert json.loads(parts["default-shop/events.json"])
    assert not any(b"123456789012" in part for part in parts.values())


def test_a_trace_ends_in_every_place(live: Live) -> None:
    """Record, session, page and archived row, each with the seconds until it was there."""
    done = inside(live, "trace", live.name, "-o", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one["step"] for one in found["steps"]] == ["record", "session", "page", "archive"]
    assert all(one["afterSeconds"] is not None for one in found["steps"])
    assert found["page"] in found["steps"][2]["where"]


def test_a_bench_awaits_its_probes(live: Live) -> None:
    """All is taken and counted."""
    done = inside(
        live, "bench", live.name, "--rate", "20", "--duration", "1", "--yes", "-o", "json"
    )
    assert done.returncode == 0, done.stderr
    (stage,) = json.loads(done.stdout)
    assert (stage["givenUp"], stage["probesMissing"]) == (0, 0)
    assert stage["probes"] >= 1
    assert stage["countedMedianSeconds"] > 0


def test_a_tail_shows_counts_and_sums_up(live: Live) -> None:
    """By type and minute; a pipeline of which nothing is counted says so."""
    put(live, event_type="signup")

    def counted() -> bool:
        done = inside(live, "tail", live.name, "--for", "0")
        return done.returncode == 0 and "signup" in done.stdout

    assert wait_until(counted, SECONDS)
    done = inside(live, "tail", live.name, "--for", "0", "--type", "nothing")
    assert "0 events counted in" in done.stderr


def test_a_bad_row_is_replayed_after_a_fix(live: Live) -> None:
    """Its reason is told while it stays bad; once the spec reads it, it counts once."""
    nothing = inside(live, "redrive", live.name, "--yes")
    assert nothing.returncode == 1
    assert nothing.stderr.splitlines()[-1] == "error: there was nothing to redrive"
    live.apply("fixed", SPEC)
    names = live.names("fixed")
    event = {
        "kind": "signup",
        "session_id": "s-9",
        "timestamp": datetime.now(UTC).isoformat(),
        "user_agent": AGENTS[0],
    }
    live.client("kinesis").put_record(
        StreamName=names["stream"], PartitionKey="s-9", Data=json.dumps(event).encode()
    )
    s3 = live.client("s3")
    keys: list[str] = []

    def archived() -> bool:
        listed = s3.list_objects_v2(Bucket=names["archive"], Prefix="bad/")
        keys[:] = [one["Key"] for one in listed.get("Contents", ())]
        return bool(keys)

    assert wait_until(archived, SECONDS)
    still = inside(live, "redrive", "fixed", keys[0], "--yes", "-o", "json")
    assert still.returncode == 1
    assert lines(still)[0]["still_bad"] == 1
    # What is still bad is in a new object, as the message says.
    bad = set(keys)
    assert archived()
    (newer,) = set(keys) - bad
    live.apply("fixed", {**SPEC, "events": {"fields": {"type": "kind"}}})
    again = inside(live, "redrive", "fixed", newer, "--yes", "-o", "json")
    assert again.returncode == 0, again.stderr
    assert (lines(again)[0]["events"], lines(again)[0]["still_bad"]) == (1, 0)
    report = inside(live, "report", "fixed", "-o", "json")
    assert json.loads(report.stdout)["summary"]["events"] == 1
    assert inside(live, "delete", "fixed", "--yes", "--no-aws").returncode == 0


def test_an_hour_is_rebuilt_as_it_was(live: Live) -> None:
    """From the archive: the numbers of the report are the same afterwards."""
    sent = inside(live, "send", live.name, "--rate", "0", "--events", "40", "--verify")
    assert sent.returncode == 0, sent.stderr
    before = json.loads(inside(live, "report", live.name, "-o", "json").stdout)["summary"]
    hour = time.strftime("%Y-%m-%dT%H", time.gmtime())
    done = inside(live, "rebuild", live.name, hour, "--yes", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert lines(done)
    after = json.loads(inside(live, "report", live.name, "-o", "json").stdout)["summary"]
    assert after == before


def test_a_pipeline_is_exported_and_found_again(live: Live, tmp_path: Path) -> None:
    """Every resource has its import block; from the stream alone the same pipeline comes back."""
    done = inside(live, "export", live.name, "--to", "terraform")
    assert done.returncode == 0, done.stderr
    names = live.names()
    assert len(re.findall(r"^import \{", done.stdout, re.MULTILINE)) == len(
        re.findall(r'^resource "', done.stdout, re.MULTILINE)
    )
    for name in ("stream", "archive", "counters-table", "processor"):
        assert f'"{names[name]}"' in done.stdout
    file = tmp_path / "again.yaml"
    found = inside(
        live, "import", "aws", "--stream", names["stream"], "--region", "us-east-1",
        "-o", str(file),
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    body = yaml.safe_load(file.read_text())
    assert body["metadata"] == {"name": "shop", "namespace": "default"}
    assert body["spec"]["names"]["archiveBucket"] == names["archive"]
    assert inside(live, "validate", "-f", str(file)).returncode == 0


def test_what_terraform_made_is_imported_with_its_data(live: Live, tmp_path: Path) -> None:
    """Planned, applied and ready: nothing that holds data is made anew or touched."""
    terraform_recipe.build(live.client)
    outputs = terraform_recipe.outputs()
    table, bucket = outputs["dynamodb_counters_table_name"], outputs["s3_bucket_name"]
    item = {
        "metric_name": {"S": "events_per_minute_page_view"},
        "time_window": {"S": "2026-11-23T06:17"},
        "event_count": {"N": "41"},
    }
    live.client("dynamodb").put_item(TableName=table, Item=item)
    live.client("s3").put_object(Bucket=bucket, Key="year=2026/1.json", Body=b"{}\n")
    file = tmp_path / "adopted.yaml"
    done = inside(live, "import", "terraform", str(terraform_recipe.STATE), "-o", str(file))
    assert done.returncode == 0, done.stderr
    assert "terraform state rm" in done.stdout
    tenants = str(live.tenants)
    planned = inside(live, "plan", "-f", str(file), "-o", "json", CLICKSTREAM_TENANTS=tenants)
    changes = json.loads(planned.stdout)["changes"]
    held = {"stream", "archive", "page-metrics-table", "session-metrics-table", "counters-table"}
    assert {one["action"] for one in changes if one["resource"] in held} == {"update"}
    live.sandbox.kubectl("apply", "-f", str(file))
    name = yaml.safe_load(file.read_text())["metadata"]["name"]
    live.wait_ready(name)
    origins = {one["name"]: one["origin"] for one in live.body(name)["status"]["resources"]}
    assert {one for one, origin in origins.items() if origin == "Adopted"} == held
    assert live.client("dynamodb").scan(TableName=table)["Items"] == [item]
    assert live.client("s3").head_object(Bucket=bucket, Key="year=2026/1.json")
    kept = inside(live, "delete", name, "--yes")
    assert kept.returncode == 0, kept.stderr
    stream = outputs["kinesis_stream_name"]
    assert re.search(rf"^stays +stream +{stream}$", kept.stdout, re.MULTILINE)
    assert stream in live.client("kinesis").list_streams()["StreamNames"]


def test_a_deletion_asks_where_data_is_lost(live: Live) -> None:
    """--yes is not enough for it; --keep-data keeps it, and both are told before."""
    spec = {
        **SPEC,
        "tables": {"deletionProtection": False},
        "deletionPolicy": {"tables": "Delete", "archive": "Empty"},
    }
    live.apply("parting", spec)
    bucket = live.names("parting")["archive"]
    refused = inside(live, "delete", "parting", "--yes")
    assert refused.returncode == 1
    assert "add --lose-data, or keep it with --keep-data" in refused.stderr
    assert re.search(rf"^goes +archive +{bucket}$", refused.stdout, re.MULTILINE)
    done = inside(live, "delete", "parting", "--yes", "--keep-data")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("default/parting is deleted\n")
    assert "dollars a month at its present size" in done.stderr
    assert live.client("s3").head_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "shop", "-o", "wide"),
        ("doctor", "shop"),
        ("uninstall-check",),
        ("trace", "shop"),
        ("bench", "shop", "--rate", "5", "--duration", "1", "--yes"),
        ("tail", "shop", "--for", "0"),
        ("status", "shop"),
    ],
)
def test_a_terminal_of_80_columns_shows_all_of_it(live: Live, arguments: tuple[str, ...]) -> None:
    """No line is wider, and none is a traceback."""
    code, screen = shown(live, *arguments)
    assert code in {0, 2}, screen
    assert "Traceback" not in screen
    visible = [line.rpartition("\r")[2].rstrip() for line in screen.splitlines()]
    assert max(map(len, visible)) <= 80, max(visible, key=len)
