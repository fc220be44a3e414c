"""Deployments of the recipe in a Terraform state, found by what their parts say of one another.

Names in the configuration, modules and indexes count for nothing where an attribute decides: a
mapping names its stream and its function, the function its tables and its bucket, and a table is
known by its keys. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from clickstream_operator.cli.deployments.model import (
    BUCKET_VARIABLE,
    KEYS,
    PREFIX_VARIABLE,
    Deployment,
)
from clickstream_operator.cli.deployments.state import StateResource
from clickstream_operator.cli.deployments.state_parts import (
    Reader,
    bucket_of,
    dead_letter_days,
    function_of,
    log_days,
    of_kinds,
    shared_tags,
    stream_of,
    table_of,
)
from clickstream_operator.cli.errors import CliError, nearest

_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "aws_cloudwatch_dashboard": ("dashboard_name", "dashboard"),
    "aws_iam_role": ("name", "lambda-role"),
    "aws_sns_topic": ("name", "anomaly-alerts"),
    "aws_sqs_queue": ("name", "dlq"),
}
"""Attribute with the name of a part, and the word that it has where the stream's says events."""
_ARN_PARTS: Final = 6


@dataclass(frozen=True, slots=True)
class Located:
    """A deployment and where its parts stand in the state."""

    deployment: Deployment
    adopted: tuple[str, ...]
    """Addresses of what a pipeline adopts, and of what would change or empty it."""
    replaced: tuple[str, ...]
    """Addresses of the parts that a pipeline has anew."""
    others: tuple[str, ...]
    """Addresses of what belongs to something else."""


def locate(resources: Sequence[StateResource], *, stream: str = "") -> Located:
    """The one deployment of a state, or that of a stream.

    Raises:
        CliError: there is none, several and no stream is given, or one that lacks a part.
    """
    streams = of_kinds(resources, "aws_kinesis_stream")
    if not streams:
        raise CliError(
            "no aws_kinesis_stream in this state",
            "where it was taken out already, terraform.tfstate.backup has it; without a state, "
            "`import aws --stream` finds the parts",
        )
    names = [one.text("name") for one in streams]
    if stream:
        if stream not in names:
            near = nearest(stream, names)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(names)}"
            raise CliError(f"no stream {stream} in this state", hint)
        chosen = [one for one in streams if one.text("name") == stream]
    else:
        chosen = [one for one in streams if len(streams) == 1 or _readers(resources, one)]
    if not chosen:
        raise CliError(f"streams {', '.join(names)} have no function", "choose one with --stream")
    if len(chosen) > 1:
        found = ", ".join(one.text("name") for one in chosen)
        raise CliError(f"several deployments in this state: {found}", "choose one with --stream")
    return _locate(resources, chosen[0])


def _readers(resources: Sequence[StateResource], stream: StateResource) -> list[Reader]:
    """Functions that read the stream, by their mappings."""
    arn = stream.text("arn")
    functions = of_kinds(resources, "aws_lambda_function")
    found = []
    for mapping in of_kinds(resources, "aws_lambda_event_source_mapping"):
        if mapping.attributes.get("event_source_arn") != arn:
            continue
        # With an alias or a version the function's own ARN stands at the beginning.
        says = str(mapping.attributes.get("function_arn") or mapping.text("function_name"))
        found += [
            Reader(mapping, one)
            for one in functions
            if f"{says}:".startswith(f"{one.text('arn')}:") or says == one.text("function_name")
        ]
    return found


