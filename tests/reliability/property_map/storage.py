"""Rows of tables, archive, dead letters and logs."""

from __future__ import annotations

from typing import Any, Final

from tests.reliability.property_map.row import KEY, aws_row, engine_row, function_row, key_rows

_PROVISIONED: Final[dict[str, Any]] = {
    "tables": {"billingMode": "Provisioned", "provisioned": {"readUnits": 5, "writeUnits": 6}}
}
_TRANSITION: Final[dict[str, Any]] = {
    "archive": {"transitions": [{"storageClass": "STANDARD_IA", "afterDays": 30}]}
}

_SHARES: Final = "tests/resources/test_dynamodb_capacity.py"

ROWS: Final = [
    aws_row("tables.billingMode", "tables.billing.mode", "Provisioned",
            before="PAY_PER_REQUEST", after="PROVISIONED",
            also={"tables": {"provisioned": {"readUnits": 5, "writeUnits": 6}}}),
    aws_row("tables.provisioned.readUnits", "tables.billing.readUnits",
            7, before=5, after=7, given=_PROVISIONED),
    aws_row("tables.provisioned.writeUnits", "tables.billing.writeUnits", 8, before=6, after=8,
            given=_PROVISIONED),
    engine_row("tables.provisioned.maxReadUnits", "read units that something else may set",
               f"{_SHARES}::test_units_between_the_bounds_are_as_wanted"),
    engine_row("tables.provisioned.maxWriteUnits", "write units that something else may set",
               f"{_SHARES}::test_units_between_the_bounds_are_as_wanted"),
    aws_row("tables.pointInTimeRecovery", "tables.pointInTimeRecovery",
            False, before="ENABLED", after="DISABLED"),
    aws_row("tables.deletionProtection", "tables.deletionProtection", False,
            before=True, after=False),
    aws_row("tables.kmsKeyId", "tables.encryption.keyId", KEY,
            before="<managed-dynamodb-key>", after="<kms-key-arn>"),
    *key_rows("tables.kmsKeyId", "processor", "detector"),
    function_row("tables.ttl.pageMetricsDays", "page_lifetime", "days that a page item lives", 30,
                 stores=["pages"], before=7, after=30),
    function_row("tables.ttl.sessionMetricsHours", "session_lifetime",
                 "hours that a session item lives", 96, stores=["sessions"], before=48, after=96),
    function_row("tables.ttl.countersHours", "counter_lifetime", "hours that a counter lives", 96,
                 stores=["counters"], before=48, after=96),
    function_row("archive.enabled", "archived_objects", "objects under `raw/`", False,
                 stores=["objects"], before=1, after=0),
    function_row("archive.compression", "archive_suffixes", "form of archive objects", "Zstd",
                 stores=["objects"], before=[".jsonl.gz"], after=[".jsonl.zst"]),
    aws_row("archive.transitions[].storageClass", "archive.lifecycle", "INTELLIGENT_TIERING",
            part="[].Transitions[].StorageClass", before=["STANDARD_IA"] * 3,
            after=["INTELLIGENT_TIERING"] * 3,
            given=_TRANSITION),
    aws_row("archive.transitions[].afterDays", "archive.lifecycle", 45,
            part="[].Transitions[].Days", before=[30] * 3, after=[45] * 3, given=_TRANSITION),
    aws_row("archive.expirationDays", "archive.lifecycle", 730, part="[].Expiration.Days",
            before=[365] * 3, after=[730] * 3),
    aws_row("archive.expirationDays", "archive.lifecycle", 0, part="[].Expiration.Days",
            before=[365] * 3, after=[]),
    aws_row("archive.noncurrentVersionDays", "archive.lifecycle", 7,
            part="[].NoncurrentVersionExpiration.NoncurrentDays",
            before=[30] * 3, after=[7] * 3),
    aws_row("archive.abortMultipartDays", "archive.lifecycle", 1,
            part="[].AbortIncompleteMultipartUpload.DaysAfterInitiation",
            before=[7] * 3, after=[1] * 3),
    aws_row("archive.kmsKeyId", "archive.encryption.keyId", KEY,
            part="[SSEAlgorithm, KMSMasterKeyID]",
            before=["AES256", None], after=["aws:kms", KEY]),
    *key_rows("archive.kmsKeyId", "processor", "detector"),
    aws_row("deadLetter.retentionDays", "dead-letter.retentionSeconds", 7,
            before="1209600", after="604800"),
    aws_row("deadLetter.kmsKeyId", "dead-letter.encryption.keyId", KEY,
            before=["true", ""], after=["false", KEY]),
    *key_rows("deadLetter.kmsKeyId", "processor"),
    aws_row("logs.retentionDays", "logs.retentionDays", 30, before=14, after=30),
    aws_row("logs.deletionProtection", "logs.deletionProtection", True, before=False, after=True,
            given={"deletionPolicy": {"logs": "Retain"}}),
    aws_row("logs.kmsKeyId", "logs.encryption.keyId", "<kms-key-arn>",
            before=None, after="<kms-key-arn>"),
]  # fmt: skip
