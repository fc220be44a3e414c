"""The collector of a spec: its resources, rights, configuration and monitoring; nothing without."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective, Spec
from clickstream_operator.pipeline import names, packages, role_policies
from clickstream_operator.pipeline.outputs import pipeline_outputs
from clickstream_operator.pipeline.page_script import PageScript
from clickstream_operator.resources.lambda_function import FunctionPackage
from collector.requests import Request
from collector.script_files import ScriptFiles
from shared.config import load_config
from tests.unit.pipeline.built import (
    BASE,
    LARGE,
    OUTPUTS,
    PLACE,
    build,
    environment_of,
    everything,
)

ORIGIN = "https://www.example.com"
TOKENS = "arn:aws:ssm:eu-west-1:123456789012:parameter/collector/tokens"
EDGE = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:edge-AbCdEf"
SCRIPT = PageScript.of(b"script();\n")
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
PARTS = {
    "collector": f"{BASE}-collector",
    "collector-role": f"{BASE}-collector",
    "collector-logs": f"/aws/lambda/{BASE}-collector",
    "collector-url": f"{BASE}-collector",
    **{
        f"alarm-collector-{metric}": f"{BASE}-collector-{metric}"
        for metric in ("errors", "throttles", "duration", "unavailable")
    },
}


def on(**collector: Any) -> dict[str, Any]:
    """A spec with a collector."""
    return {"collector": {"enabled": True, "allowedOrigins": [ORIGIN], **collector}}


def rights(spec: dict[str, Any]) -> dict[str, list[str]]:
    """Actions of the collector's role, with the ends of the ARNs that they are allowed on."""
    role = build(spec)["collector-role"].desired(OUTPUTS)
    [policy] = role["inlinePolicies"].values()
    return {
        action: sorted(arn.split(":", 5)[5] for arn in one["Resource"])
        for one in policy["Statement"]
        for action in one["Action"]
    }


def test_a_collector_adds_exactly_its_parts() -> None:
    """Function, role, logs, URL and four alarms, named as those of the other functions."""
    added = {name: one for name, one in build(on()).items() if name not in build({})}
    assert {name: one.physical_name for name, one in added.items()} == PARTS
    assert {name for name in added if not name.startswith("alarm-")} <= components.OF_COLLECTOR


def test_nothing_of_others_changes_but_the_dashboard() -> None:
    """Functions, roles and alarms of the others are as without a collector."""
    before, after = build({}), build(on())
    changed = {
        name for name, one in before.items() if one.desired(OUTPUTS) != after[name].desired(OUTPUTS)
    }
    assert changed == {"dashboard"}


@pytest.mark.parametrize("known", [set(), {"stream", "processor"}])
def test_aws_is_asked_for_no_collector_that_never_was(known: set[str]) -> None:
    """A pipeline without one is pruned and deleted by the calls that it always took."""
    found = set(everything({}, known=frozenset(known)))
    assert not found & set(PARTS)


def test_a_collector_that_was_there_is_deleted() -> None:
    """Switched off, or with the whole pipeline."""
    assert set(PARTS) <= set(everything({}, known=frozenset({"collector-logs"})))
    assert set(PARTS) <= set(everything(on()))


def test_the_url_comes_after_the_bound_of_the_bill() -> None:
    """It waits for the function, which is ready when its reserved concurrency is."""
    built = build(on(reservedConcurrency=7))
    assert built["collector-url"].depends_on == {"collector"}
    assert built["collector"].desired(OUTPUTS)["reservedConcurrency"] == 7
    assert build(on())["collector"].desired(OUTPUTS)["reservedConcurrency"] == 10


def test_the_role_puts_and_reads_nothing() -> None:
    """Not even what it put."""
    assert rights(on()) == {
        "kinesis:PutRecords": [f"stream/{BASE}-events"],
        "logs:CreateLogStream": [f"log-group:/aws/lambda/{BASE}-collector:*"],
        "logs:PutLogEvents": [f"log-group:/aws/lambda/{BASE}-collector:*"],
    }


def test_secrets_are_named_one_by_one() -> None:
    """And the hash key for visitors without cookie only."""
    found = rights(on(visitor="Cookieless", tokensSecretArn=TOKENS, originSecretArn=EDGE))
    assert found["secretsmanager:GetSecretValue"] == ["secret:edge-AbCdEf"]
    policy = role_policies.collector_policy(
        PLACE, stream="s", log_group="l", hash_key_parameter="/k", secret_arns=[TOKENS, TOKENS]
    )
    parameters = [one["Resource"] for one in policy["Statement"] if "ssm:" in one["Action"][0]]
    assert parameters == [[PLACE.parameter("/k")], [TOKENS]]


def test_the_key_of_the_stream_is_the_only_one() -> None:
    """A customer managed key of the bucket is for configurations that are objects."""
    spec = {"stream": {"kmsKeyId": KEY}, "archive": {"kmsKeyId": KEY}, **on()}
    role = build(spec)["collector-role"].desired(OUTPUTS)["inlinePolicies"]["clickstream"]
    sids = {one["Sid"] for one in role["Statement"]}
    assert sids == {"clickstreamPut", "clickstreamLog", "clickstreamKeyOfKinesis"}


