"""Preflight: the checks before a reconcile calls AWS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.session import AwsSession, CallerIdentity
from clickstream_operator.kube.objects import InvalidSpec, ObjectKey, PipelineObject, parse
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.identity import identify as identity_of
from clickstream_operator.reconcile.location import decide_effective, region_of
from clickstream_operator.reconcile.preflight import (
    APPLY_CHECKS,
    DELETION_CHECKS,
    Check,
    chosen_names_are_free,
    first_blocker,
)
from clickstream_operator.status.result import Blocker
from clickstream_operator.tenants import Tenants, TenantsSource
from tests.tenant_grants import granted

KEY = ObjectKey("shop", "web")
ROLE = "arn:aws:iam::123456789012:role/given"
IDENTITY = CallerIdentity("123456789012", "aws")
RECORDED = {"account": "123456789012", "partition": "aws", "region": "eu-west-1", "base": "web-x"}


def config(**values: Any) -> OperatorConfig:
    """What the operator was started with."""
    settled: dict[str, Any] = {
        "cluster": "cluster-1",
        "instance": "test",
        "default_region": "eu-west-1",
        "account_regional_buckets": True,
        "packages": {},
    }
    return OperatorConfig(**(settled | values))


def obj(
    spec: dict[str, Any] | None = None, effective: dict[str, Any] | None = None
) -> PipelineObject:
    """A pipeline, recorded or new."""
    status = {"effective": effective} if effective else {}
    return parse(KEY, {"metadata": {"generation": 1}, "spec": spec or {}, "status": status})


class Session:
    """A credential; every call but the identity's would be an AttributeError."""

    def __init__(self, answer: CallerIdentity | AwsError) -> None:
        self.answer = answer

    async def identity(self) -> CallerIdentity:
        """Whose it is."""
        if isinstance(self.answer, AwsError):
            raise self.answer
        return self.answer


async def identify(
    one: PipelineObject, answer: CallerIdentity | AwsError, **more: str
) -> CallerIdentity | Blocker:
    """The identity behind a credential, or what is wrong with it."""
    return await identity_of(one, cast("AwsSession", Session(answer)), **more)


def test_empty_spec_has_no_blocker() -> None:
    """The default pipeline may start."""
    assert first_blocker(APPLY_CHECKS, obj(), config()) is None


@pytest.mark.parametrize(
    ("spec", "effective", "default", "expected"),
    [
        ({}, None, "eu-west-1", "eu-west-1"),
        ({"region": "us-east-1"}, None, "eu-west-1", "us-east-1"),
        ({}, RECORDED, "us-west-2", "eu-west-1"),
        ({"region": "us-east-1"}, RECORDED, "us-west-2", "eu-west-1"),
        ({}, None, "", ""),
    ],
)
def test_recorded_region_wins(
    spec: dict[str, Any], effective: dict[str, Any] | None, default: str, expected: str
) -> None:
    """Recorded, then the spec's, then the operator's."""
    found = region_of(obj(spec, effective), config(default_region=default))
    assert found == expected


def test_missing_region_names_both_remedies() -> None:
    """Neither spec nor operator says one."""
    blocker = first_blocker(APPLY_CHECKS, obj(), config(default_region=""))
    assert blocker is not None
    assert blocker.reason is Reason.INVALID
    assert "spec.region" in blocker.message
    assert "AWS_REGION" in blocker.message


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"processor": {"roleArn": ROLE}}, "spec.processor.roleArn"),
        ({"anomalyDetection": {"roleArn": ROLE}}, "spec.anomalyDetection.roleArn"),
        (
            {"anomalyDetection": {"schedulerRoleArn": ROLE}},
            "spec.anomalyDetection.schedulerRoleArn",
        ),
    ],
)
def test_given_role_must_be_allowed(spec: dict[str, Any], path: str) -> None:
    """A spec can't hand any role to its functions."""
    blocker = first_blocker(APPLY_CHECKS, obj(spec), config())
    assert blocker is not None
    assert blocker.reason is Reason.ROLE_NOT_ALLOWED
    assert path in blocker.message
    assert "tenants[].functionRoles" in blocker.message
    allowed = config(tenants=granted(function_roles=(ROLE,)))
    assert first_blocker(APPLY_CHECKS, obj(spec), allowed) is None


