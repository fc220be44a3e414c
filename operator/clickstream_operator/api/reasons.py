"""Reasons of conditions, resources and Events, each with its meaning and its remedy.

The reference page is generated from them.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A documented reason."""

    # Ready and Reconciling
    AVAILABLE = "Available"
    CREATING = "Creating"
    UPDATING = "Updating"
    DELETING = "Deleting"
    PROGRESSING = "Progressing"
    PROGRESSING_WITH_RETRY = "ProgressingWithRetry"
    WAITING_FOR_AWS = "WaitingForAWS"
    WAITING_FOR_DEPENDENCY = "WaitingForDependency"
    CONFIRMING_ABSENCE = "ConfirmingAbsence"
    RESOURCE_MISSING = "ResourceMissing"
    SUSPENDED = "Suspended"
    # Errors, as AwsError categories
    THROTTLED = "Throttled"
    CONFLICT = "Conflict"
    TRANSIENT = "Transient"
    ACCESS_DENIED = "AccessDenied"
    LIMIT_EXCEEDED = "LimitExceeded"
    INVALID = "Invalid"
    UNKNOWN_ANSWER = "UnknownAnswer"
    CREDENTIALS_INVALID = "CredentialsInvalid"
    # Safety
    ACCOUNT_MISMATCH = "AccountMismatch"
    OWNERSHIP_CONFLICT = "OwnershipConflict"
    DELETION_BLOCKED = "DeletionBlocked"
    CHANGE_BLOCKED = "ChangeBlocked"
    REPLACEMENT_NEEDED = "ReplacementNeeded"
    RESOURCE_FAILED = "ResourceFailed"
    INTERNAL_ERROR = "InternalError"
    # Subscriptions
    NOT_CONFIRMED = "NotConfirmed"
    # Drift
    DRIFT_DETECTED = "DriftDetected"
    DRIFT_CORRECTED = "DriftCorrected"
    DRIFT_LOOP = "DriftLoop"
    NO_DRIFT = "NoDrift"
    # Pace that AWS sets
    SCALING_IN_STEPS = "ScalingInSteps"
    RESIZE_BUDGET_EXHAUSTED = "ResizeBudgetExhausted"
    CHANGE_TOO_SOON = "ChangeTooSoon"
    SCALED_UP = "ScaledUp"
    SCALED_DOWN = "ScaledDown"
    # Approval
    PLAN_PENDING = "PlanPending"
    PLAN_APPROVED = "PlanApproved"
    PLAN_COMPLETED = "PlanCompleted"
    # Credentials
    CREDENTIALS_VALID = "CredentialsValid"
    ROLE_NOT_ALLOWED = "RoleNotAllowed"
    NOT_ALLOWED = "NotAllowed"
    # Installations
    ANOTHER_OPERATOR = "AnotherOperator"
    # Events
    RESOURCE_CREATED = "ResourceCreated"
    RESOURCE_UPDATED = "ResourceUpdated"
    RESOURCE_DELETED = "ResourceDeleted"
    RESOURCE_RETAINED = "ResourceRetained"
    RECONCILE_REQUEST_HANDLED = "ReconcileRequestHandled"
    # The ConfigMap of the outputs
    OUTPUTS_PUBLISHED = "OutputsPublished"
    NUMBERS_AGREE = "NumbersAgree"
    NUMBERS_DIFFER = "NumbersDiffer"
    NO_HOUR_CLOSED = "NoHourClosed"
    DETECTOR_OFF = "DetectorOff"
    MAPPING_FITS = "MappingFits"
    NO_PAGE_VIEWS = "NoPageViews"
    MOST_ROWS_BAD = "MostRowsBad"
    TOO_FEW_ROWS = "TooFewRows"
    CONFIG_MAP_NOT_OWNED = "ConfigMapNotOwned"
    CONFIG_MAP_REFUSED = "ConfigMapRefused"


