"""Identity behind a pipeline's credential: the right account, or nothing.

With another account's credential every describe says NotFound, and an operator that believes it
builds a second pipeline or leaks the first.
"""

from __future__ import annotations

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Effective, Spec
from clickstream_operator.aws.credential_errors import RENEW
from clickstream_operator.aws.errors import CREDENTIAL_CODES, AwsError, Category
from clickstream_operator.aws.session import AwsSession, CallerIdentity
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.status.result import Blocker


async def identify(
    obj: PipelineObject, session: AwsSession, *, expected: str = ""
) -> CallerIdentity | Blocker:
    """The account behind the credential, if it is the one that the pipeline was made in.

    `expected`: account of the operator's own credential, which also holds before there is a
    record; empty: any. The account of a role is in its ARN, in the spec.
    """
    try:
        identity = await session.identity()
    except AwsError as error:
        return _credential_blocker(error, obj.spec)
    if expected and obj.spec.credentials is None and identity.account != expected:
        return Blocker(
            Reason.ACCOUNT_MISMATCH,
            f"the operator's own credential belongs to account {identity.account}, and its setting "
            f"account is {expected}. Nothing was read or written; give the operator a credential "
            f"of account {expected}, or correct the setting (chart: aws.account)",
        )
    recorded = obj.status.effective
    mismatch = _mismatch(recorded, identity, obj.spec) if recorded else ""
    return Blocker(Reason.ACCOUNT_MISMATCH, mismatch) if mismatch else identity


def _mismatch(recorded: Effective, identity: CallerIdentity, spec: Spec) -> str:
    """Why the credential or the region is not the recorded one; empty when it is."""
    found = []
    if identity.account != recorded.account:
        found.append(
            f"the credential belongs to account {identity.account}, the pipeline to "
            f"{recorded.account}"
        )
    if identity.partition != recorded.partition:
        found.append(
            f"the credential is of partition {identity.partition}, the pipeline of "
            f"{recorded.partition}"
        )
    if spec.region and spec.region != recorded.region:
        found.append(f"spec.region is {spec.region}, the pipeline is in {recorded.region}")
    if not found:
        return ""
    return (
        f"{'; '.join(found)}. Nothing was read or written; give the operator a credential of "
        f"account {recorded.account} and keep region {recorded.region}"
    )


def _credential_blocker(error: AwsError, spec: Spec) -> Blocker:
    role = spec.credentials
    if (
        role is not None
        and error.operation == "assume_role"
        and error.category is Category.ACCESS_DENIED
        and error.code not in CREDENTIAL_CODES
    ):
        condition = " with this external id" if role.external_id else ""
        return Blocker(
            Reason.CREDENTIALS_INVALID,
            f"spec.credentials.roleArn {role.role_arn} can't be assumed: {error.text}. Its trust "
            f"policy must allow the operator sts:AssumeRole and sts:TagSession{condition}, and the "
            "operator's own policy must allow both on it",
        )
    if error.credentials_are_bad:
        return Blocker(
            Reason.CREDENTIALS_INVALID, f"{error.code}: {error.text}; {error.remedy or RENEW}"
        )
    reason = {
        Category.ACCESS_DENIED: Reason.ACCESS_DENIED,
        Category.THROTTLED: Reason.THROTTLED,
        Category.INVALID: Reason.INVALID,
        Category.UNRECOGNIZED: Reason.UNKNOWN_ANSWER,
    }.get(error.category, Reason.TRANSIENT)
    return Blocker(reason, str(error))