def test_a_large_configuration_is_an_object() -> None:
    """Many origins do not fit into the environment; metrics and rules are not the collector's."""
    assert "collector-config" not in build({**LARGE, **on()})
    spec = on(allowedOrigins=[f"https://{'x' * 80}-{number}.example.com" for number in range(50)])
    built = build(spec)
    assert environment_of(built["collector"]) == {"CLICKSTREAM_CONFIG_S3": "s3://b/config/c.json"}
    assert "s3:GetObject" in rights(spec)
    assert "s3:GetObject" not in rights(on())


@given(
    visitor=st.sampled_from(["Cookieless", "Session", "UserId"]),
    consent=st.none() | st.sampled_from(["analytics", "consent.analytics"]),
    gpc=st.booleans(),
    secrets=st.booleans(),
    path=st.sampled_from(["/clickstream.js", "/a/b.js"]),
)
def test_the_function_reads_what_the_operator_writes(
    *, visitor: str, consent: str | None, gpc: bool, secrets: bool, path: str
) -> None:
    """Every setting arrives."""
    settings: dict[str, Any] = {
        "visitor": visitor, "respectGlobalPrivacyControl": gpc, "path": path,
        "allowedOrigins": ["https://*.example.org", ORIGIN],
    }  # fmt: skip
    if consent is not None:
        settings["consent"] = consent
    if secrets:
        settings |= {"tokensSecretArn": TOKENS, "originSecretArn": EDGE, "originHeader": "x-edge"}
    environment = environment_of(build(on(**settings))["collector"])

    def no_s3() -> Any:
        raise AssertionError("the configuration stands in the environment")

    found = load_config(environment, s3=no_s3, function="collector").collector
    assert found is not None
    assert set(found.allowed_origins) == set(settings["allowedOrigins"])
    assert (found.visitor, found.path, found.consent) == (visitor, path, consent or "")
    assert found.respect_global_privacy_control is gpc
    assert found.tokens_secret_arn == (TOKENS if secrets else "")
    assert found.origin_secret_arn == (EDGE if secrets else "")
    assert found.origin_header == ("x-edge" if secrets else "x-origin-secret")


def test_the_dashboard_has_a_row_of_it() -> None:
    """Events and requests, side by side below the others."""
    body = build(on())["dashboard"].desired(OUTPUTS)["body"]
    text = json.dumps(body)
    assert "CollectorEvents" in text
    assert "UrlRequestCount" in text
    assert "Collector" not in json.dumps(build({})["dashboard"].desired(OUTPUTS)["body"])


@pytest.mark.parametrize(
    ("spec", "url", "expected"),
    [
        (on(), "https://abc.lambda-url.eu-west-1.on.aws/", "clickstream.js"),
        (on(path="/a/t.js"), "https://abc.lambda-url.eu-west-1.on.aws/", "a/t.js"),
        (on(), "", None),
        ({}, "https://abc.lambda-url.eu-west-1.on.aws/", None),
    ],
)
def test_the_address_is_an_output(spec: dict[str, Any], url: str, expected: str | None) -> None:
    """Of a collector that is on, as soon as AWS has said it."""
    parsed = Spec.model_validate(spec)
    effective = Effective(
        cluster="c", instance="", account=PLACE.account, partition="aws", region=PLACE.region,
        base=BASE,
        names=names.physical_names(base=BASE, place=PLACE, spec=parsed, account_regional=True),
    )  # fmt: skip
    seen = {"collector-url": {"url": url}}
    found = pipeline_outputs(
        spec=parsed, effective=effective, pipeline="web", seen=seen, script=SCRIPT
    )
    address = f"https://abc.lambda-url.eu-west-1.on.aws/{expected}" if expected else None
    assert found.get("collectorUrl") == address
    assert ("collectorSnippet" in found) == (address is not None)


@pytest.mark.parametrize(
    ("spec", "more"),
    [
        (on(), ""),
        (on(consent="analytics"), ' data-consent="analytics"'),
        (on(respectGlobalPrivacyControl=False), ' data-gpc="ignore"'),
    ],
)
def test_the_element_for_pages_is_an_output(spec: dict[str, Any], more: str) -> None:
    """It pins the script by name and integrity, and says what the collector asks for."""
    snippet = SCRIPT.snippet("https://abc.on.aws/t.js", Spec.model_validate(spec))
    assert snippet == (
        f'<script defer src="https://abc.on.aws/t.{SCRIPT.digest}.js" '
        f'integrity="{SCRIPT.integrity}" crossorigin="anonymous"{more}></script>'
    )


def test_the_name_is_one_that_the_collector_serves() -> None:
    """Operator and collector derive it alike from the content."""
    files = ScriptFiles("/t.js", {".js": "script();\n"})
    http = {"method": "GET", "path": f"/t.{SCRIPT.digest}.js"}
    answer = files.answer(Request.of({"requestContext": {"http": http}, "rawPath": http["path"]}))
    assert answer is not None
    assert "immutable" in answer["headers"]["cache-control"]
    digest = base64.b64encode(hashlib.sha384(answer["body"].encode()).digest()).decode()
    assert f"sha384-{digest}" == SCRIPT.integrity


def test_the_script_is_that_of_the_package(tmp_path: Path) -> None:
    """The operator reads it from the zip that it uploads."""
    with zipfile.ZipFile(tmp_path / "collector.zip", "w") as package:
        package.writestr("collector/clickstream.js", "script();\n")
    assert packages.page_script(FunctionPackage.at(tmp_path / "collector.zip")) == SCRIPT
