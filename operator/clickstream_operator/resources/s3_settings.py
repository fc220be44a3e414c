"""Encryption, public access and the TLS-only policy of a bucket, as S3 takes and shows them. Pure.

Settings that a bucket has without our writing them: SSE-S3 (S3 user guide, "Setting default
server-side encryption behavior").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clickstream_operator.aws.kms import key_name

SSE_S3: Final = "SSE-S3"
#: Letters and digits only (IAM user guide, "IAM JSON policy elements: Sid").
TLS_SID: Final = "clickstreamTlsOnly"
_BLOCKS: Final = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)


def encryption(kms_key_id: str | None) -> dict[str, Any]:
    """``ServerSideEncryptionConfiguration`` with a KMS key, None: SSE-S3."""
    default = {"SSEAlgorithm": "AES256"}
    if kms_key_id is not None:
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms_key_id}
    rule = {
        "ApplyServerSideEncryptionByDefault": default,
        "BucketKeyEnabled": kms_key_id is not None,
    }
    return {"Rules": [rule]}


def encryption_properties(answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Properties of an answer of GetBucketEncryption, None: there is no configuration."""
    rules = (answer or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules") or [{}]
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {})
    by_kms = str(default.get("SSEAlgorithm", "")).startswith("aws:kms")
    return {
        "encryption.keyId": key_name(default.get("KMSMasterKeyID")) if by_kms else SSE_S3,
        # Bucket keys mean nothing without KMS.
        "encryption.bucketKey": by_kms and rules[0].get("BucketKeyEnabled", False),
    }


def public_access_block() -> dict[str, bool]:
    """``PublicAccessBlockConfiguration`` that blocks everything."""
    return dict.fromkeys(_BLOCKS, True)


def is_public_access_blocked(answer: Mapping[str, Any] | None) -> bool:
    """Whether an answer of GetPublicAccessBlock shows every block."""
    blocks = (answer or {}).get("PublicAccessBlockConfiguration", {})
    return all(blocks.get(block) for block in _BLOCKS)


def tls_statement(bucket_arn: str) -> dict[str, Any]:
    """Statement of a bucket policy that denies requests without TLS."""
    return {
        "Sid": TLS_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn, f"{bucket_arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
