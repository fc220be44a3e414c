"""Resources of a spec, as the product builds them, without AWS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from clickstream_operator import pipeline
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.engine.resource import Resource
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.context import BuildContext
from clickstream_operator.resources.lambda_function import FunctionPackage

BASE = "web-abcdefgh"
PLACE = AwsLocation("aws", "eu-west-1", "123456789012")
ROLE = "arn:aws:iam::123456789012:role/given"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:pager"
PACKAGE = FunctionPackage("sha", lambda: b"zip")
OUTPUTS = {
    "stream": {"epoch": "1761998400"},
    "dead-letter": {"url": "https://sqs/q"},
    "processor-config": {"uri": "s3://b/config/p.json"},
    "collector-config": {"uri": "s3://b/config/c.json"},
    "detector-config": {"uri": "s3://b/config/d.json"},
}
LARGE = {
    "metrics": [
        {"name": f"metric-{index}", "match": {"event_type": "x" * 200}} for index in range(20)
    ]
}


class NoCalls:
    """AWS that must not be asked: building is pure."""


def context(spec: dict[str, Any] | Spec, **values: Any) -> BuildContext:
    """The build context of a spec."""
    parsed = spec if isinstance(spec, Spec) else Spec.model_validate(spec)
    return replace(
        BuildContext(
            spec=parsed,
            base=BASE,
            physical=names.physical_names(
                base=BASE, place=PLACE, spec=parsed, account_regional=True
            ),
            place=PLACE,
            tags=ownership.pipeline_tags(
                cluster="c",
                namespace="shop",
                pipeline="web",
                uid="u",
                environment=parsed.environment,
                user_tags=parsed.tags,
            ),
            packages={"processor": PACKAGE, "detector": PACKAGE, "collector": PACKAGE},
            calls=cast("Calls", NoCalls()),
            account_regional_bucket=True,
        ),
        **values,
    )


def build(spec: dict[str, Any] | Spec, **values: Any) -> dict[str, Resource]:
    """The resources of a spec by inventory name."""
    built = pipeline.build(context(spec, **values))
    by_name = {resource.name: resource for resource in built}
    assert len(by_name) == len(built)
    return by_name


def everything(spec: dict[str, Any] | Spec, **values: Any) -> dict[str, Resource]:
    """The resources that any spec of the pipeline may have asked for, by inventory name."""
    return {one.name: one for one in pipeline.build_everything(context(spec, **values))}


def environment_of(resource: Resource) -> dict[str, str]:
    """The variables of a function."""
    return dict(resource.desired(OUTPUTS)["environment"])