def _locate(resources: Sequence[StateResource], stream: StateResource) -> Located:
    arn = stream.text("arn")
    readers = _readers(resources, stream)
    ours = [one for one in readers if _is_recipes(one)] or readers
    variables: dict[str, str] = {}
    for one in ours:
        variables |= one.variables
    tables = {
        role: _table_of(resources, stream, role, variables.get(PREFIX_VARIABLE, ""))
        for role in KEYS
    }
    bucket = _bucket_of(resources, stream, variables.get(BUCKET_VARIABLE, ""))
    account, region = _place(arn, stream)
    for table in tables.values():
        if _place(table.text("arn"), table) != (account, region):
            raise CliError(
                f"{table.address} is not in the account and region of {stream.address}",
                "a pipeline has all its parts in one; move it, or leave the deployment as it is",
            )
    where = str(bucket.attributes.get("region") or region)
    if where != region:
        raise CliError(
            f"{bucket.address} is in {where}, the stream in {region}",
            "a pipeline has all its parts in one region",
        )
    parts = [stream, bucket, *tables.values()]
    adopted = [*parts, *_settings_of(resources, parts)]
    replaced = _replaced(resources, ours, stream, adopted)
    gone = {one.address for one in (*adopted, *replaced)}
    kinds = {one.type for one in replaced}
    topics = of_kinds(replaced, "aws_sns_topic")
    deployment = Deployment(
        account=account,
        region=region,
        stream=stream_of(stream),
        bucket=bucket_of(resources, bucket),
        tables={role: table_of(resources, one) for role, one in tables.items()},
        functions=tuple(function_of(one) for one in ours),
        dashboard="aws_cloudwatch_dashboard" in kinds,
        alerts=bool(topics),
        emails=tuple(
            sorted(
                one.text("endpoint")
                for one in of_kinds(replaced, "aws_sns_topic_subscription")
                if str(one.attributes.get("protocol", "")).startswith("email")
            )
        ),
        log_retention_days=log_days(replaced),
        dead_letter_days=dead_letter_days(replaced),
        tags=shared_tags([bucket, *tables.values()]),
        notes=tuple(_notes(parts, replaced, ours)),
    )
    return Located(
        deployment,
        tuple(one.address for one in adopted),
        tuple(one.address for one in replaced),
        tuple(one.address for one in resources if one.address not in gone),
    )


def _is_recipes(reader: Reader) -> bool:
    """Whether it is one of the recipe's functions: a stream may have readers besides."""
    return PREFIX_VARIABLE in reader.variables


def _place(arn: str, resource: StateResource) -> tuple[str, str]:
    """Account and region of an ARN."""
    parts = arn.split(":")
    if len(parts) < _ARN_PARTS or not parts[3] or not parts[4]:
        raise CliError(f"{resource.address}: {arn} is no ARN", "give the state as Terraform has it")
    return parts[4], parts[3]


def _table_of(
    resources: Sequence[StateResource], stream: StateResource, role: str, prefix: str
) -> StateResource:
    """The table of a role: by the functions' prefix, else by its keys, nearest module first."""
    every = of_kinds(resources, "aws_dynamodb_table")
    named = [one for one in every if prefix and one.attributes.get("name") == f"{prefix}-{role}"]
    fitting = [one for one in every if _keys(one) == KEYS[role]]
    for one in named:
        if one not in fitting:
            raise CliError(
                f"{one.address} has the keys {_words(_keys(one))}, a pipeline needs "
                f"{_words(KEYS[role])}",
                "a table keeps its keys for life: this deployment can't be adopted",
            )
    groups = (named, [one for one in fitting if one.module == stream.module], fitting)
    return _only(groups, f"table with the keys {_words(KEYS[role])}", stream)


def _bucket_of(
    resources: Sequence[StateResource], stream: StateResource, name: str
) -> StateResource:
    every = of_kinds(resources, "aws_s3_bucket")
    named = [one for one in every if name and one.attributes.get("bucket") == name]
    near = [one for one in every if one.module == stream.module]
    return _only((named, near, every), "bucket", stream)


def _only(groups: Iterable[list[StateResource]], what: str, stream: StateResource) -> StateResource:
    """The one resource of the first group that has any."""
    for found in groups:
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(one.address for one in found)
            raise CliError(
                f"{stream.address}: which {what} is its own: {listed}?",
                f"set {PREFIX_VARIABLE} and {BUCKET_VARIABLE} of its functions, and apply",
            )
    raise CliError(
        f"{stream.address}: no {what} in this state",
        "an adoption needs the stream, the bucket and three tables; where one was taken out "
        "already, terraform.tfstate.backup has it",
    )


