"""The configuration of Terraform for a pipeline: providers, imports, resources. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.cli.terraform import compute, storage
from clickstream_operator.cli.terraform.hcl import Block, written
from clickstream_operator.cli.terraform.imported import Imported
from clickstream_operator.cli.terraform.reading import Found

WRITERS: Final[Mapping[str, Callable[[Found], Iterator[Imported]]]] = {
    "Alarm": compute.alarm,
    "ConfigObject": storage.config_object,
    "Dashboard": compute.dashboard,
    "DynamoDBTable": storage.table,
    "EventSourceMapping": compute.mapping,
    "FunctionUrl": compute.function_url,
    "HashKeyParameter": compute.parameter,
    "IAMRole": compute.role,
    "KinesisStream": storage.stream,
    "LambdaFunction": compute.function,
    "LogGroup": compute.log_group,
    "S3Bucket": storage.bucket,
    "Schedule": compute.schedule,
    "SNSSubscription": compute.subscription,
    "SNSTopic": compute.topic,
    "SQSQueue": compute.queue,
}
"""Writer of each kind."""


def configuration(name: str, effective: Effective, found: Sequence[Found]) -> tuple[str, list[str]]:
    """The text of a file for `terraform plan`; and the parts that Terraform can't import.

    Import blocks need Terraform 1.5 or OpenTofu 1.6.
    """
    aws = {"source": "hashicorp/aws", "version": "~> 5.0"}
    blocks = [
        Block(
            "terraform",
            (),
            {"required_version": ">= 1.5"},
            [Block("required_providers", (), {"aws": aws})],
        ),
        Block(
            "provider",
            ("aws",),
            {"region": effective.region, "allowed_account_ids": [effective.account]},
        ),
    ]
    left_out = []
    for one in found:
        made = list(WRITERS[one.kind](one))
        if not made:
            left_out.append(one.name)
        for each in made:
            blocks += each.blocks()
    heading = (
        f"# Pipeline {name}, as it is in AWS. Made by `clickstream export --to terraform`.\n"
        "# `terraform plan` must show imports and no changes; only then `terraform apply`.\n\n"
    )
    return heading + written(blocks), left_out
