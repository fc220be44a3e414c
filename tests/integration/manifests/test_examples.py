"""The manifests in examples/, taken by the API server, by kubectl and by the models."""

from pathlib import Path

import pytest
import yaml

from clickstream_operator.api.spec import Spec
from clickstream_operator.api.v1alpha1 import GROUP, PLURAL
from tests.integration.manifests.api_server import Api
from tests.integration.manifests.objects import Json, complete
from tests.integration.manifests.tables import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(api: Api, path: Path) -> None:
    """Each is short, explains itself, and is taken by the API server, by kubectl and the models."""
    text = path.read_text()
    assert text.startswith("# ")
    assert len(text.splitlines()) <= 40
    body = yaml.safe_load(text)
    del body["metadata"]["namespace"]
    said = api.kubectl("apply", "--dry-run=server", "-f-", body=body)
    assert said == f"{PLURAL[:-1]}.{GROUP}/{body['metadata']['name']} created (server dry run)\n"
    Spec.model_validate(body["spec"], extra="forbid")
    stored = api.create(body)["spec"]
    # The models fill in what items of lists leave out; the API server does not.
    assert Spec.model_validate(stored) == Spec.model_validate(body["spec"])

    def without_items(spec: Json) -> Json:
        detection = {**spec["anomalyDetection"], "rules": []}
        return {**spec, "metrics": [], "anomalyDetection": detection}

    assert without_items(stored) == without_items(complete(**body["spec"]))
