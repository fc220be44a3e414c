"""Leader election: a thread that acquires the lease, renews it, and ends the process on its loss.

The thread and its connection serve nothing else, so that neither a busy event loop nor a full pool
of threads can cost the leadership.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from clickstream_operator.kube.client import KubernetesError, refused
from clickstream_operator.kube.fence import WriteFence, seconds_since_boot
from clickstream_operator.kube.lease import (
    GROUP,
    PLURAL,
    VERSION,
    Lease,
    LeaseAction,
    LeaseObservation,
    Timing,
    held,
    next_action,
    released,
)

log = structlog.get_logger(__name__)

_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_SHORTEST_TIMEOUT: Final = 0.5


class LeaseTaken(Exception):
    """The lease changed since it was read."""


class Leases(Protocol):
    """Store of leases; `timeout` is in seconds.

    Both methods raise KubernetesError if the API server refuses or does not answer.
    """

    def read(self, namespace: str, name: str, *, timeout: float) -> Lease | None:
        """A lease; None if it does not exist."""

    def write(self, lease: Lease, *, timeout: float) -> Lease:
        """Create a lease without a version, or replace this version; else raise LeaseTaken."""


class KubernetesLeases:
    """Leases on the API server. Each call blocks and is not retried."""

    def __init__(self, api: client.ApiClient) -> None:
        self._objects = client.CustomObjectsApi(api)

    def read(self, namespace: str, name: str, *, timeout: float) -> Lease | None:
        """A lease; None if it does not exist.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        stored: Any
        try:
            stored = self._objects.get_namespaced_custom_object(
                GROUP, VERSION, namespace, PLURAL, name, _request_timeout=timeout
            )
        except Exception as error:
            if isinstance(error, ApiException) and error.status == _NOT_FOUND:
                return None
            raise _failure(f"reading the lease {namespace}/{name}", error) from error
        return Lease.parse(stored)

    def write(self, lease: Lease, *, timeout: float) -> Lease:
        """Create a lease without a version, or replace exactly this version.

        Raises:
            LeaseTaken: the stored lease has another version.
            KubernetesError: the API server refused or did not answer.
        """
        stored: Any
        try:
            if lease.version:
                stored = self._objects.replace_namespaced_custom_object(
                    GROUP,
                    VERSION,
                    lease.namespace,
                    PLURAL,
                    lease.name,
                    lease.body(),
                    _request_timeout=timeout,
                )
            else:
                stored = self._objects.create_namespaced_custom_object(
                    GROUP,
                    VERSION,
                    lease.namespace,
                    PLURAL,
                    lease.body(),
                    _request_timeout=timeout,
                )
        except Exception as error:
            if isinstance(error, ApiException) and error.status == _CONFLICT:
                raise LeaseTaken from error
            raise _failure(f"writing the lease {lease.namespace}/{lease.name}", error) from error
        return Lease.parse(stored)


def _failure(what: str, error: Exception) -> Exception:
    if isinstance(error, ApiException):
        return refused(what, error)
    if isinstance(error, OSError) or type(error).__module__.startswith("urllib3"):
        return KubernetesError(f"{what}: no answer ({type(error).__name__})")
    return error


def die() -> None:
    """End the process at once, because nothing in it may write any more."""
    os._exit(1)


class LeaderElector:
    """A candidate for leadership, under the name `identity`.

    `on_elected` is called once, and `on_lost`, which must not return to any work, at most once;
    both in the thread of the election.
    """

    def __init__(
        self,
        leases: Leases,
        fence: WriteFence,
        *,
        namespace: str,
        name: str,
        identity: str,
        timing: Timing,
        on_elected: Callable[[], object],
        on_lost: Callable[[], None] = die,
        clock: Callable[[], float] = seconds_since_boot,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._leases = leases
        self._fence = fence
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._timing = timing
        self._on_elected = on_elected
        self._on_lost = on_lost
        self._clock = clock
        self._now = now
        self._observation: LeaseObservation | None = None
        self._problem = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="election", daemon=True)
        self.leads = False

    @property
    def leader(self) -> str:
        """Holder of the lease at the last observation; empty without one."""
        return self._observation.lease.holder if self._observation else ""

    @property
    def problem(self) -> str:
        """Reason why the last attempt failed; empty if it did not."""
        return self._problem

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def release(self) -> None:
        """Stop, close the fence, and release the lease for the next candidate."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self._timing.deadline)
        self._fence.close()
        if not self.leads or self._observation is None:
            return
        self.leads = False
        try:
            self._leases.write(
                released(self._observation.lease, now=self._now()), timeout=self._timing.retry
            )
        except (LeaseTaken, KubernetesError) as error:
            # It expires, because nobody renews it.
            log.warning("lease not released", why=str(error) or "it changed meanwhile")
        else:
            log.info("lease released", lease=f"{self._namespace}/{self._name}")

    def step(self) -> None:
        """Try once to acquire or renew the lease, and act on the result."""
        asked_at = self._clock()
        try:
            holds = self._attempt(asked_at)
        except Exception as error:  # an unknown error counts as no answer
            holds = False
            known = isinstance(error, KubernetesError)
            why = str(error) if known else f"{type(error).__name__}: {error}"
            if why != self._problem:
                self._problem = why
                log.warning(
                    "lease not renewed" if self.leads else "no lease yet",
                    why=why,
                    exc_info=not known,
                )
        else:
            self._problem = ""
        if holds:
            self._fence.renewed(asked_at)
            if not self.leads:
                self.leads = True
                log.info("leading", lease=f"{self._namespace}/{self._name}", as_=self._identity)
                self._on_elected()
        elif self.leads and (self._taken() or self._fence.remaining() <= 0):
            self._fence.close()
            log.error("leadership lost", holder=self.leader, why=self._problem)
            self._on_lost()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self.step()
                self._stopping.wait(self._timing.retry)
        except Exception:
            # Without this thread nobody renews the lease or notices its loss.
            log.exception("the election ended")
            self._fence.close()
            self._on_lost()

    def _taken(self) -> bool:
        return self.leader != self._identity

    def _attempt(self, asked_at: float) -> bool:
        """Whether this candidate holds the lease now."""
        # A leader knows its last write, and reads only if somebody else wrote.
        if not self.leads or self._observation is None:
            self._observe()
        for _ in range(2):
            action = next_action(self._observation, self._identity, now=asked_at)
            if action is LeaseAction.WAIT:
                return False
            wanted = held(
                None if self._observation is None else self._observation.lease,
                namespace=self._namespace,
                name=self._name,
                holder=self._identity,
                timing=self._timing,
                now=self._now(),
            )
            try:
                stored = self._leases.write(wanted, timeout=self._timeout())
            except LeaseTaken:
                self._observe()
                continue
            self._observation = LeaseObservation(stored, self._clock())
            return True
        return False

    def _observe(self) -> None:
        lease = self._leases.read(self._namespace, self._name, timeout=self._timeout())
        now = self._clock()
        self._observation = (
            None if lease is None else LeaseObservation.of(lease, self._observation, now=now)
        )

    def _timeout(self) -> float:
        """Half of the deadline, or what is left of it for a leader."""
        whole = self._timing.deadline / 2
        if not self.leads:
            return whole
        return max(_SHORTEST_TIMEOUT, min(whole, self._fence.remaining()))
