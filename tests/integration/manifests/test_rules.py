"""Rules between fields, for changes of a live object, and for names."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from clickstream_operator.api import crd
from clickstream_operator.api import validation as rules
from sandbox import Sandbox
from tests.integration.manifests.api_server import Api, eventually
from tests.integration.manifests.objects import Json, manifest
from tests.integration.manifests.tables import CRD, RULES, TEXTS, UPDATES, spec_schema


def test_every_rule_is_tried() -> None:
    """Each rule of the CRD is refused in some row with its own message."""
    said = [row["says"] for row in [*RULES, *UPDATES, *TEXTS.values()] if "says" in row]

    def messages(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (rule["message"] for rule in node.get("x-kubernetes-validations", []))
            yield from itertools.chain.from_iterable(map(messages, node.values()))

    schema = spec_schema()
    assert not [text for text in messages(schema) if not any(text.startswith(row) for row in said)]


@pytest.mark.parametrize("row", RULES, ids=lambda row: row["says"][:60])
def test_rules_between_fields(api: Api, row: Json) -> None:
    """The refusal stands at the field and says what to write instead, with the number if any."""
    for spec in row.get("good", []):
        assert api.refusal(manifest(spec)) == "", spec
    for number, spec in itertools.zip_longest(row.get("numbers", []), row["bad"]):
        refusal = api.refusal(manifest(spec))
        assert f"{row['at']}: Invalid value: " in refusal, spec
        says = row["says"] if number is None else f"{row['says']} to {number}, or "
        assert says in refusal, spec


@pytest.mark.parametrize("row", UPDATES, ids=lambda row: row["title"])
def test_changes_of_a_live_object(api: Api, row: Json) -> None:
    """Fields that decide where resources are cannot change; all others can."""
    api.create(manifest(row["from"]))
    refusal = api.refusal_of_change("probe", manifest(row["to"]))
    if "says" in row:
        assert f"{row['at']}: Invalid value: " in refusal
        assert row["says"] in refusal
    else:
        assert refusal == ""


@pytest.mark.parametrize("name", ["a", "a-b-9", "9a", "a" * 40, "xn-a", "sthree"])
def test_names_that_are_taken(api: Api, name: str) -> None:
    """AWS takes what is made from these."""
    assert api.refusal(manifest({}, name)) == ""


@pytest.mark.parametrize("name", ["a" * 41, "a.b", "xn--a", "sthree-a"])
def test_names_that_are_refused(api: Api, name: str) -> None:
    """Kubernetes would take these, AWS not."""
    refusal = api.refusal(manifest({}, name))
    assert "metadata.name must be at most 40 characters of a-z, 0-9 and '-'" in refusal
    assert "begin and end with a letter or digit" in refusal
    assert "not begin with 'xn--' or 'sthree-'" in refusal


def test_the_name_is_checked_only_at_creation(sandbox: Sandbox, api: Api) -> None:
    """An object that is older than a rule can be changed, marked and deleted."""
    bad = "a.b"
    without = crd.custom_resource_definition()
    schema = without["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["x-kubernetes-validations"]
    install = ("apply", "--server-side", "--force-conflicts", "-f-")
    sandbox.kubectl(*install, input=json.dumps(without))
    try:
        # The new schema is served a moment later.
        eventually(lambda: api.refusal(manifest({}, bad)) == "")
        api.create(manifest({}, bad))
    finally:
        sandbox.kubectl(*install, input=CRD.read_text())
    eventually(lambda: api.refusal(manifest({}, "b.b")) != "")
    assert api.refusal_of_change(bad, manifest({"environment": "prod"}, bad)) == ""
    api.kubectl("annotate", "csp", bad, "clickstream.dev/reconcile-requested-at=now")
    api.patch_status(bad, {"observedGeneration": 1})
    api.kubectl("patch", "csp", bad, "--type=merge", "-p", '{"metadata":{"finalizers":["a.b/c"]}}')
    api.kubectl("delete", "csp", bad, "--wait=false")
    api.kubectl("patch", "csp", bad, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert api.kubectl("get", "csp", bad, "--ignore-not-found") == ""


def test_all_faults_of_one_level_come_at_once(api: Api) -> None:
    """A person corrects them in one go."""
    refusal = api.refusal(
        manifest({"environment": "Prod", "region": "Ireland", "stream": {"kmsKeyId": "mine"}})
    )
    for fragment in (rules.ENVIRONMENT.words, rules.REGION.words, rules.KMS_KEY.words):
        assert f"must be {fragment}" in refusal
