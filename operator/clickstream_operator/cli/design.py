"""Design of a pipeline without a cluster and without AWS: names and desired properties. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator import pipeline
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.cli.errors import CliError
from clickstream_operator.engine.desired import Desired
from clickstream_operator.engine.outputs import OutputPending
from clickstream_operator.engine.resource import Resource
from clickstream_operator.kube.objects import ObjectKey, parse
from clickstream_operator.pipeline.packages import FUNCTIONS
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.inputs import build_context
from clickstream_operator.reconcile.location import decide_effective
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.lambda_function import FunctionPackage

LATER: Final = "(known after creation)"
"""Value of an output that only AWS can tell."""
_OPERATORS: Final = "(the operator's)"
_PARTITIONS: Final = {
    "cn-": "aws-cn",
    "eusc-": "aws-eusc",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}


class _NoAws:
    """A session that sends nothing: a design asks AWS nothing."""

    async def call(self, service: str, operation: str, /, **_parameters: Any) -> dict[str, Any]:
        raise RuntimeError(f"a design calls {service}:{operation}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pipeline is to be, as far as its manifest does not say."""

    account: str
    """12 digits."""
    region: str
    """Of a manifest without `spec.region`."""
    namespace: str
    """Of a manifest without one."""
    cluster: str
    """Id of the cluster, by default the uid of its namespace kube-system."""


@dataclass(frozen=True, slots=True)
class Design:
    """Resources of one pipeline, in an order in which they can be created."""

    key: ObjectKey
    effective: Effective
    resources: list[Resource]

    def desired(self) -> list[Desired]:
        """Desired state of each resource; what only AWS can tell is `LATER`."""
        outputs: dict[str, dict[str, str]] = {}
        return [_desired(resource, outputs) for resource in self.resources]


def design(body: Mapping[str, Any], place: Place) -> Design:
    """Design of the pipeline of a valid manifest.

    Raises:
        CliError: nothing says in which region it is.
    """
    metadata = body["metadata"]
    key = ObjectKey(metadata.get("namespace") or place.namespace, metadata["name"])
    whole = {**body, "metadata": {"generation": 1, "uid": LATER, **metadata}}
    whole["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
    obj = parse(key, {name: value for name, value in whole.items() if name != "status"})
    region = obj.spec.region or place.region
    if not region:
        raise CliError(f"{key.name}: no region", "set spec.region, or give --region")
    config = OperatorConfig(
        cluster=place.cluster,
        instance="",
        default_region=region,
        account_regional_buckets=True,
        packages={name: FunctionPackage(_OPERATORS, bytes) for name in FUNCTIONS},
    )
    identity = CallerIdentity(account=place.account, partition=partition_of(region))
    effective = decide_effective(obj, identity, config)
    context = build_context(obj, effective, Calls(_NoAws()), StreamHistory(), config)
    return Design(key, effective, pipeline.build(context))


def partition_of(region: str) -> str:
    """Partition of a region (AWS General Reference, "AWS partitions")."""
    return next((name for stem, name in _PARTITIONS.items() if region.startswith(stem)), "aws")


def _desired(resource: Resource, outputs: dict[str, dict[str, str]]) -> Desired:
    while True:
        try:
            bound = resource.bind(outputs)
            return Desired.of(bound, bound.desired(outputs))
        except OutputPending as pending:
            outputs.setdefault(pending.resource, {})[pending.output] = LATER
