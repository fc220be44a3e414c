"""Addresses of every partition."""

from __future__ import annotations

import pytest
from botocore.session import get_session

from clickstream_operator.aws.arns import DNS_SUFFIXES, AwsLocation


def test_every_partition_of_botocore_has_its_domain() -> None:
    """A partition that AWS adds fails here, not in a user's link."""
    data = get_session().get_component("data_loader").load_data("partitions")
    known = {one["id"]: one["outputs"]["dnsSuffix"] for one in data["partitions"]}
    assert known == DNS_SUFFIXES


@pytest.mark.parametrize(
    ("partition", "region", "address"),
    [
        ("aws", "eu-west-1", "https://eu-west-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com"),
        ("aws-eusc", "eusc-de-east-1", "https://eusc-de-east-1.console.amazonaws-eusc.eu"),
        ("aws-iso", "us-iso-east-1", ""),
    ],
)
def test_consoles(partition: str, region: str, address: str) -> None:
    """No link is better than one that leads to another partition."""
    assert AwsLocation(partition, region, "123456789012").console() == address
