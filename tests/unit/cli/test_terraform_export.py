"""A whole pipeline as Terraform's configuration: every kind, from what AWS shows."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml
from moto import mock_aws

from clickstream_operator import pipeline
from clickstream_operator.api import v1alpha1
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.aws.session import AwsSession, CallerIdentity
from clickstream_operator.cli import aws, operator_config
from clickstream_operator.cli.cluster import Cluster
from clickstream_operator.cli.commands import export
from clickstream_operator.cli.manifest import faults_of
from clickstream_operator.cli.terraform import Found, configuration, read_all
from clickstream_operator.cli.terraform.configuration import WRITERS
from clickstream_operator.engine.desired import Desired, difference
from clickstream_operator.engine.resource import Observed, Resource
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.inputs import build_context
from clickstream_operator.reconcile.location import decide_effective
from clickstream_operator.resources import __path__ as resources_path
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.lambda_function import FunctionPackage
from tests.resources.moto_gaps import make_conditions_of_permissions
from tests.terminal import piped

SPEC: dict[str, Any] = {
    "region": "us-east-1",
    "stream": {"shards": 3, "retentionHours": 48},
    "processor": {
        "reservedConcurrency": 5,
        "startingPosition": {"type": "AtTimestamp", "timestamp": "2026-01-01T00:00:00Z"},
    },
    "tables": {"ttl": {"sessionMetricsHours": 96, "countersHours": 96}},
    "events": {"fields": {"type": 'a${b}%{c}"d'}},
    "alerts": {"enabled": True, "emails": ["ops@example.com"]},
    "collector": {"enabled": True, "allowedOrigins": ["https://www.example.com"]},
    "tags": {"Team": "web: x"},
}
#: An archive with nothing in it.
ZIP = b"PK\x05\x06" + bytes(18)
CONFIG = OperatorConfig(
    cluster="c",
    instance="",
    default_region="us-east-1",
    account_regional_buckets=False,
    packages={
        name: FunctionPackage(base64.b64encode(sha256(ZIP).digest()).decode(), lambda: ZIP)
        for name in ("processor", "detector", "collector")
    },
)


def _body(effective: Effective | None) -> dict[str, Any]:
    status = {"effective": effective.model_dump(mode="json", by_alias=True)} if effective else {}
    return {
        "apiVersion": v1alpha1.API_VERSION,
        "kind": v1alpha1.KIND,
        "metadata": {
            "name": "shop",
            "namespace": "web",
            "uid": "u",
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": SPEC,
        "status": status,
    }


def _object(effective: Effective | None = None) -> PipelineObject:
    key = ObjectKey("web", "shop")
    return parse(key, _body(effective))


@pytest.fixture(scope="module")
def exported() -> Iterator[tuple[Effective, str, list[str], list[str]]]:
    """A pipeline in an emulated account: its place, its configuration, and what is not in it."""
    with pytest.MonkeyPatch.context() as patched, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "x")
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
            patched.delenv(name, raising=False)
        make_conditions_of_permissions(patched)
        identity = CallerIdentity(account="123456789012", partition="aws")
        effective = decide_effective(_object(), identity, CONFIG)
        obj = _object(effective)
        _create(obj, effective)

        async def work(session: ReadOnlySession) -> Any:
            return await read_all(obj, CONFIG, session)

        found, missing = aws.run("us-east-1", work, profile=None)
        text, left_out = configuration("web/shop", effective, found)
        yield effective, text, missing, left_out


def _create(obj: PipelineObject, effective: Effective) -> None:
    """Make every resource, in order."""

    async def create() -> None:
        with ThreadPoolExecutor(4) as executor:
            session = AwsSession(
                region="us-east-1", executor=executor, limits=Limits(enabled=False)
            )
            calls = Calls(session)
            outputs: dict[str, Any] = {}
            context = build_context(obj, effective, calls, StreamHistory(), CONFIG)
            for one in pipeline.build(context):
                outputs[one.name] = (await _converged(one.bind(outputs), outputs, calls)).outputs

    asyncio.run(create())


async def _converged(resource: Resource, outputs: Any, calls: Calls) -> Observed:
    """A resource as the spec says; what its creation can't set is set by updates."""
    await resource.create(resource.desired(outputs))
    for _ in range(9):
        calls._reads.clear()
        observed = await resource.observe(full=True)
        assert observed is not None, resource.name
        wanted = Desired.of(resource, resource.desired(outputs))
        diff = difference(resource, replace(wanted, tags={}), observed)
        if not diff:
            return observed
        await resource.update(wanted.properties, observed, diff)
    raise AssertionError(f"{resource.name} does not become as the spec says: {diff}")