MEANING: dict[Reason, str] = {
    Reason.AVAILABLE: "Everything that the pipeline needs exists and matches the spec.",
    Reason.CREATING: "Resources are being created. Nothing to do.",
    Reason.UPDATING: "AWS is applying a change. Nothing to do.",
    Reason.DELETING: "The pipeline is being deleted. Nothing to do.",
    Reason.PROGRESSING: "The operator is at work. Nothing to do.",
    Reason.PROGRESSING_WITH_RETRY: (
        "A step failed and is tried again with growing delays. The message says which."
    ),
    Reason.CONFIRMING_ABSENCE: (
        "AWS does not show a resource that may have been created seconds ago, so the deletion "
        "observes it once more before it counts as gone. Nothing to do."
    ),
    Reason.WAITING_FOR_AWS: "AWS accepted a step and has not finished it. Nothing to do.",
    Reason.WAITING_FOR_DEPENDENCY: "The resource waits for another. See the state of that one.",
    Reason.RESOURCE_MISSING: (
        "A resource is gone from AWS, and spec.driftPolicy forbids creating it again. Set "
        "driftPolicy: Correct, or restore it."
    ),
    Reason.SUSPENDED: "spec.suspend is true: nothing is written to AWS. Set it to false to go on.",
    Reason.THROTTLED: "AWS asked the operator to slow down. It does, and tries again.",
    Reason.CONFLICT: "AWS is busy with the resource. The operator tries again soon.",
    Reason.TRANSIENT: "The network or AWS failed for a moment. The operator tries again.",
    Reason.ACCESS_DENIED: (
        "The credential may not do what the message names. Grant that action to its role."
    ),
    Reason.LIMIT_EXCEEDED: "An AWS quota is used up. Ask AWS to raise the one the message names.",
    Reason.INVALID: "AWS refuses the request as it is. Change the spec as the message says.",
    Reason.UNKNOWN_ANSWER: (
        "AWS refuses with a code that the operator does not know, quoted in the message. It is "
        "tried again for ten minutes before the pipeline is Stalled. Read AWS's words; please "
        "report the code."
    ),
    Reason.CREDENTIALS_INVALID: (
        "The AWS credential is missing, expired or unknown. Renew it; the operator goes on then."
    ),
    Reason.ACCOUNT_MISMATCH: (
        "The credential belongs to another account, or the region is another, than the ones that "
        "this pipeline was created in. Give the operator the recorded account's credential."
    ),
    Reason.OWNERSHIP_CONFLICT: (
        "A resource of this name exists and is not this pipeline's. It is not touched. Remove it, "
        "or allow its adoption: the message says what is missing."
    ),
    Reason.DELETION_BLOCKED: "The message says what blocks the deletion and how to free it.",
    Reason.CHANGE_BLOCKED: (
        "Something that others made in AWS stands against a change: the message names it, and how "
        "to free the change."
    ),
    Reason.REPLACEMENT_NEEDED: (
        "The field can't be changed in place and the resource holds data. Revert the change."
    ),
    Reason.RESOURCE_FAILED: (
        "AWS reports the resource as failed, and the message quotes it; or AWS accepted a change "
        "and does not show it for ten minutes."
    ),
    Reason.INTERNAL_ERROR: (
        "The operator met an unexpected error. Its log has the details; please report it."
    ),
    Reason.NOT_CONFIRMED: (
        "A subscriber has not confirmed, or has unsubscribed. The message says how to go on."
    ),
    Reason.DRIFT_DETECTED: "AWS differs from the spec. The resources name the field paths.",
    Reason.DRIFT_CORRECTED: "Drift was found and repaired.",
    Reason.DRIFT_LOOP: (
        "A field was corrected three times in a day and changed back, or AWS accepted a correction "
        "and does not show it for ten minutes. Find what else manages the resource; a requested "
        "reconcile begins anew."
    ),
    Reason.NO_DRIFT: "AWS matches the spec.",
    Reason.SCALING_IN_STEPS: (
        "AWS at most doubles or halves the shards of a stream in one call, so a larger change "
        "takes several. The message says how far it is. Nothing to do; data flows meanwhile."
    ),
    Reason.RESIZE_BUDGET_EXHAUSTED: (
        "AWS takes 10 resizes of a stream in 24 hours, and they are used up. The message says when "
        "the next one is possible; the operator goes on then. Nothing to do; data flows meanwhile."
    ),
    Reason.CHANGE_TOO_SOON: (
        "AWS takes this change only so often: a stream's mode twice in 24 hours, a table's switch "
        "to on-demand four times in 24 hours, its TTL once an hour. The operator goes on when AWS "
        "does. Nothing to do; what is set now stays in use."
    ),
    Reason.SCALED_UP: "spec.stream.autoscaling: the load grew, and shards were added.",
    Reason.SCALED_DOWN: "spec.stream.autoscaling: the load was low for long; shards were removed.",
    Reason.PLAN_PENDING: (
        "spec.approval is Manual and status.plan waits. Read it, then set the annotation "
        "clickstream.dev/approved-plan to its hash."
    ),
    Reason.PLAN_APPROVED: "A plan was approved and is being applied.",
    Reason.PLAN_COMPLETED: "Everything in the approved plan is applied.",
    Reason.CREDENTIALS_VALID: "AWS accepts the credential.",
    Reason.ROLE_NOT_ALLOWED: (
        "The spec names a role that the operator's settings do not allow. The message names the "
        "setting; ask the operator's administrator, or use another role."
    ),
    Reason.NOT_ALLOWED: (
        "The spec names something that is not the pipeline's own (a topic, a key, an alarm action, "
        "a mail domain, a name, a region), asks for more than a ceiling, or stands in a namespace "
        "that is no tenant. The message names the field and the setting; ask the operator's "
        "administrator, or change the spec."
    ),
    Reason.ANOTHER_OPERATOR: (
        "Two installations of the operator see this pipeline, and only the one in "
        "status.effective.instance works on it. Let one of them watch other namespaces, or end it."
    ),
    Reason.RESOURCE_CREATED: "A resource was created.",
    Reason.RESOURCE_UPDATED: "A resource was changed.",
    Reason.RESOURCE_DELETED: "A resource was deleted.",
    Reason.RESOURCE_RETAINED: (
        "A resource was kept, as spec.deletionPolicy says. In an Event of the action ForceDelete: "
        "what the annotation clickstream.dev/force-delete leaves in AWS; remove it by hand."
    ),
    Reason.RECONCILE_REQUEST_HANDLED: (
        "The reconcile that the annotation clickstream.dev/reconcile-requested-at requested has "
        "run. Nothing to do."
    ),
    Reason.NUMBERS_AGREE: (
        "What each lane received, counted and archived stands in tables and bucket, for every hour "
        "that was closed in the last day."
    ),
    Reason.NUMBERS_DIFFER: (
        "An hour of the last day has more or fewer events or rows than its lanes say. The "
        "detector's log names hour and reason, `PipelineReader.balances` the numbers. A redrive "
        "takes back refused items and batches that Lambda gave up on; for all else rebuild the "
        "hour."
    ),
    Reason.NO_HOUR_CLOSED: (
        "The detector has closed no hour for six: the pipeline is new, a shard is behind, or the "
        "detector's role lacks dynamodb:Scan. Its log says which."
    ),
    Reason.DETECTOR_OFF: (
        "anomalyDetection.enabled is false, and the detector is what closes hours."
    ),
    Reason.MAPPING_FITS: "What arrived last is understood, and has page views.",
    Reason.NO_PAGE_VIEWS: (
        "Events arrive, and none of them, or fewer than one in a thousand, is a page view. Set "
        "events.preset to your producer, or events.pageViewTypes to the types that are page views "
        "and events.fields.type to the member that has them. The processor's log (`no event is a "
        "page view`) names the types and the members that it saw. Where none is sent on purpose, "
        "events.pageViewTypes: [] ends this."
    ),
    Reason.MOST_ROWS_BAD: (
        "More than half of what arrived last are bad rows. The processor's log (`bad rows`) counts "
        "them by reason, `kubectl clickstream query PIPELINE --report bad-rows` as well. "
        "`missing_field` names what events.fields has to lead to, or set events.preset to your "
        "producer; then redrive them."
    ),
    Reason.TOO_FEW_ROWS: (
        "Fewer than 20 rows arrived in the last day: too few to say whether the mapping fits."
    ),
    Reason.OUTPUTS_PUBLISHED: "The outputs are in the ConfigMap that the message names.",
    Reason.CONFIG_MAP_NOT_OWNED: (
        "A ConfigMap of this name exists and is not this pipeline's. It is not written; rename or "
        "delete it."
    ),
    Reason.CONFIG_MAP_REFUSED: (
        "Kubernetes refuses the ConfigMap of the outputs. Grant the operator the permissions of "
        "examples/install/outputs-rbac.yaml; in a namespace that terminates, nothing to do."
    ),
}
