"""Addresses of every partition."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore.session import get_session

from clickstream_operator.aws.arns import DNS_SUFFIXES, AwsLocation

ROOT = Path(__file__).parents[3]


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


def test_the_link_of_argo_cd_leads_to_the_partition() -> None:
    """The example's template has the console of each partition that publishes one, and no other."""
    page = ROOT / "examples" / "gitops" / "argocd" / "argocd-cm.yaml"
    (link,) = [one for one in page.read_text().splitlines() if "kinesis/home" in one]
    hosts = re.search(r"\$hosts := dict ([^}]+) \}\}", link)
    assert hosts
    words = [word.strip('"') for word in hosts[1].split()]
    region = "eu-west-1"
    for partition, host in zip(words[::2], words[1::2], strict=True):
        place = AwsLocation(partition, region, "123456789012")
        assert place.console() == f"https://{region}.{host}"
    without = {one for one in DNS_SUFFIXES if not AwsLocation(one, region, "1").console()}
    assert set(words[::2]) == DNS_SUFFIXES.keys() - without