@pytest.mark.parametrize(
    ("namespaces", "roles", "namespace", "is_allowed"),
    [
        (("other",), (ROLE,), "team-a", False),
        (("team-a",), (), "team-a", False),
        (("team-a",), (ROLE,), "team-a", True),
        (("team-a",), (ROLE,), "team-ab", False),
        (("team-*",), ("arn:aws:iam::123456789012:role/*",), "team-b", True),
        (("team-*",), ("arn:aws:iam::210987654321:role/*",), "team-b", False),
        (("*",), ("arn:aws:iam::210987654321:role/*", ROLE), "any", True),
    ],
)
def test_roles_are_allowed_by_namespace(
    namespaces: tuple[str, ...], roles: tuple[str, ...], namespace: str, *, is_allowed: bool
) -> None:
    """Namespace and role must match one entry; the message names the setting."""
    asks = replace(obj({"credentials": {"roleArn": ROLE}}), key=ObjectKey(namespace, "shop"))
    tenants = granted(*namespaces, operator_roles=roles)
    blocker = first_blocker(APPLY_CHECKS, asks, config(tenants=tenants))
    assert (blocker is None) is is_allowed
    if blocker is not None:
        assert f"namespace {namespace}" in blocker.message
        assert "tenants" in blocker.message


@pytest.mark.parametrize("checks", [APPLY_CHECKS, DELETION_CHECKS])
@pytest.mark.parametrize("own", [True, False])
def test_the_own_credential_may_be_kept_for_some(checks: tuple[Check, ...], *, own: bool) -> None:
    """Other namespaces must name a role of theirs."""
    blocker = first_blocker(checks, obj({}), config(tenants=granted(own_credential=own)))
    assert (blocker is None) is own
    if blocker is not None:
        assert blocker.reason is Reason.ROLE_NOT_ALLOWED
        assert "tenants[].ownCredential" in blocker.message


@pytest.mark.parametrize(
    ("spec", "grants"),
    [
        ({"alerts": {"topicArn": "arn:aws:sns:eu-west-1:123456789012:pager"}}, "topics"),
        ({"alarms": {"actionArns": ["arn:aws:sns:eu-west-1:123456789012:a"]}}, "alarmActions"),
        ({"logs": {"kmsKeyId": "alias/theirs"}}, "kmsKeys"),
        ({"stream": {"shards": 9}}, "limits.shards"),
        ({"region": "us-east-1"}, "regions"),
        ({"alerts": {"emails": ["a@evil.example"]}}, "emailDomains"),
    ],
)
def test_what_a_namespace_may_not_have_stops_the_reconcile(
    spec: dict[str, Any], grants: str
) -> None:
    """Before the credential is used; a deletion, which names nothing, goes on."""
    tenants = granted(regions=("eu-*",), limits={"shards": 4}, email_domains=("corp.example",))
    blocker = first_blocker(APPLY_CHECKS, obj(spec), config(tenants=tenants))
    assert blocker is not None
    assert blocker.reason is Reason.NOT_ALLOWED
    assert f"tenants[].{grants}" in blocker.message
    assert first_blocker(DELETION_CHECKS, obj(spec), config(tenants=tenants)) is None


def test_a_namespace_of_no_entry_has_no_pipelines() -> None:
    """Once tenants are listed, who is not listed is refused, with the remedy."""
    blocker = first_blocker(APPLY_CHECKS, obj(), config(tenants=granted("team-*")))
    assert blocker is not None
    assert blocker.reason is Reason.NOT_ALLOWED
    assert "namespace shop is in no entry" in blocker.message


async def test_a_role_that_refuses_is_named() -> None:
    """The message says what the trust policy needs; the credential counts as invalid."""
    asks = obj({"credentials": {"roleArn": ROLE, "externalId": "team-a"}})
    refusal = AwsError(
        service="sts",
        operation="assume_role",
        code="AccessDenied",
        text="User: a is not authorized to perform: sts:AssumeRole",
        category=Category.ACCESS_DENIED,
    )
    blocker = await identify(asks, refusal)
    assert isinstance(blocker, Blocker)
    assert blocker.reason is Reason.CREDENTIALS_INVALID
    assert f"spec.credentials.roleArn {ROLE} can't be assumed: User: a is not" in blocker.message
    assert "sts:AssumeRole and sts:TagSession with this external id" in blocker.message


