"""`iam`: the documents that give the operator its rights, for one account and certain names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from clickstream_operator.cli.command import Group
from clickstream_operator.cli.options import file_options, place_options
from clickstream_operator.cli.output import note, print_document

if TYPE_CHECKING:
    from clickstream_operator.cli.iam_documents import Names

_Function = TypeVar("_Function", bound=Callable[..., Any])
_FORMS = ("json", "cloudformation", "terraform")


def _form(function: _Function) -> _Function:
    """``-o`` as the parameter `form`."""
    choice = click.Choice(_FORMS)
    return click.option("-o", "--output", "form", type=choice, default="json")(function)


@click.group("iam", cls=Group)
def command() -> None:
    """Print the operator's IAM documents, for your account and names.

    Each as a document, as a template for CloudFormation, or for Terraform in its JSON syntax. They
    follow from the calls in the operator's code. Nothing is asked of AWS.
    """


@command.command("policy")
@file_options(required=False)
@place_options
@click.option("--boundary", metavar="ARN", help="Roles must carry this permissions boundary.")
@click.option("--given-roles", is_flag=True, help="Roles are given: no right to write to IAM.")
@_form
def policy(
    files: tuple[str, ...],
    *,
    recursive: bool,
    boundary: str | None,
    given_roles: bool,
    form: str,
    **place: str,
) -> None:
    """Print the policy of the operator's role.

    With -f it is only for the pipelines of these manifests, in their region; names hold a hash of
    the cluster's id, so give --cluster-id. Without -f it is for pipelines of any name.
    """
    from clickstream_operator.cli import iam_documents as documents  # noqa: PLC0415

    if boundary and given_roles:
        raise click.UsageError("--boundary is for roles that are made, --given-roles for none")
    if given_roles:
        made = documents.policy_without_iam(place["account"])
    else:
        made = documents.bounded_policy(boundary) if boundary else documents.operator_policy()
    _print("policy", _narrowed(made, files, recursive, place), form)


@command.command("boundary")
@file_options(required=False)
@place_options
@_form
def boundary(files: tuple[str, ...], *, recursive: bool, form: str, **place: str) -> None:
    """Print the permissions boundary of the roles that the operator makes.

    No role that carries it can do more, whatever its policies say.
    """
    from clickstream_operator.cli import iam_documents as documents  # noqa: PLC0415

    made = _narrowed(documents.permissions_boundary(), files, recursive, place)
    _print("boundary", made, form)


@command.command("trust")
@click.option("--oidc-issuer", help="Issuer of the cluster's OIDC provider: IRSA.")
@click.option("--account", default="123456789012", show_default=True, help="AWS account.")
@click.option("--partition", default="aws", show_default=True, help="AWS partition.")
@click.option(
    "--operator-namespace",
    default="clickstream-system",
    show_default=True,
    help="Namespace of the operator.",
)
@click.option(
    "--service-account",
    default="clickstream-operator",
    show_default=True,
    help="ServiceAccount of the operator.",
)
@_form
def trust(
    *,
    oidc_issuer: str | None,
    account: str,
    partition: str,
    operator_namespace: str,
    service_account: str,
    form: str,
) -> None:
    """Print who may assume the operator's role: its ServiceAccount only.

    With --oidc-issuer by IAM roles for service accounts, without by EKS Pod Identity.
    """
    from clickstream_operator.cli import iam_documents as documents  # noqa: PLC0415

    place = documents.Installation(
        account=account,
        issuer=(oidc_issuer or "").removeprefix("https://").rstrip("/"),
        namespace=operator_namespace,
        service_account=service_account,
        partition=partition,
    )
    made = documents.trust_irsa(place) if oidc_issuer else documents.trust_pod_identity(place)
    _print("trust", made, form)


def _narrowed(
    policy: dict[str, Any],
    files: tuple[str, ...],
    recursive: bool,  # noqa: FBT001 - as given
    place: dict[str, str],
) -> dict[str, Any]:
    """The policy for the account, and for the pipelines of manifests."""
    from clickstream_operator.cli.design import partition_of  # noqa: PLC0415
    from clickstream_operator.cli.iam_documents import narrowed, of_cluster  # noqa: PLC0415

    if place["cluster"] != "example":
        policy = of_cluster(policy, place["cluster"])
    account, region = place["account"], place["region"]
    partition = partition_of(region)
    if not files:
        return narrowed(policy, partition=partition, account=account)
    regions, pipelines = _pipelines(files, recursive, place)
    if place["cluster"] == "example":
        note("the names hold the hash of an example: give --cluster-id")
    return narrowed(
        policy,
        partition=partition,
        account=account,
        region=regions.pop() if len(regions) == 1 else "",
        pipelines=tuple(pipelines),
    )


def _pipelines(
    files: tuple[str, ...],
    recursive: bool,  # noqa: FBT001 - as given
    place: dict[str, str],
) -> tuple[set[str], list[Names]]:
    """Regions and names of the pipelines of manifests."""
    from clickstream_operator.api import components  # noqa: PLC0415
    from clickstream_operator.api.v1alpha1 import Spec  # noqa: PLC0415
    from clickstream_operator.aws.arns import AwsLocation  # noqa: PLC0415
    from clickstream_operator.cli.design import Place, design  # noqa: PLC0415
    from clickstream_operator.cli.iam_documents import Names  # noqa: PLC0415
    from clickstream_operator.cli.manifest import load, valid_pipelines  # noqa: PLC0415
    from clickstream_operator.pipeline import names  # noqa: PLC0415

    regions, found = set(), []
    for one, spec in valid_pipelines(load(files, recursive=recursive)):
        effective = design(one.body, Place(**place)).effective
        derived = names.physical_names(
            base=effective.base,
            place=AwsLocation(effective.partition, effective.region, effective.account),
            spec=Spec(),
            account_regional=True,
        )
        chosen = {derived[name]: value for name, (_, value) in names.chosen_fields(spec).items()}
        found.append(Names(effective.base, effective.names[components.ARCHIVE], chosen))
        regions.add(effective.region)
    return regions, found


def _print(kind: str, made: dict[str, Any], form: str) -> None:
    from clickstream_operator.cli import iam_templates  # noqa: PLC0415

    if form == "cloudformation":
        made = iam_templates.as_cloudformation(kind, made)
    elif form == "terraform":
        made = iam_templates.as_terraform(kind, made)
    print_document(made, "json")
