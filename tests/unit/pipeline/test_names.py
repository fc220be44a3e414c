"""Physical names: derived, recorded, and within AWS's limits."""

from __future__ import annotations

import re

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.pipeline import names

PLACE = AwsLocation("aws", "eu-west-1", "123456789012")
PIPELINES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
SESSION = boto3.Session()
REGIONS = sorted(
    {
        region
        for partition in SESSION.get_available_partitions()
        for region in SESSION.get_available_regions("kinesis", partition)
    }
    | {"us-isof-south-1", "eusc-de-east-1", "ap-southeast-7"}
)


def physical(
    base: str = "web-abcdefgh", *, place: AwsLocation = PLACE, spec: Spec | None = None
) -> dict[str, str]:
    """The names of a pipeline."""
    return dict(
        names.physical_names(base=base, place=place, spec=spec or Spec(), account_regional=True)
    )


def test_names_are_as_the_api_lists_them() -> None:
    """The table in "Names and tags", for one pipeline."""
    base = "web-abcdefgh"
    assert physical(base) == {
        "stream": f"{base}-events",
        "page-metrics-table": f"{base}-page-metrics",
        "session-metrics-table": f"{base}-session-metrics",
        "counters-table": f"{base}-counters",
        "archive": f"{base}-archive-123456789012-eu-west-1-an",
        "dead-letter": f"{base}-dead-letter",
        "alerts": f"{base}-alerts",
        "hash-key": f"/clickstream/{base}/hash-key",
        "processor": f"{base}-processor",
        "detector": f"{base}-detector",
        "processor-role": f"{base}-processor",
        "detector-role": f"{base}-detector",
        "scheduler-role": f"{base}-scheduler",
        "processor-logs": f"/aws/lambda/{base}-processor",
        "detector-logs": f"/aws/lambda/{base}-detector",
        "collector": f"{base}-collector",
        "collector-role": f"{base}-collector",
        "collector-logs": f"/aws/lambda/{base}-collector",
        "schedule": base,
        "dashboard": base,
    }


def test_base_is_the_same_for_ever() -> None:
    """A recorded value: another one would build a second pipeline after an upgrade."""
    assert names.base_name(cluster="c", namespace="shop", name="web") == "web-7oby4as5"


@given(PIPELINES, st.text(max_size=30), st.text(max_size=30))
def test_base_tells_owners_apart(name: str, namespace: str, other: str) -> None:
    """Another namespace or cluster is another base; the form never changes."""
    base = names.base_name(cluster="c", namespace=namespace, name=name)
    assert base == names.base_name(cluster="c", namespace=namespace, name=name)
    assert re.fullmatch(re.escape(name) + "-[a-z2-7]{8}", base)
    if namespace != other:
        assert base != names.base_name(cluster="c", namespace=other, name=name)
    assert base != names.base_name(cluster="d", namespace=namespace, name=name)


@given(PIPELINES, st.sampled_from(REGIONS), st.booleans())
def test_bucket_name_is_valid(name: str, region: str, account_regional: bool) -> None:  # noqa: FBT001
    """At most 63 characters of S3's set for every name in every region, hash and account whole."""
    base = names.base_name(cluster="c", namespace="n", name=name)
    place = AwsLocation("aws", region, "123456789012")
    bucket = names.bucket_name(base, place, account_regional=account_regional)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket)
    assert f"-{base[-8:]}-archive-123456789012-{region}" in bucket
    assert bucket.endswith("-an") is account_regional


@pytest.mark.parametrize("region", REGIONS)
def test_longest_bucket_name_fits_in_every_region(region: str) -> None:
    """Where the region's name is long, the pipeline's part is shorter."""
    bucket = names.bucket_name(
        f"{'a' * 40}-abcdefgh", AwsLocation("aws", region, "123456789012"), account_regional=True
    )
    assert len(bucket) <= 63


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web", "web-abcdefgh-archive-123456789012-eu-west-1-an"),
        ("a" * 40, f"{'a' * 15}-abcdefgh-archive-123456789012-eu-west-1-an"),
        ("aaaaaaaaaaaaaa-b", "aaaaaaaaaaaaaa-abcdefgh-archive-123456789012-eu-west-1-an"),
    ],
)
def test_only_the_name_part_of_a_bucket_is_cut(name: str, expected: str) -> None:
    """To 15 characters, without a dash before the hash."""
    assert names.bucket_name(f"{name}-abcdefgh", PLACE, account_regional=True) == expected


@given(PIPELINES)
def test_names_are_within_the_limits_of_aws(name: str) -> None:
    """Roles, functions and schedules have at most 64 characters, queues 80, tables 255."""
    found = physical(names.base_name(cluster="c", namespace="n", name=name))
    short = ("processor", "detector", "schedule")
    assert all(len(found[one]) <= 64 for one in found if one in short or one.endswith("-role"))
    assert len(found["dead-letter"]) <= 80
    assert len(found["stream"]) <= 128
    assert all(len(value) <= 255 for value in found.values())


def test_chosen_names_are_taken_as_they_are() -> None:
    """`spec.names` replaces the derived ones and marks them as chosen."""
    given_names = {
        "stream": "s",
        "archiveBucket": "bucket",
        "pageMetricsTable": "pages",
        "sessionMetricsTable": "sessions",
        "countersTable": "counters",
    }
    spec = Spec.model_validate({"names": given_names})
    found = physical(spec=spec)
    chosen = names.chosen(spec)
    assert {found[one] for one in chosen} == set(given_names.values())
    assert len(chosen) == 5
    assert names.chosen(Spec()) == frozenset()


def test_subscriptions_are_named_by_digest() -> None:
    """There and back; other resources have none."""
    assert components.subscription_digest(components.subscription("1a2b3c4d")) == "1a2b3c4d"
    assert components.subscription_digest("alerts") is None


@pytest.mark.parametrize(
    ("bucket", "regional", "another"),
    [
        ("clicks-123456789012-eu-west-1-an", True, False),
        ("web-abcdefgh-archive-123456789012-eu-west-1-an", True, False),
        ("clicks-123456789012-us-east-1-an", False, True),
        ("clicks-999999999999-eu-west-1-an", False, True),
        ("urban", False, False),
        ("clicks-an", False, True),
        ("clicks", False, False),
    ],
)
def test_the_namespace_of_a_chosen_bucket(bucket: str, *, regional: bool, another: bool) -> None:
    """S3 takes a name that ends in -an only with its namespace, account and region."""
    where = (bucket, "123456789012", "eu-west-1")
    assert names.is_account_regional(*where) is regional
    assert names.is_of_another_namespace(*where) is another
