"""Manifests of a `ClickstreamPipeline`: smallest complete ones, merged ones, defaulted ones."""

import copy
from typing import Any

from clickstream_operator.api.spec import Spec
from clickstream_operator.api.v1alpha1 import API_VERSION, KIND

Json = dict[str, Any]

# Fields that must stand beside a field for its object to be complete.
REQUIRED_SIBLINGS: dict[str, Json] = {
    "credentials": {"roleArn": "arn:aws:iam::123456789012:role/clickstream"},
    "stream.autoscaling": {"minShards": 1, "maxShards": 10000},
    "tables.provisioned": {"readUnits": 1, "writeUnits": 1},
    "metrics[]": {"name": "Probed#1", "match": {}},
    "anomalyDetection.rules[]": {"name": "a", "kind": "Seasonal", "scope": "Site"},
    "archive.transitions[]": {"storageClass": "GLACIER", "afterDays": 90},
}


def spec_with(path: str, value: Any) -> Json:
    """Return the smallest complete spec with `value` at `path`; ``[]`` means a list's only item."""
    spec: Json = {}
    node, walked = spec, ""
    *parents, last = path.split(".")
    for part in parents:
        walked = f"{walked}.{part}".lstrip(".")
        child = copy.deepcopy(REQUIRED_SIBLINGS.get(walked, {}))
        node[part.removesuffix("[]")] = [child] if part.endswith("[]") else child
        node = child
    node[last.removesuffix("[]")] = [value] if last.endswith("[]") else value
    return spec


def merged(one: Json, other: Json) -> Json:
    """Return both, the second winning; the items of two lists of objects are merged in turn."""
    result = {**one}
    for key, value in other.items():
        before = result.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            result[key] = merged(before, value)
        elif isinstance(value, list) and isinstance(before, list):
            result[key] = [merged(a, b) for a, b in zip(before, value, strict=True)]
        else:
            result[key] = value
    return result


def manifest(spec: Json | None, name: str = "probe") -> Json:
    """Return an object; without spec when that is None."""
    body: Json = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}}
    return body if spec is None else {**body, "spec": spec}


def shown(path: str) -> str:
    """Return the path as a refusal shows it."""
    return f"spec.{path}".replace("[]", "[0]")


def complete(**changes: Any) -> Json:
    """Return a complete spec as the models see it."""
    return Spec.model_validate(changes).model_dump(mode="json", by_alias=True, exclude_none=True)
