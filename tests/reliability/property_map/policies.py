"""Rows of region, names, tags and of the policies of a pipeline."""

from __future__ import annotations

from typing import Final

from tests.reliability.property_map.row import (
    POLICY_TESTS,
    aws_row,
    engine_row,
    fixed_row,
    tag_rows,
)

_SPEC_CHANGES: Final = "tests/integration/test_spec_changes.py"
_DRIFT_POLICY: Final = "tests/integration/test_drift_policy.py"
_APPROVAL: Final = "tests/integration/test_approval.py"
_DELETION: Final = "tests/integration/test_deletion.py"
_IAM: Final = "tests/integration/test_iam.py"

ROWS: Final = [
    fixed_row("region", "eu-central-1", "region of every resource"),
    engine_row("credentials.roleArn", "role that every call is made with",
               f"{_IAM}::test_a_role_of_another_account_is_assumed_with_tags",
               f"{POLICY_TESTS}::test_the_account_of_a_role_is_fixed"),
    engine_row("credentials.externalId", "external id that the role asks for",
               f"{_IAM}::test_a_role_of_another_account_is_assumed_with_tags"),
    *tag_rows("environment", "Environment", "prod", before="dev", after="prod"),
    aws_row("environment", "dashboard.body", "prod",
            document="contains(widgets[0].properties.markdown, '(prod)')",
            before=False, after=True),
    engine_row("suspend", "no AWS write while true",
               f"{_SPEC_CHANGES}::"
               "test_a_suspended_pipeline_is_read_and_not_written_and_can_be_deleted"),
    engine_row("resyncIntervalSeconds", "seconds between resyncs, less up to 20 %",
               f"{POLICY_TESTS}::test_the_resync_interval_is_the_pause_between_resyncs"),
    engine_row("driftPolicy", "whether drift is corrected, reported or ignored",
               f"{_DRIFT_POLICY}::test_drift_is_corrected_and_told",
               f"{_DRIFT_POLICY}::test_drift_is_reported_and_left_alone_when_told_so",
               f"{POLICY_TESTS}::test_ignored_drift_is_left_alone_in_silence"),
    engine_row("approval", "whether changes wait for an approved plan",
               f"{_APPROVAL}::test_a_manual_pipeline_is_created_only_as_approved",
               f"{_APPROVAL}::test_drift_and_removal_of_a_manual_pipeline_wait_too"),
    *(
        engine_row(f"deletionPolicy.{part}", f"what is left of the {what} after the deletion",
                   f"{POLICY_TESTS}::test_deletion_leaves_what_the_policy_says")
        for part, what in (
            ("archive", "S3 bucket"), ("tables", "DynamoDB tables"), ("stream", "Kinesis stream"),
            ("logs", "log groups"), ("deadLetter", "SQS queue"),
        )
    ),
    engine_row("deletionPolicy.adopted", "whether adopted resources stay after the deletion",
               f"{POLICY_TESTS}::test_what_was_taken_over_stays_unless_the_policy_says_delete"),
    engine_row("adoptionPolicy", "whether an existing resource is adopted",
               f"{POLICY_TESTS}::test_what_was_taken_over_stays_unless_the_policy_says_delete",
               f"{POLICY_TESTS}::test_what_was_retained_is_not_taken_back_when_the_policy_says_never",
               f"{_DELETION}::"
               "test_deletion_keeps_the_data_and_a_new_pipeline_of_the_name_takes_it_back"),
    fixed_row("names.stream", "other-events", "Kinesis stream: name"),
    fixed_row("names.archiveBucket", "other-archive-123456789012", "S3 bucket: name"),
    fixed_row("names.pageMetricsTable", "other-page-metrics", "DynamoDB table: name"),
    fixed_row("names.sessionMetricsTable", "other-session-metrics", "DynamoDB table: name"),
    fixed_row("names.countersTable", "other-counters", "DynamoDB table: name"),
    *tag_rows("tags", "CostCenter", {"CostCenter": "analytics"}, before=None, after="analytics"),
]  # fmt: skip
