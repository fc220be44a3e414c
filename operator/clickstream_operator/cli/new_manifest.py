"""Manifests for people who begin: presets, answers, and the comments of the API. Pure.

The presets are the examples of the repository, which travel with the tool.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from clickstream_operator.api import v1alpha1
from clickstream_operator.cli.manifest.schema import object_schema

PRESETS: Final = ("minimal", "low-cost", "production", "on-demand", "privacy-strict", "ephemeral")
_PACKAGED: Final = Path(__file__).with_name("presets")
_IN_THE_TREE: Final = Path(__file__).parents[3] / "examples"
_WIDTH: Final = 96

PRODUCERS: Final[Mapping[str, Mapping[str, str]]] = {
    "own": {},
    # Snowplow documentation, "Understanding the enriched event format": names of its fields.
    "snowplow": {
        "type": "event_name",
        "session": "domain_sessionid",
        "user": "domain_userid",
        "time": "derived_tstamp",
        "page": "page_url",
        "userAgent": "useragent",
        "ip": "user_ipaddress",
        "referrer": "page_referrer",
        "country": "geo_country",
        "id": "event_id",
    },
}
"""Names of an event's members, by what produces the events."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person said of a new pipeline."""

    name: str
    namespace: str
    region: str
    environment: str
    preset: str
    producer: str
    emails: tuple[str, ...]


def manifest(answers: Answers) -> dict[str, Any]:
    """The pipeline that was asked for, without comments."""
    spec: dict[str, Any] = dict(preset(answers.preset))
    if answers.region:
        spec["region"] = answers.region
    if answers.environment:
        spec["environment"] = answers.environment
    if PRODUCERS[answers.producer]:
        spec["events"] = {
            **spec.get("events", {}),
            "fields": dict(PRODUCERS[answers.producer]),
        }
    if answers.emails:
        spec["alerts"] = {"enabled": True, "emails": list(answers.emails)}
    elif "alerts" in spec:
        # The addresses of the example are nobody's.
        del spec["alerts"]
    if "actionArns" in spec.get("alarms", {}):
        spec["alarms"] = {k: v for k, v in spec["alarms"].items() if k != "actionArns"}
    order = list(object_schema()["properties"]["spec"]["properties"])
    return {
        "apiVersion": v1alpha1.API_VERSION,
        "kind": v1alpha1.KIND,
        "metadata": {"name": answers.name, "namespace": answers.namespace},
        "spec": {name: spec[name] for name in sorted(spec, key=order.index)},
    }


def preset(name: str) -> Mapping[str, Any]:
    """Spec of a preset, without a region of its own."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _IN_THE_TREE
    body = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = body.get("spec") or {}
    return {key: value for key, value in found.items() if key not in {"region", "tags"}}


def commented(body: Mapping[str, Any], *, heading: str) -> str:
    """A manifest as YAML, each field below its description."""
    spec = body["spec"]
    top = {key: value for key, value in body.items() if key != "spec"}
    lines = [f"# {line}" for line in textwrap.wrap(heading, _WIDTH - 2)]
    lines += yaml.safe_dump(top, sort_keys=False).splitlines()
    schema = object_schema()["properties"]["spec"]
    if spec:
        lines += ["spec:", *_fields(spec, schema, "  ")]
    else:
        lines.append("spec: {}  # every field has a default")
    return "\n".join(lines) + "\n"


def _fields(members: Mapping[str, Any], schema: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in members.items():
        child = schema["properties"][name]
        says = child.get("description", "").partition(" Example: ")[0]
        for line in textwrap.wrap(says, _WIDTH - len(indent)):
            yield f"{indent}# {line}"
        if isinstance(value, dict) and value and "properties" in child:
            yield f"{indent}{name}:"
            yield from _fields(value, child, f"{indent}  ")
        else:
            flow = None if isinstance(value, list) and value else False
            text = yaml.safe_dump({name: value}, sort_keys=False, default_flow_style=flow)
            yield from (f"{indent}{line}" for line in text.splitlines())
