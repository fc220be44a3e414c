"""Prerequisites: tenants, permissions and CRD, for which the operator waits before it works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from clickstream_operator.kube import crd_check
from clickstream_operator.kube.client import KubeClient, KubernetesError
from clickstream_operator.kube.permission_review import PermissionReview
from clickstream_operator.tenants import TenantsSource

log = structlog.get_logger(__name__)

#: The API server publishes the schema of a new CRD within about two seconds.
_ASK_AGAIN_SECONDS: Final = 2.0
_REVIEW_SECONDS: Final = 10.0

Check = Callable[[], Awaitable[str]]
Sleep = Callable[[float], Awaitable[None]]


class Prerequisites:
    """Checks of permissions and CRD; `waiting_for` is the problem, or empty."""

    def __init__(
        self,
        kube: KubeClient,
        review: PermissionReview,
        *,
        tenants: TenantsSource | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._kube = kube
        self._review = review
        self._tenants = tenants or TenantsSource()
        self._sleep = sleep
        self._recheck = asyncio.Event()
        self.waiting_for = "it has just started"

    async def wait(self) -> None:
        """Return when there is no problem."""
        await self._until(self._tenants_problem)
        await self._until(self._review.problem)
        await self._until(lambda: crd_check.problem(self._kube))
        self.waiting_for = ""

    async def _tenants_problem(self) -> str:
        """Why no version of the tenants is in force yet: nobody would be allowed anything."""
        if not self._tenants.loaded:
            await asyncio.to_thread(self._tenants.refresh)
        return "" if self._tenants.loaded else self._tenants.problem

    def recheck(self) -> None:
        """Review the permissions again, after a request was forbidden."""
        self._recheck.set()

    async def watch(self) -> None:
        """Report missing permissions after each `recheck`, until they are granted again."""
        while True:
            await self._recheck.wait()
            self._recheck.clear()
            problem = await self._asked(self._review.problem)
            if problem:
                await self._until(self._review.problem, every=_REVIEW_SECONDS, before=problem)
                self.waiting_for = ""
                log.info("permissions are complete again")

    async def _until(
        self, check: Check, *, every: float = _ASK_AGAIN_SECONDS, before: str = ""
    ) -> None:
        logged = ""
        while problem := await self._asked(check):
            self.waiting_for = problem
            # Logged when it is found twice: a CRD or a Role may be about to be installed.
            if problem == before and problem != logged:
                log.warning("waiting", why=problem)
                logged = problem
            before = problem
            await self._sleep(every)

    @staticmethod
    async def _asked(check: Check) -> str:
        try:
            return await check()
        except KubernetesError as error:
            return str(error)