def test_rule_that_no_detector_could_judge_stops_the_reconcile() -> None:
    """An object from before the API server refused it ends in the field and the remedy."""
    rules = [{"name": "mine", "kind": "Rate", "value": "many"}]
    blocker = first_blocker(APPLY_CHECKS, obj({"anomalyDetection": {"rules": rules}}), config())
    assert blocker is not None
    assert blocker.reason is Reason.INVALID
    assert blocker.message.startswith("spec.anomalyDetection.rules[mine].value must be a number")


async def test_first_credential_decides_the_account() -> None:
    """Nothing recorded: the credential's account it is."""
    assert await identify(obj(), IDENTITY) == IDENTITY


@pytest.mark.parametrize("effective", [None, RECORDED])
async def test_the_expected_account_holds_before_the_first_write(
    effective: dict[str, Any] | None,
) -> None:
    """The setting says beforehand which account is meant; a role's account is in its ARN."""
    other = CallerIdentity("999999999999", "aws")
    blocker = await identify(obj(effective=effective), IDENTITY, expected=other.account)
    assert isinstance(blocker, Blocker)
    assert blocker.reason is Reason.ACCOUNT_MISMATCH
    assert "account is 999999999999" in blocker.message
    assert "aws.account" in blocker.message
    assert await identify(obj(effective=effective), IDENTITY, expected="123456789012") == IDENTITY
    role = {"credentials": {"roleArn": "arn:aws:iam::999999999999:role/team"}}
    assert await identify(obj(role), other, expected="123456789012") == other


async def test_recorded_account_is_kept() -> None:
    """The same account may go on."""
    assert await identify(obj(effective=RECORDED), IDENTITY) == IDENTITY


@pytest.mark.parametrize(
    ("identity", "spec", "said"),
    [
        (CallerIdentity("999999999999", "aws"), {}, "account 999999999999"),
        (CallerIdentity("123456789012", "aws-cn"), {}, "partition aws-cn"),
        (IDENTITY, {"region": "us-east-1"}, "spec.region is us-east-1"),
    ],
)
async def test_another_account_stops_the_reconcile(
    identity: CallerIdentity, spec: dict[str, Any], said: str
) -> None:
    """AccountMismatch after the one question about the identity, with the remedy."""
    blocker = await identify(obj(spec, RECORDED), identity)
    assert isinstance(blocker, Blocker)
    assert blocker.reason is Reason.ACCOUNT_MISMATCH
    assert said in blocker.message
    assert "give the operator a credential of account 123456789012" in blocker.message


@pytest.mark.parametrize(
    ("code", "category", "reason"),
    [
        ("ExpiredToken", Category.ACCESS_DENIED, Reason.CREDENTIALS_INVALID),
        ("InvalidClientTokenId", Category.ACCESS_DENIED, Reason.CREDENTIALS_INVALID),
        ("Unheard", Category.UNRECOGNIZED, Reason.UNKNOWN_ANSWER),
        ("AccessDenied", Category.ACCESS_DENIED, Reason.ACCESS_DENIED),
        ("Throttling", Category.THROTTLED, Reason.THROTTLED),
        ("NoRegion", Category.INVALID, Reason.INVALID),
        ("EndpointUnreachable", Category.TRANSIENT, Reason.TRANSIENT),
        ("Whatever", Category.CONFLICT, Reason.TRANSIENT),
    ],
)
async def test_credential_that_fails_is_a_blocker(
    code: str, category: Category, reason: Reason
) -> None:
    """The reason says whether a person must renew it."""
    error = AwsError(service="sts", operation="o", code=code, text="said AWS", category=category)
    blocker = await identify(obj(), error)
    assert isinstance(blocker, Blocker)
    assert blocker.reason is reason
    assert "said AWS" in blocker.message
    assert ("renew the operator's AWS credential" in blocker.message) == (
        reason is Reason.CREDENTIALS_INVALID
    )


def test_names_and_place_are_decided_once() -> None:
    """Everything that later reconciles rely on is recorded."""
    found = decide_effective(obj({"region": "us-east-1"}), IDENTITY, config())
    assert (found.cluster, found.instance) == ("cluster-1", "test")
    assert (found.account, found.partition, found.region) == ("123456789012", "aws", "us-east-1")
    assert found.base.startswith("web-")
    assert found.names["stream"] == f"{found.base}-events"
    assert found.names["archive"].endswith("-123456789012-us-east-1-an")
    again = decide_effective(obj({"region": "us-east-1"}), IDENTITY, config())
    assert again == found


