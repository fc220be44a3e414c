"""Errors of the API server, in words that name the request."""

from __future__ import annotations

import json
from typing import Final

from kubernetes.client.exceptions import ApiException

_FORBIDDEN: Final = 403
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERRORS: Final = range(500, 600)


class StaleObject(Exception):
    """The object changed or was deleted since it was read."""


class KubernetesError(Exception):
    """The API server refused or did not answer; the message names the request."""


class KubernetesRefusal(KubernetesError):
    """The API server refused.

    `forbidden` if RBAC or admission did (HTTP status 403); `overloaded` if the same request may be
    taken later (429 and 5xx).
    """

    forbidden = False
    overloaded = False


def words(error: ApiException) -> str:
    """Words of an error answer: the message of its Status, or the HTTP reason."""
    try:
        answer = json.loads(error.body or "{}")
    except ValueError:
        answer = {}
    said = answer.get("message", "") if isinstance(answer, dict) else ""
    return f"{error.status} {said or error.reason}"


def refused(what: str, error: ApiException) -> KubernetesRefusal:
    """An error with the request (`what`) and the answer of the API server."""
    refusal = KubernetesRefusal(f"{what}: the API server said {words(error)}")
    refusal.forbidden = error.status == _FORBIDDEN
    refusal.overloaded = error.status == _TOO_MANY_REQUESTS or error.status in _SERVER_ERRORS
    return refusal
