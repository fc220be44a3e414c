"""Tenants for tests: one entry for every namespace, open as far as a test needs."""

from __future__ import annotations

from typing import Any, Final

from clickstream_operator.tenants import Tenant, Tenants, TenantsSource

#: Everything that a spec may name and that is not the pipeline's own, but nothing to adopt.
FOREIGN: Final[dict[str, Any]] = {
    "topics": ("arn:aws:sns:*:123456789012:*", "arn:aws:sns:*:000000000000:*"),
    "alarm_actions": ("arn:aws:sns:*:123456789012:*", "arn:aws:sns:*:000000000000:*"),
    "kms_keys": (
        "alias/*",
        "arn:aws:kms:*:123456789012:key/*",
        "arn:aws:kms:*:000000000000:key/*",
    ),
    "secrets": ("arn:aws:ssm:*:123456789012:*", "arn:aws:secretsmanager:*:123456789012:*"),
    "role_tags": ("Tour",),
}


def granted(*namespaces: str, **grants: Any) -> TenantsSource:
    """Tenants with one entry, for every namespace unless some are given."""
    entry = Tenant.model_validate({"namespaces": namespaces or ("*",), **grants})
    return TenantsSource.fixed(Tenants(tenants=(entry,)))