def _bare(value: Any) -> Any:
    """A value without the quotes and the marks of a reference that the parser leaves."""
    return re.sub(r'^"|"$|^\$\{|\}$', "", value) if isinstance(value, str) else value


def _resources(text: str) -> dict[str, dict[str, Any]]:
    """Resources by address, as another program reads the file."""
    return {
        f"{_bare(kind)}.{_bare(label)}": body
        for one in hcl2.loads(text)["resource"]
        for kind, labels in one.items()
        if not kind.startswith("__")
        for label, body in labels.items()
        if not label.startswith("__")
    }


Export = tuple[Effective, str, list[str], list[str]]


def test_every_resource_has_its_import(exported: Export) -> None:
    """By the id by which the provider finds it."""
    effective, text, missing, left_out = exported
    assert (missing, left_out) == ([], [])
    imports = {_bare(one["to"]): _bare(one["id"]) for one in hcl2.loads(text)["import"]}
    assert imports.keys() == _resources(text).keys()
    names, base = effective.names, effective.base
    expected = {
        "aws_kinesis_stream.stream": names["stream"],
        "aws_dynamodb_table.counters_table": names["counters-table"],
        "aws_s3_bucket.archive": names["archive"],
        "aws_s3_bucket_lifecycle_configuration.archive": names["archive"],
        "aws_iam_role.processor_role": names["processor-role"],
        "aws_iam_role_policy.processor_role_clickstream": f"{names['processor-role']}:clickstream",
        "aws_lambda_function.processor": names["processor"],
        "aws_scheduler_schedule.schedule": f"default/{base}",
        "aws_ssm_parameter.hash_key": names["hash-key"],
        "aws_cloudwatch_log_group.processor_logs": f"/aws/lambda/{names['processor']}",
        "aws_cloudwatch_dashboard.dashboard": base,
        "aws_sns_topic.alerts": f"arn:aws:sns:us-east-1:123456789012:{base}-alerts",
        "aws_cloudwatch_metric_alarm.alarm_processor_errors": f"{base}-processor-errors",
    }
    assert expected.items() <= imports.items()
    assert imports["aws_sqs_queue.dead_letter"].endswith(f"/{base}-dead-letter")
    assert re.fullmatch(
        r"[0-9a-f-]{36}", imports["aws_lambda_event_source_mapping.processor_mapping"]
    )


def test_every_part_of_the_pipeline_is_in_it(exported: Export) -> None:
    """Under a label that is its name in the inventory."""
    effective, text, _, _ = exported
    labels = {address.partition(".")[2] for address in _resources(text)}
    context = build_context(_object(effective), effective, Calls(_NoAws()), StreamHistory(), CONFIG)
    assert {re.sub(r"\W+", "_", one.name) for one in pipeline.build(context)} <= labels


def test_an_unconfirmed_subscription_is_left_out() -> None:
    """It has no ARN yet by which Terraform could find it."""
    pending = Found("SNSSubscription", "alerts-email-1", "x", "", {}, {}, {"arn": ""}, {})
    text, left_out = configuration("web/shop", Effective(region="us-east-1"), [pending])
    assert left_out == ["alerts-email-1"]
    assert "aws_sns_topic_subscription" not in text


class _NoAws:
    """A session that is not asked."""

    async def call(self, service: str, operation: str, /, **_: Any) -> dict[str, Any]:
        raise AssertionError(f"{service}:{operation}")


