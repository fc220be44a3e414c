"""Access to AWS with the user's credential, by default by a session that only reads."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import structlog

from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.cli.errors import CliError
from clickstream_operator.kube.objects import PipelineObject

_Answer = TypeVar("_Answer")
_Session = TypeVar("_Session", bound=ReadOnlySession)
_THREADS: Final = 16
_PASSING: Final = frozenset(
    {Category.CONFLICT, Category.THROTTLED, Category.TRANSIENT, Category.UNRECOGNIZED}
)
_POD: Final = "CLICKSTREAM_PACKAGES"
"""Set in the operator's image, and nowhere else."""


def refuse_in_the_operators_pod() -> None:
    """Refuse to use the credential of the operator.

    Who may exec into its Pod must not get the operator's rights on AWS by that.

    Raises:
        CliError: this is the operator's Pod.
    """
    if os.environ.get("KUBERNETES_SERVICE_HOST") and os.environ.get(_POD):
        raise CliError(
            "this is the operator's Pod, whose credential is not yours",
            "run the command where your own credential is",
        )


def run(
    region: str,
    work: Callable[[_Session], Awaitable[_Answer]],
    *,
    profile: str | None,
    session: type[_Session] = ReadOnlySession,  # type: ignore[assignment]
) -> _Answer:
    """Answer of some work with a session of the user's credential, by default one that only reads.

    Raises:
        AwsError: AWS, or the search for a credential, failed.
        CliError: this is the operator's Pod.
    """
    refuse_in_the_operators_pod()
    # The engine's log is for the operator's operators; people read the command's own output.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(50),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

    async def with_session() -> _Answer:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="aws") as executor:
            return await work(session(region=region, executor=executor, profile=profile))

    return asyncio.run(with_session())


def of_pipeline(
    obj: PipelineObject,
    work: Callable[[_Session, Effective], Awaitable[_Answer]],
    *,
    profile: str | None,
    session: type[_Session] = ReadOnlySession,  # type: ignore[assignment]
) -> _Answer:
    """Answer of some work in the account and region of a pipeline.

    Raises:
        CliError: the operator has not placed it yet, there is no credential of its account, or AWS
            refused.
    """
    effective = obj.status.effective
    if effective is None:
        raise CliError(
            f"the operator has not decided where {obj.key.name} is",
            "wait until `status` shows its account, or let `doctor` look for the cause",
        )

    async def placed(made: _Session) -> _Answer:
        await ensure_account(made, effective)
        return await work(made, effective)

    try:
        return run(effective.region, placed, profile=profile, session=session)
    except AwsError as error:
        raise told(error) from error


def checked(obj: PipelineObject, *, profile: str | None) -> Effective:
    """Where a pipeline is, once the credential is known to belong there.

    Raises:
        CliError: as `of_pipeline`.
    """

    async def work(_session: ReadOnlySession, effective: Effective) -> Effective:
        return effective

    return of_pipeline(obj, work, profile=profile)


async def ensure_account(session: ReadOnlySession, effective: Effective) -> None:
    """Check that the credential belongs to the account of a pipeline.

    Raises:
        AwsError: there is no credential, or it is refused.
        CliError: it belongs to another account.
    """
    identity = await session.identity()
    if identity.account != effective.account:
        raise CliError(
            f"your AWS credential belongs to account {identity.account}, the pipeline is in "
            f"{effective.account}",
            "choose another with --profile or AWS_PROFILE",
        )


def told(error: AwsError) -> CliError:
    """The failure of AWS as one line."""
    if error.credentials_are_bad:
        return CliError(
            f"no usable AWS credential: {error.text}",
            "log in, or choose one with --profile or AWS_PROFILE",
        )
    says = f"{error.service}:{error.operation} failed with {error.code}: {error.text}"
    return CliError(says, remedy_of(error))


def remedy_of(error: AwsError) -> str:
    """Remedy for a person: those of `AwsError` are about the operator, which tries again."""
    if error.category is Category.ACCESS_DENIED:
        return "allow it to your own credential"
    if error.category is Category.NOT_FOUND:
        return "`verify` tells what is missing in AWS"
    if error.category in _PASSING:
        return "run it again"
    # Of a request that AWS does not take the operator's remedy is about the spec.
    return "" if error.category is Category.INVALID else error.remedy
