"""Tenants: the grants of each namespace, from one watched file of the platform team."""

from __future__ import annotations

from clickstream_operator.tenants.grants import Grants
from clickstream_operator.tenants.model import Tenant, Tenants, TenantsError, parse
from clickstream_operator.tenants.source import TenantsSource

__all__ = ["Grants", "Tenant", "Tenants", "TenantsError", "TenantsSource", "parse"]
