"""Encryption, public access and the TLS-only policy of a bucket, as S3 takes and shows them. Pure.

Settings that a bucket has without our writing them: SSE-S3 (S3 user guide, "Setting default
server-side encryption behavior").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clickstream_operator.aws import policies
from clickstream_operator.aws.kms import key_name

SSE_S3: Final = "SSE-S3"
#: Encryption that a new bucket refuses in uploads (S3 user guide, "Default SSE-C setting for new
#: buckets FAQ"). Said in every write: what S3 makes of one that leaves it out is not documented.
BLOCKED_IN_NEW: Final = ("SSE-C",)
#: Path of what a bucket refuses. Unmanaged: never desired, so never drift, and kept by our writes.
BLOCKED: Final = "others.blockedEncryptionTypes"
OTHER_STATEMENTS: Final = "others.policyStatements"
"""Path of the policy statements of others, unmanaged like `BLOCKED`."""
#: Letters and digits only (IAM user guide, "IAM JSON policy elements: Sid").
TLS_SID: Final = "clickstreamTlsOnly"
_BLOCKS: Final = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)


def encryption(kms_key_id: str | None, blocked: Sequence[str]) -> dict[str, Any]:
    """``ServerSideEncryptionConfiguration`` with a KMS key, None: SSE-S3.

    `blocked`: encryption that uploads may not ask for.
    """
    default = {"SSEAlgorithm": "AES256"}
    if kms_key_id is not None:
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms_key_id}
    rule: dict[str, Any] = {
        "ApplyServerSideEncryptionByDefault": default,
        "BucketKeyEnabled": kms_key_id is not None,
    }
    if blocked:
        rule["BlockedEncryptionTypes"] = {"EncryptionType": list(blocked)}
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
        BLOCKED: tuple(rules[0].get("BlockedEncryptionTypes", {}).get("EncryptionType", ())),
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


def policy_properties(answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Properties of an answer of GetBucketPolicy: our statement, and those of others."""
    statements = policies.statements(answer["Policy"]) if answer else []
    ours = [one for one in statements if one.get("Sid") == TLS_SID]
    return {
        "policy": policies.canonical(ours[0]) if ours else None,
        OTHER_STATEMENTS: [one for one in statements if one not in ours],
    }
