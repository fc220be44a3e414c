"""The template of a catalogue: everything that Athena needs, and no more than that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clickstream_operator.cli.athena import Catalogue
from clickstream_operator.cli.catalog_template import template
from clickstream_operator.query.sql import VIEWS

LONG = Catalogue.of("a" * 40 + "-abcd2345")
#: Largest template that CloudFormation takes by itself (user guide, "Quotas").
_LARGEST = 51_200


def made(catalogue: Catalogue = LONG, **changes: Any) -> dict[str, Any]:
    """Return a template."""
    options = {"expiration_days": None, "scan_limit_gib": 100, "results_days": 7} | changes
    return template(catalogue, bucket="shop-archive", **options)


def of_type(kind: str) -> list[dict[str, Any]]:
    """Return the properties of the resources of a type."""
    found = made()["Resources"].values()
    return [one["Properties"] for one in found if one["Type"] == f"AWS::{kind}"]


def test_tables_and_views_are_in_the_database() -> None:
    """Two tables of lines and every view."""
    tables = of_type("Glue::Table")
    assert {one["TableInput"]["Name"] for one in tables} == {"raw_lines", "bad_lines", *VIEWS}
    assert {one["DatabaseName"] for one in tables} == {LONG.database}
    [database] = of_type("Glue::Database")
    assert database["DatabaseInput"]["Name"] == LONG.database


def test_the_workgroup_binds_its_clients() -> None:
    """Limit, encryption and place of the results hold whatever a client asks for."""
    [group] = of_type("Athena::WorkGroup")
    settings = group["WorkGroupConfiguration"]
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["BytesScannedCutoffPerQuery"] == 100 * 2**30
    assert settings["ResultConfiguration"]["EncryptionConfiguration"] == {
        "EncryptionOption": "SSE_S3"
    }


def test_results_are_private_and_expire() -> None:
    """In a bucket of their own, whose name S3 takes in every region."""
    [bucket] = of_type("S3::Bucket")
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 7)
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    name = bucket["BucketName"]["Fn::Sub"]
    for region in ("us-east-1", "ap-southeast-1", "us-gov-west-1"):
        full = name.replace("${AWS::AccountId}", "1" * 12).replace("${AWS::Region}", region)
        assert len(full) <= 63
    [policy] = of_type("S3::BucketPolicy")
    assert policy["PolicyDocument"]["Statement"][0]["Effect"] == "Deny"


@pytest.mark.parametrize(("days", "projected"), [(None, "2025-01-01,NOW"), (30, "NOW-31DAYS,NOW")])
def test_the_projected_days_are_those_that_the_archive_keeps(
    days: int | None, projected: str
) -> None:
    """No query lists hours that can hold nothing."""
    resources = made(expiration_days=days)["Resources"]
    parameters = resources["RawLines"]["Properties"]["TableInput"]["Parameters"]
    assert parameters["projection.dt.range"] == projected


def test_the_template_is_taken_without_a_bucket_for_it() -> None:
    """With room for views that grow."""
    assert len(json.dumps(made(), indent=2)) < _LARGEST * 0.8
