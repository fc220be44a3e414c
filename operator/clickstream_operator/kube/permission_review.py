"""Review of the operator's own permissions in the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from clickstream_operator.kube.client import KubeClient, refused
from clickstream_operator.kube.permissions import Permission, problem


class PermissionReview:
    """Self subject access reviews, which the API server answers to everybody."""

    def __init__(self, kube: KubeClient, permissions: Iterable[Permission]) -> None:
        self._kube = kube
        self._api = client.AuthorizationV1Api(kube.api)
        self._permissions = tuple(permissions)

    async def problem(self) -> str:
        """The missing permissions and their remedy; empty if none is missing.

        Raises:
            KubernetesError: the API server refused to say, or did not answer.
        """
        allowed = await asyncio.gather(*(self._may(one) for one in self._permissions))
        pairs = zip(self._permissions, allowed, strict=True)
        return problem([one for one, may in pairs if not may])

    async def _may(self, permission: Permission) -> bool:
        review = {"spec": {"resourceAttributes": permission.attributes()}}
        try:
            answer = await self._kube.run(self._api.create_self_subject_access_review, review)
        except ApiException as error:
            raise refused("reviewing the operator's own permissions", error) from error
        return bool(answer.status.allowed)
