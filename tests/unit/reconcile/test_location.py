"""Location and names of a pipeline: decided once, completed for components that are new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.location import effective_of

FOLDER = Path(__file__).parents[2] / "fixtures" / "upgrade"
OBJECTS = sorted(FOLDER.glob("*.json"))


def upgraded(path: Path) -> tuple[PipelineObject, CallerIdentity, OperatorConfig]:
    """An object of the version before, its account, and an operator of this version."""
    body: dict[str, Any] = json.loads(path.read_text())["object"]
    obj = parse(ObjectKey(body["metadata"]["namespace"], body["metadata"]["name"]), body)
    effective = obj.status.effective
    assert effective is not None
    config = OperatorConfig(
        cluster="another-default",
        instance="another",
        default_region="eu-west-3",
        account_regional_buckets=True,
        packages={},
    )
    return obj, CallerIdentity(effective.account, effective.partition), config


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.stem)
def test_what_is_on_record_stays(path: Path) -> None:
    """Whatever the operator's defaults are now."""
    obj, identity, config = upgraded(path)
    recorded, found = obj.status.effective, effective_of(obj, identity, config)
    assert recorded is not None
    assert recorded.names.items() <= found.names.items()
    assert found.model_copy(update={"names": recorded.names}) == recorded


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.stem)
def test_a_new_component_gets_its_derived_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind with a name works on pipelines of the version before."""
    obj, identity, config = upgraded(path)
    known = names.physical_names

    def more(**arguments: Any) -> dict[str, str]:
        return {**known(**arguments), "catalog": f"{arguments['base']}-catalog"}

    monkeypatch.setattr(names, "physical_names", more)
    found = effective_of(obj, identity, config)
    recorded = obj.status.effective
    assert recorded is not None
    assert found.names["catalog"] == f"{recorded.base}-catalog"
    assert recorded.names.items() <= found.names.items()
