"""A deployment found in AWS from the name of its stream alone: mappings lead to the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clickstream_operator.api import components
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.aws.tags import COMPONENT, PIPELINE
from clickstream_operator.cli.deployments.aws_parts import (
    Reader,
    function_of,
    has_dashboard,
    read_bucket,
    read_dead_letter_days,
    read_emails,
    read_log_days,
    read_readers,
    read_stream,
    read_table,
    shared_tags,
)
from clickstream_operator.cli.deployments.model import (
    BUCKET_VARIABLE,
    KEYS,
    PREFIX_VARIABLE,
    TOPIC_VARIABLE,
    Deployment,
)
from clickstream_operator.cli.deployments.own_pipeline import OwnPipeline, read_pipeline
from clickstream_operator.cli.errors import CliError


async def find_deployment(
    session: ReadOnlySession, name: str
) -> tuple[Deployment, OwnPipeline | None]:
    """The deployment whose stream has this name; and its pipeline, where it is one already.

    Raises:
        AwsError: a request was refused.
        CliError: there is no such stream, or nothing leads from it to the rest.
    """
    identity = await session.identity()
    stream = await read_stream(session, name)
    readers = await read_readers(session, stream.arn)
    own = [one for one in readers if COMPONENT in one.tags and PIPELINE in one.tags]
    if own:
        pipeline = await read_pipeline(session, own)
        bucket, tables = pipeline.bucket, pipeline.tables
        functions = tuple(
            replace(function_of(one), counts=one.tags[COMPONENT] == components.PROCESSOR)
            for one in own
        )
        ours, topic = own, pipeline.topic
    else:
        pipeline = None
        ours = [one for one in readers if PREFIX_VARIABLE in one.variables]
        bucket, tables, topic = _recipes_parts(name, readers)
        functions = tuple(map(function_of, ours))
    described = {role: await read_table(session, table, role) for role, table in tables.items()}
    deployment = Deployment(
        account=identity.account,
        region=session.region,
        stream=stream,
        bucket=await read_bucket(session, bucket, identity.account),
        tables=described,
        functions=functions,
        dashboard=pipeline is not None or await has_dashboard(session, name),
        alerts=bool(topic),
        emails=await read_emails(session, topic) if topic else (),
        log_retention_days=await read_log_days(session, ours),
        dead_letter_days=await read_dead_letter_days(session, ours),
        tags=await shared_tags(session, described.values()),
    )
    return deployment, pipeline


def _recipes_parts(name: str, readers: Sequence[Reader]) -> tuple[str, dict[str, str], str]:
    """Bucket, tables by role, and topic (empty: none), by the variables of the functions."""
    ours = [one for one in readers if PREFIX_VARIABLE in one.variables]
    if not ours:
        names = ", ".join(one.function["FunctionName"] for one in readers) or "none"
        raise CliError(
            f"no function of the recipe reads {name}; functions that read it: {names}",
            f"a function of the recipe has the variable {PREFIX_VARIABLE}; with a state file, use "
            "`import terraform`",
        )
    variables = {key: value for one in ours for key, value in one.variables.items()}
    if not variables.get(BUCKET_VARIABLE):
        raise CliError(
            f"no function that reads {name} has the variable {BUCKET_VARIABLE}",
            "the recipe's processor has it; with a state file, use `import terraform`",
        )
    tables = {role: f"{variables[PREFIX_VARIABLE]}-{role}" for role in KEYS}
    return variables[BUCKET_VARIABLE], tables, variables.get(TOPIC_VARIABLE, "")
