"""CloudFormation template of a catalogue: tables, views, workgroup and results for Athena. Pure."""

from __future__ import annotations

from typing import Any, Final

from clickstream_operator.cli.athena import GIBIBYTE, Catalogue
from clickstream_operator.query.sql.glue_tables import LINES, lines_input, view_input
from clickstream_operator.query.sql.views import VIEWS

_BUCKET_NAME: Final = 63
#: No archive that is kept for ever is older than the product.
_FIRST_DAY: Final = "2025-01-01"
_ACCOUNT: Final = {"Ref": "AWS::AccountId"}


def template(
    catalogue: Catalogue,
    *,
    bucket: str,
    expiration_days: int | None,
    scan_limit_gib: int,
    results_days: int,
) -> dict[str, Any]:
    """Return the template.

    Args:
        catalogue: names of database and workgroup.
        bucket: of the archive.
        expiration_days: after so many days objects of the archive are gone; None: never.
        scan_limit_gib: most gibibytes that one query may read.
        results_days: so long results are kept.
    """
    days = f"NOW-{expiration_days + 1}DAYS,NOW" if expiration_days else f"{_FIRST_DAY},NOW"
    tables = {
        **{name: lines_input(name, bucket=bucket, days=days) for name in LINES},
        **{name: view_input(name, database=catalogue.database) for name in VIEWS},
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"SQL on Athena over the archive {bucket}",
        "Resources": {
            "Database": {
                "Type": "AWS::Glue::Database",
                "Properties": {
                    "CatalogId": _ACCOUNT,
                    "DatabaseInput": {
                        "Name": catalogue.database,
                        "Description": f"Archive {bucket}",
                    },
                },
            },
            **{
                _logical(name): {
                    "Type": "AWS::Glue::Table",
                    "DependsOn": "Database",
                    "Properties": {
                        "CatalogId": _ACCOUNT,
                        "DatabaseName": catalogue.database,
                        "TableInput": wanted,
                    },
                }
                for name, wanted in tables.items()
            },
            "Results": _results(catalogue.workgroup, results_days),
            "ResultsPolicy": _POLICY,
            "Workgroup": _workgroup(catalogue, scan_limit_gib),
        },
        "Outputs": {
            "Database": {"Value": catalogue.database},
            "Workgroup": {"Value": catalogue.workgroup},
            "Results": {"Value": {"Ref": "Results"}},
        },
    }


def _logical(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def _results(base: str, days: int) -> dict[str, Any]:
    """A bucket of its own: results are of the archive's events, and expire much earlier."""
    # 12 characters of the account, 14 of the longest region, and hyphens.
    stem = f"{base}-results"[: _BUCKET_NAME - 28].rstrip("-.")
    return {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Delete",
        "Properties": {
            "BucketName": {"Fn::Sub": f"{stem}-${{AWS::AccountId}}-${{AWS::Region}}"},
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                ]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "results",
                        "Status": "Enabled",
                        "ExpirationInDays": days,
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    }
                ]
            },
        },
    }


_POLICY: Final = {
    "Type": "AWS::S3::BucketPolicy",
    "Properties": {
        "Bucket": {"Ref": "Results"},
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "EncryptedTransport",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [
                        {"Fn::GetAtt": ["Results", "Arn"]},
                        {"Fn::Sub": "${Results.Arn}/*"},
                    ],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        },
    },
}


def _workgroup(catalogue: Catalogue, scan_limit_gib: int) -> dict[str, Any]:
    return {
        "Type": "AWS::Athena::WorkGroup",
        "Properties": {
            "Name": catalogue.workgroup,
            "Description": f"Queries over {catalogue.database}, each with a limit",
            "RecursiveDeleteOption": True,
            "WorkGroupConfiguration": {
                # Else a client's own settings would pass by limit and encryption.
                "EnforceWorkGroupConfiguration": True,
                "PublishCloudWatchMetricsEnabled": True,
                "BytesScannedCutoffPerQuery": scan_limit_gib * GIBIBYTE,
                "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
                "ResultConfiguration": {
                    "OutputLocation": {"Fn::Sub": "s3://${Results}/"},
                    "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
                    "ExpectedBucketOwner": _ACCOUNT,
                },
            },
        },
    }