def test_unreadable_spec_names_its_fields() -> None:
    """A CRD of another version than the operator."""
    with pytest.raises(InvalidSpec, match=r"different versions.*stream\.shards"):
        obj({"stream": {"shards": "many"}})


def test_zstd_needs_a_runtime_that_has_it() -> None:
    """Before a write: field, setting and both remedies."""
    asks = obj({"archive": {"compression": "Zstd"}})
    assert first_blocker(APPLY_CHECKS, asks, config()) is None
    blocker = first_blocker(APPLY_CHECKS, asks, config(function_runtime="python3.12"))
    assert blocker is not None
    assert blocker.reason is Reason.INVALID
    assert "spec.archive.compression" in blocker.message
    assert "CLICKSTREAM_FUNCTION_RUNTIME" in blocker.message
    assert first_blocker(APPLY_CHECKS, obj(), config(function_runtime="python3.12")) is None


def recorded(**changes: Any) -> dict[str, Any]:
    """What is on record of the pipeline shop/web, changed."""
    effective = decide_effective(obj(), IDENTITY, config()).model_dump(by_alias=True)
    return {**effective, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"base": "web-abcdefgh"},
        {"cluster": "cluster-2"},
        {"names": {"stream": "payroll-events"}},
        {"names": {"archive": "payroll-data"}},
        {"names": {"counters-table": "billing-ledger"}},
        {"names": {"processor": "their-function"}},
        {"names": {"hash-key": "/theirs"}},
        {"names": {"alerts": "their-topic"}},
    ],
)
@pytest.mark.parametrize("checks", [APPLY_CHECKS, DELETION_CHECKS])
def test_a_forged_record_is_refused(checks: tuple[Check, ...], changes: dict[str, Any]) -> None:
    """Names that neither follow from the object nor stand in its spec; deletions included."""
    blocker = first_blocker(checks, obj(effective=recorded(**changes)), config())
    assert blocker is not None
    assert blocker.reason is Reason.OWNERSHIP_CONFLICT
    assert "status.effective" in blocker.message
    assert "nothing was touched" in blocker.message
    assert "force-delete=true" in blocker.message


@pytest.mark.parametrize("checks", [APPLY_CHECKS, DELETION_CHECKS])
def test_a_record_of_another_namespace_is_refused(checks: tuple[Check, ...]) -> None:
    """A backup that is restored under another namespace owns nothing of the original."""
    copied = replace(obj(effective=recorded()), key=ObjectKey("staging", "web"))
    blocker = first_blocker(checks, copied, config())
    assert blocker is not None
    assert blocker.reason is Reason.OWNERSHIP_CONFLICT
    assert first_blocker(checks, obj(effective=recorded()), config()) is None


def test_a_record_of_a_former_cluster_needs_the_setting() -> None:
    """After a move the administrator says whose pipelines are this cluster's now."""
    base = names.base_name(cluster="old", namespace="shop", name="web")
    moved = obj(effective={**RECORDED, "cluster": "old", "base": base})
    assert first_blocker(APPLY_CHECKS, moved, config()) is not None
    tenants = TenantsSource.fixed(Tenants(former_clusters=("old",)))
    assert first_blocker(APPLY_CHECKS, moved, config(tenants=tenants)) is None


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("stream", "late-y7tjhhy6-events"),
        ("countersTable", "late-y7tjhhy6-counters"),
        ("pageMetricsTable", "a-b-y7tjhhy6-page-metrics"),
        ("sessionMetricsTable", "late-y7tjhhy6-session-metrics"),
        ("archiveBucket", "late-y7tjhhy6-archive-123456789012-eu-west-1"),
    ],
)
def test_no_chosen_name_has_the_form_of_a_derived_one(field: str, name: str) -> None:
    """It may be somebody's future name; an older pipeline of the cluster needs no luck."""
    asks = obj({"names": {field: name}})
    blocker = chosen_names_are_free(asks, config())
    assert blocker is not None
    assert blocker.reason is Reason.NOT_ALLOWED
    assert blocker.message.startswith(f"spec.names.{field} {name}")
    assert "tenants[].adopt" in blocker.message
    assert chosen_names_are_free(asks, config(tenants=granted(adopt=(name,)))) is None


def test_its_own_derived_name_may_be_chosen() -> None:
    """Nobody else derives it."""
    own = recorded()["names"]["counters-table"]
    assert chosen_names_are_free(obj({"names": {"countersTable": own}}), config()) is None
