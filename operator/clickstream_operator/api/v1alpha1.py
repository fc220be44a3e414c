"""Version v1alpha1 of the resource `ClickstreamPipeline`: names, annotations and models."""

from __future__ import annotations

from typing import Final

from clickstream_operator.api.spec import Spec
from clickstream_operator.api.status import (
    Condition,
    Effective,
    FieldDrift,
    Plan,
    ResourceStatus,
    Status,
)

GROUP: Final = "clickstream.dev"
VERSION: Final = "v1alpha1"
KIND: Final = "ClickstreamPipeline"
PLURAL: Final = "clickstreampipelines"
SINGULAR: Final = "clickstreampipeline"
SHORT_NAME: Final = "csp"
API_VERSION: Final = f"{GROUP}/{VERSION}"

FINALIZER: Final = f"{GROUP}/aws-resources"
RECONCILE_REQUESTED_AT: Final = f"{GROUP}/reconcile-requested-at"
APPROVED_PLAN: Final = f"{GROUP}/approved-plan"
FORCE_DELETE: Final = f"{GROUP}/force-delete"
WATCHED_ANNOTATIONS: Final = (RECONCILE_REQUESTED_AT, APPROVED_PLAN, FORCE_DELETE)

__all__ = [
    "API_VERSION",
    "APPROVED_PLAN",
    "FINALIZER",
    "FORCE_DELETE",
    "GROUP",
    "KIND",
    "PLURAL",
    "RECONCILE_REQUESTED_AT",
    "SHORT_NAME",
    "SINGULAR",
    "VERSION",
    "WATCHED_ANNOTATIONS",
    "Condition",
    "Effective",
    "FieldDrift",
    "Plan",
    "ResourceStatus",
    "Spec",
    "Status",
]
