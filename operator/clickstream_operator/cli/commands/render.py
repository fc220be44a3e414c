"""`render`: the AWS resources of a manifest, without a cluster and without AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.command import Command
from clickstream_operator.cli.options import file_options, place_options
from clickstream_operator.cli.output import Column, note, print_document, print_table

if TYPE_CHECKING:
    from clickstream_operator.cli.design import Design
    from clickstream_operator.engine.desired import Desired
    from clickstream_operator.engine.resource import Resource

_COLUMNS: Final = (
    Column("RESOURCE"),
    Column("KIND", wide=True),
    Column("ON DELETE"),
    Column("AFTER", wide=True),
    Column("NAME"),
)


@click.command("render", cls=Command)
@file_options()
@place_options
@click.option("--policies", is_flag=True, help="Print the policies of the roles instead.")
@click.option(
    "-o", "--output", "form", type=click.Choice(("table", "wide", "json", "yaml")), default="table"
)
def command(
    files: tuple[str, ...], *, recursive: bool, policies: bool, form: str, **given: str
) -> None:
    """Show the AWS resources of manifests offline, with names and policies.

    Names hold the account, and a hash of cluster, namespace and name: without --account and
    --cluster-id they are examples. With -o yaml each resource has its properties, as the operator
    compares them with AWS.
    """
    from clickstream_operator.cli.design import Place, design  # noqa: PLC0415
    from clickstream_operator.cli.manifest import load, valid_pipelines  # noqa: PLC0415

    place = Place(**given)
    designs = [
        design(one.body, place) for one, _ in valid_pipelines(load(files, recursive=recursive))
    ]
    if policies:
        print_document(_only([_policies(one) for one in designs]), "json")
    elif form in {"json", "yaml"}:
        print_document(_only([_document(one) for one in designs]), form)
    else:
        for number, one in enumerate(designs):
            _print(one, wide=form == "wide", first=number == 0)


def _print(design: Design, *, wide: bool, first: bool) -> None:
    effective = design.effective
    if not first:
        note("")
    note(
        f"{design.key.namespace}/{design.key.name}: "
        f"{len(design.resources)} resources in {effective.region} of account {effective.account}"
    )
    rows = [
        (
            one.name,
            one.kind,
            one.deletion.value,
            ", ".join(sorted(one.depends_on)),
            one.physical_name,
        )
        for one in design.resources
    ]
    print_table(_COLUMNS, rows, wide=wide)


def _only(documents: list[Any]) -> Any:
    """A single document as it is, several as a list."""
    return documents[0] if len(documents) == 1 else documents


def _document(design: Design) -> dict[str, Any]:
    return {
        "namespace": design.key.namespace,
        "name": design.key.name,
        "account": design.effective.account,
        "region": design.effective.region,
        "resources": [
            _resource(*pair) for pair in zip(design.resources, design.desired(), strict=True)
        ],
    }


def _resource(resource: Resource, desired: Desired) -> dict[str, Any]:
    return {
        "name": resource.name,
        "kind": resource.kind,
        "physicalName": resource.physical_name,
        "dependsOn": sorted(resource.depends_on),
        "onDelete": resource.deletion.value,
        "tags": dict(sorted(desired.tags.items())) if resource.taggable else {},
        "properties": _plain(desired.properties),
    }


def _policies(design: Design) -> dict[str, Any]:
    """Trust and policies of each role, by its name."""
    return {
        resource.physical_name: {
            "trust": _plain(desired.properties["trust"]),
            "policies": _plain(desired.properties["inlinePolicies"]),
        }
        for resource, desired in zip(design.resources, design.desired(), strict=True)
        if resource.kind == "IAMRole"
    }


def _plain(value: Any) -> Any:
    """Properties as plain lists and objects, in a stable order."""
    return json.loads(json.dumps(value, default=_as_list, sort_keys=True))


def _as_list(value: Any) -> list[Any]:
    return sorted(value, key=str)
