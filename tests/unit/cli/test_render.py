"""`render`: the resources of a manifest offline, as the operator would make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.cli.design import Place, design, partition_of
from clickstream_operator.pipeline import names
from tests.integration.aws_inventory import DEFAULT_RESOURCES
from tests.terminal import on_terminal, piped

MANIFEST = """\
apiVersion: clickstream.dev/v1alpha1
kind: ClickstreamPipeline
metadata: {name: shop, namespace: analytics}
spec: {region: eu-west-1}
"""
PLACE = ("--account", "111122223333", "--cluster-id", "prod")
BASE = names.base_name(cluster="prod", namespace="analytics", name="shop")


def rendered(*options: str, given: str = MANIFEST) -> Any:
    """The answer as data."""
    done = piped(["render", "-f", "-", *PLACE, "-o", "json", *options], given=given)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_names_are_those_that_the_operator_derives() -> None:
    """From cluster, namespace, name, account and region."""
    found = rendered()
    by_name = {one["name"]: one for one in found["resources"]}
    assert found["region"] == "eu-west-1"
    assert by_name["stream"]["physicalName"] == f"{BASE}-events"
    assert by_name["archive"]["physicalName"] == f"{BASE}-archive-111122223333-eu-west-1-an"
    assert by_name["archive"]["onDelete"] == "Retain"
    assert by_name["processor-mapping"]["dependsOn"] != []


def test_properties_are_complete_and_say_what_only_aws_knows() -> None:
    """Every resource has its desired properties and the owner's tags."""
    by_name = {one["name"]: one for one in rendered()["resources"]}
    stream = by_name["stream"]
    assert stream["properties"]["shards"] == 2
    assert stream["tags"]["clickstream.dev/pipeline"] == "shop"
    configuration = json.dumps(by_name["processor"]["properties"])
    assert "(known after creation)" in configuration
    assert f"{BASE}-page-metrics" in configuration


def test_every_part_can_be_shown() -> None:
    """A collector as well, whose package is the operator's as those of the others are."""
    spec = "{collector: {enabled: true, allowedOrigins: ['https://www.example.com']}}"
    found = rendered(given=MANIFEST.replace("{region: eu-west-1}", spec))
    assert {"collector", "collector-url"} <= {one["name"] for one in found["resources"]}


def test_resources_follow_the_spec() -> None:
    """What is switched off is not there."""
    spec = "{anomalyDetection: {enabled: false}, alarms: {enabled: false}}"
    found = rendered(given=MANIFEST.replace("{region: eu-west-1}", spec))
    kinds = [one["kind"] for one in found["resources"]]
    assert "Alarm" not in kinds
    assert kinds.count("LambdaFunction") == 1


def test_policies_are_those_of_the_roles() -> None:
    """By the role's name, with whom it trusts."""
    done = piped(["render", "-f", "-", *PLACE, "--policies"], given=MANIFEST)
    found = json.loads(done.stdout)
    assert set(found) == {f"{BASE}-processor", f"{BASE}-detector", f"{BASE}-scheduler"}
    role = found[f"{BASE}-processor"]
    assert role["trust"]["Statement"][0]["Principal"] == {"Service": ["lambda.amazonaws.com"]}
    resources = json.dumps(role["policies"])
    assert f"arn:aws:kinesis:eu-west-1:111122223333:stream/{BASE}-events" in resources


def test_several_manifests_are_a_list() -> None:
    """In the order in which they stand."""
    second = MANIFEST.replace("shop", "blog")
    found = rendered(given=f"{MANIFEST}---\n{second}")
    assert [one["name"] for one in found] == ["shop", "blog"]


def test_a_faulty_manifest_is_refused() -> None:
    """At its line, with the way to all faults."""
    done = piped(["render", "-f", "-"], given=MANIFEST.replace("region", "regoin"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        'error: -:4: spec.regoin: unknown field "spec.regoin"; did you mean region?; '
        "`validate -f` shows all faults\n"
    )


def test_an_account_is_twelve_digits() -> None:
    """Names would be wrong with another."""
    done = piped(["render", "-f", "-", "--account", "12"], given=MANIFEST)
    assert done.returncode == 3
    assert "12 is no AWS account; write its 12 digits" in done.stderr


@pytest.mark.parametrize("columns", [40, 80])
def test_the_table_fits_the_terminal(columns: int, tmp_path: Path) -> None:
    """Nothing is cut: every name can be read in it, whole or folded."""
    file = tmp_path / "shop.yaml"
    file.write_text(MANIFEST)
    code, shown = on_terminal(["render", "-f", str(file), *PLACE], columns=columns)
    assert code == 0
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= columns
    assert f"{BASE}-events" in shown
    assert "resources in eu-west-1 of account 111122223333" in " ".join(shown.split())


def test_the_design_is_the_builders() -> None:
    """All the resources of the default spec, and no call of AWS."""
    place = Place(account="1" * 12, region="us-east-1", namespace="default", cluster="c")
    body = yaml.safe_load(MANIFEST)
    found = design(body, place)
    assert {one.name for one in found.resources} == set(DEFAULT_RESOURCES)
    assert len(found.desired()) == len(found.resources)


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-isob-east-1", "aws-iso-b"),
        ("us-iso-east-1", "aws-iso"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_the_partition_follows_from_the_region(region: str, partition: str) -> None:
    """As botocore's endpoints have it."""
    assert partition_of(region) == partition