def _keys(table: StateResource) -> tuple[str, str]:
    return (
        str(table.attributes.get("hash_key") or ""),
        str(table.attributes.get("range_key") or ""),
    )


def _words(keys: tuple[str, str]) -> str:
    return " and ".join(key for key in keys if key)


def _settings_of(
    resources: Sequence[StateResource], parts: Sequence[StateResource]
) -> Iterator[StateResource]:
    """Resources that are settings or contents of a part: their removal would change or empty it."""
    names = {one.text("bucket" if one.type == "aws_s3_bucket" else "name") for one in parts}
    arns = {one.text("arn") for one in parts}
    for one in resources:
        if one in parts or one.type == "aws_lambda_event_source_mapping":
            continue
        says = one.attributes
        of_bucket = one.type.startswith("aws_s3_") and says.get("bucket") in names | arns
        of_table = one.type.startswith("aws_dynamodb_") and says.get("table_name") in names
        if of_bucket or of_table or {says.get("resource_arn"), says.get("table_arn")} & arns:
            yield one


def _replaced(
    resources: Sequence[StateResource],
    readers: Sequence[Reader],
    stream: StateResource,
    adopted: Sequence[StateResource],
) -> list[StateResource]:
    """Parts without data: what the functions name, and what is named like the stream."""
    functions = [one.function for one in readers]
    names = {one.text("function_name") for one in functions}
    said = {value for one in readers for value in one.variables.values()}
    said |= {str(one.attributes.get("role") or "") for one in functions}
    said |= {str(one.block("dead_letter_config").get("target_arn") or "") for one in functions}
    roots = [one for one in resources if _is_root(one, stream, said)]
    arns = {str(one.attributes.get("arn") or "") for one in roots}
    roles = {one.text("name") for one in of_kinds(roots, "aws_iam_role")}
    kept = {one.address for one in adopted}
    mine = {one.address for one in (*functions, *roots)} | {one.mapping.address for one in readers}

    def belongs(one: StateResource) -> bool:
        says = one.attributes
        by_kind: Mapping[str, bool] = {
            "aws_iam_role_policy": says.get("role") in roles,
            "aws_iam_role_policy_attachment": says.get("role") in roles,
            "aws_cloudwatch_log_group": says.get("name") in {f"/aws/lambda/{n}" for n in names},
            "aws_sns_topic_subscription": says.get("topic_arn") in arns,
            "aws_lambda_permission": says.get("function_name") in names,
        }
        random = one.type.startswith("random_") and one.module == stream.module
        return one.address in mine or by_kind.get(one.type, random)

    return [one for one in resources if one.address not in kept and belongs(one)]


def _is_root(one: StateResource, stream: StateResource, said: set[str]) -> bool:
    """Whether a role, topic, queue or dashboard is of the deployment: by its ARN or its name."""
    if one.type not in _NAMES:
        return False
    attribute, word = _NAMES[one.type]
    name = stream.text("name").replace("-events", f"-{word}")
    return one.attributes.get("arn") in said or one.attributes.get(attribute) == name


def _notes(
    parts: Sequence[StateResource],
    replaced: Sequence[StateResource],
    readers: Sequence[Reader],
) -> Iterator[str]:
    for one in parts:
        if one.tainted:
            yield (
                f"{one.address} is tainted: the next `terraform apply` would delete it with its "
                "data; take it out of the state before anything else"
            )
    if not any(BUCKET_VARIABLE in one.variables for one in readers):
        yield "no function of the recipe reads the stream; the pipeline has the default settings"
    if not of_kinds(replaced, "aws_lambda_function"):
        yield "nothing counts at present: choose --starting-at to join where counting ended"
