"""The tenants document: strict, readable faults, the first match decides."""

from __future__ import annotations

import pytest

from clickstream_operator.tenants import Tenant, TenantsError, parse


def test_no_entry_gives_everybody_the_defaults() -> None:
    """Nothing that is not the pipeline's own, and the operator's credential as before."""
    tenant = parse("tenants: []").of("shop")
    assert tenant == Tenant(namespaces=("*",))
    assert tenant.own_credential
    foreign = (tenant.operator_roles, tenant.function_roles, tenant.topics, tenant.alarm_actions)
    assert foreign == ((), (), (), ())
    assert (tenant.kms_keys, tenant.adopt, tenant.inherit_data) == ((), (), False)


@pytest.mark.parametrize(
    ("namespace", "roles"),
    [("team-a", 1), ("team-b", 2), ("team-", 2), ("team", None), ("ateam-b", None), ("x", None)],
)
def test_the_first_entry_that_matches_decides(namespace: str, roles: int | None) -> None:
    """Later entries add nothing; a namespace of no entry is no tenant."""
    text = """
    tenants:
      - namespaces: [team-a]
        functionRoles: ["arn:aws:iam::123456789012:role/one"]
      - namespaces: [other, "team-*"]
        functionRoles:
          - arn:aws:iam::123456789012:role/one
          - arn:aws:iam::123456789012:role/two-*
    """
    tenant = parse(text).of(namespace)
    assert (None if tenant is None else len(tenant.function_roles)) == roles


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a mapping with the key tenants"),
        ("[]", "must be a mapping with the key tenants"),
        ("tenants", "must be a mapping with the key tenants"),
        ("tenants: [", "is no YAML"),
        ("tenants: []\nmore: 1", "more: Extra inputs"),
        ("tenants: []\ntenants: []", "tenants is given twice"),
        ("tenants: [{}]", "tenants.0.namespaces: Field required"),
        ("tenants: [{namespaces: []}]", "tenants.0.namespaces"),
        ("tenants: [{namespaces: [Team]}]", "tenants.0.namespaces.0"),
        ("tenants: [{namespaces: [a], topic: []}]", "tenants.0.topic: Extra inputs"),
        ("tenants: [{namespaces: [a], topics: ['*']}]", "tenants.0.topics.0"),
        ("tenants: [{namespaces: [a], topics: ['arn:aws:sns:*:*:*']}]", "tenants.0.topics.0"),
        ("tenants: [{namespaces: [a], functionRoles: ['*']}]", "tenants.0.functionRoles.0"),
        (
            "tenants: [{namespaces: [a], operatorRoles: ['arn:aws:iam::*:role/x']}]",
            "tenants.0.operatorRoles.0",
        ),
        ("tenants: [{namespaces: [a], alarmActions: ['arn:aws:*']}]", "tenants.0.alarmActions.0"),
        ("tenants: [{namespaces: [a], kmsKeys: ['*']}]", "tenants.0.kmsKeys.0"),
        ("tenants: [{namespaces: [a], emailDomains: ['*corp.com']}]", "tenants.0.emailDomains.0"),
        ("tenants: [{namespaces: [a], adopt: ['a b']}]", "tenants.0.adopt.0"),
        ("tenants: [{namespaces: [a], limits: {shards: 0}}]", "tenants.0.limits.shards"),
        ("tenants: [{namespaces: [a], limits: {shard: 1}}]", "tenants.0.limits.shard: Extra"),
        ("tenants: [{namespaces: [a], limits: {memoryMiB: 64}}]", "tenants.0.limits.memoryMiB"),
    ],
)
def test_a_fault_names_its_place(text: str, said: str) -> None:
    """Nothing that was not meant opens anything, or closes anything silently."""
    with pytest.raises(TenantsError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