def test_the_values_are_those_of_aws(exported: Export) -> None:
    """So a plan of Terraform has nothing to change."""
    _, text, _, _ = exported
    resources = _resources(text)
    stream = resources["aws_kinesis_stream.stream"]
    assert (stream["shard_count"], stream["retention_period"]) == (3, 48)
    mapping = resources["aws_lambda_event_source_mapping.processor_mapping"]
    assert _bare(mapping["starting_position"]) == "AT_TIMESTAMP"
    assert mapping["batch_size"] == 1000
    function = resources["aws_lambda_function.processor"]
    assert (function["memory_size"], function["reserved_concurrent_executions"]) == (256, 5)
    table = resources["aws_dynamodb_table.page_metrics_table"]
    assert [_bare(one["name"]) for one in table["attribute"]] == ["page_url", "timestamp_hour"]
    rules = resources["aws_s3_bucket_lifecycle_configuration.archive"]["rule"]
    assert {_bare(one["id"]) for one in rules} == {
        "clickstream-raw", "clickstream-bad", "clickstream-failed",
    }  # fmt: skip
    tags = resources["aws_sqs_queue.dead_letter"]["tags"]
    assert "web: x" in {_bare(value) for value in tags.values()}


def test_nothing_of_a_value_is_a_template(exported: Export) -> None:
    """What looks like one in a setting is text."""
    text = exported[1]
    assert "a$${b}%%{c}" in text
    assert re.search(r"(?<!\$)\$\{b\}", text) is None


def test_secrets_stay_where_they_are(exported: Export) -> None:
    """The key is imported by its name; its value is neither read nor written."""
    parameter = _resources(exported[1])["aws_ssm_parameter.hash_key"]
    assert _bare(parameter["value"]) == "kept as it is"
    assert _bare(parameter["lifecycle"][0]["ignore_changes"]) == "all"


def test_the_command_prints_the_same(exported: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how AWS gets one owner; a file is written once."""
    effective, text, _, _ = exported
    monkeypatch.setattr(export, "find", lambda _cluster, _name: _object(effective))
    monkeypatch.setattr(operator_config, "read_config", lambda _reader, _effective: CONFIG)
    monkeypatch.setattr(Cluster, "reader", lambda _cluster: None)
    done = piped(["export", "shop", "-n", "web", "--to", "terraform"])
    assert (done.returncode, done.stdout) == (0, text), done.stderr
    assert "clickstream.dev/force-delete=true" in done.stderr


def test_one_that_was_never_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to export."""
    monkeypatch.setattr(export, "find", lambda _cluster, _name: _object())
    done = piped(["export", "shop", "-n", "web", "--to", "terraform"])
    assert done.stderr == "error: shop was never applied; there is nothing to export to terraform\n"


def test_its_stream_alone_leads_to_the_manifest(exported: Export) -> None:
    """Of a pipeline that lost its object, with the settings that its functions have."""
    effective, _, _, _ = exported
    stream = effective.names["stream"]
    done = piped(["import", "aws", "--stream", stream, "--region", "us-east-1"])
    assert done.returncode == 0, done.stderr
    body = yaml.safe_load(done.stdout)
    assert faults_of(body) == []
    assert body["metadata"] == {"name": "shop", "namespace": "web"}
    spec = body["spec"]
    assert spec["names"]["stream"] == stream
    assert "adoptionPolicy" not in spec
    assert spec["stream"] == SPEC["stream"]
    assert spec["events"]["fields"] == SPEC["events"]["fields"]
    assert spec["tables"]["ttl"] == SPEC["tables"]["ttl"]
    assert spec["tags"] == SPEC["tags"]
    assert spec["alerts"] == SPEC["alerts"]
    assert spec["processor"] == {"reservedConcurrency": 5}
    assert "made by the operator of cluster c:" in done.stderr


def test_every_kind_has_a_writer() -> None:
    """One that is added later needs one."""
    kinds: set[str] = set()
    for folder in resources_path:
        for file in Path(folder).glob("*.py"):
            kinds |= set(re.findall(r'^    kind = "(\w+)"', file.read_text(), re.MULTILINE))
    assert kinds == set(WRITERS)
