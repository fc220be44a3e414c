"""What must hold before the operator begins, and what it says while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from clickstream_operator.kube import crd_check as served_api
from clickstream_operator.kube.client import KubeClient, KubernetesError
from clickstream_operator.kube.permissions import PermissionReview

log = structlog.get_logger(__name__)

#: The server publishes the schema of a new CRD within about two seconds.
_ASK_AGAIN_SECONDS: Final = 2.0
_REVIEW_SECONDS: Final = 10.0

Check = Callable[[], Awaitable[str]]
Sleep = Callable[[float], Awaitable[None]]


class Prerequisites:
    """Waits for rights and CRD. `waiting_for` is what is wrong, empty when nothing is."""

    def __init__(
        self, kube: KubeClient, review: PermissionReview, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._kube = kube
        self._review = review
        self._sleep = sleep
        self._suspicion = asyncio.Event()
        self.waiting_for = "it has just started"

    async def wait(self) -> None:
        """Return when the operator may begin."""
        await self._until(self._review.problem)
        await self._until(lambda: served_api.problem(self._kube))
        self.waiting_for = ""

    def recheck(self) -> None:
        """Something was forbidden: let `watch` look."""
        self._suspicion.set()

    async def watch(self) -> None:
        """For ever: after a suspicion, say what is missing until it is granted again."""
        while True:
            await self._suspicion.wait()
            self._suspicion.clear()
            wrong = await self._asked(self._review.problem)
            if wrong:
                await self._until(self._review.problem, every=_REVIEW_SECONDS, before=wrong)
                self.waiting_for = ""
                log.info("the rights are complete again")

    async def _until(
        self, check: Check, *, every: float = _ASK_AGAIN_SECONDS, before: str = ""
    ) -> None:
        told = ""
        while wrong := await self._asked(check):
            self.waiting_for = wrong
            # Twice the same: a CRD or a Role that is just being installed is no trouble.
            if wrong == before and wrong != told:
                log.warning("waiting", why=wrong)
                told = wrong
            before = wrong
            await self._sleep(every)

    @staticmethod
    async def _asked(check: Check) -> str:
        try:
            return await check()
        except KubernetesError as error:
            return str(error)
