"""The ConfigMap of the outputs: the original's names, texts only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clickstream_operator.api.v1alpha1 import Effective, Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.outputs import pipeline_outputs
from clickstream_operator.reconcile.outputs_config_map import rendered

STATE = Path(__file__).parents[2] / "fixtures" / "terraform-default.tfstate"


def outputs() -> dict[str, Any]:
    """The outputs of a pipeline with everything switched on."""
    spec = Spec.model_validate({"alerts": {"enabled": True}})
    place = AwsLocation("aws", "us-east-1", "123456789012")
    physical = names.physical_names(
        base="web-abcdefgh", place=place, spec=spec, account_regional=False
    )
    effective = Effective(
        account=place.account,
        partition=place.partition,
        region=place.region,
        base="web-abcdefgh",
        names=dict(physical),
    )
    seen = {"stream": {"shards": "2"}, "dead-letter": {"url": "https://sqs/q"}}
    return pipeline_outputs(spec=spec, effective=effective, pipeline="web", seen=seen)


def test_names_are_those_of_the_terraform_outputs() -> None:
    """Also inside the outputs that are objects, against a state that Terraform wrote."""
    original = json.loads(STATE.read_text())["outputs"]
    found = rendered(outputs())
    assert set(found) == set(original)
    for name, output in original.items():
        if isinstance(output["value"], dict):
            assert _shape(json.loads(found[name])) == _shape(output["value"]), name
        elif not isinstance(output["value"], str):
            assert json.loads(found[name]) == output["value"], name


def _shape(value: Any) -> Any:
    return {key: _shape(item) for key, item in value.items()} if isinstance(value, dict) else None


def test_values_are_texts_and_stable() -> None:
    """A ConfigMap holds texts; equal outputs in another order give the same ones."""
    found = rendered(outputs())
    assert all(isinstance(value, str) for value in found.values())
    assert found["kinesis_stream_name"] == "web-abcdefgh-events"
    assert found["kinesis_stream_shards"] == "2"
    assert rendered(dict(reversed(outputs().items()))) == found
