"""Which of two pipelines may have a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Effective, Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.kube.objects import ObjectKey, parse
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile import name_conflicts as claims
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.name_conflicts import (
    Claim,
    competing_claims,
    conflict_with,
    may_conflict,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def claim(
    name: str,
    *,
    age: int = 0,
    recorded: bool = True,
    account: str = "123456789012",
    region: str = "eu-west-1",
    partition: str = "aws",
    given: dict[str, str] | None = None,
) -> Claim:
    """The claim of a pipeline that is `age` seconds old at noon."""
    base = f"{name}-abcdefgh"
    physical = names.physical_names(
        base=base,
        place=AwsLocation(partition, region, account),
        spec=Spec.model_validate({"names": given or {}}),
        account_regional=False,
    )
    effective = Effective(
        cluster="c",
        instance="i",
        account=account,
        partition=partition,
        region=region,
        base=base,
        names=dict(physical),
    )
    return Claim(
        ObjectKey("shop", name), NOON - timedelta(seconds=age), effective, recorded=recorded
    )


SHARED = {"stream": "shared"}


def test_older_one_wins() -> None:
    """Either order of asking gives one winner."""
    old, young = claim("b", age=9, given=SHARED), claim("a", given=SHARED)
    assert conflict_with(old, [young]) is None
    blocker = conflict_with(young, [old])
    assert blocker is not None
    assert blocker.reason is Reason.OWNERSHIP_CONFLICT
    assert blocker.message.startswith("spec.names.stream shared is of pipeline shop/b, ")


def test_of_one_second_the_one_that_began_then_the_first_by_name() -> None:
    """Kubernetes keeps whole seconds; exactly one of two wins."""
    one, two = claim("a", given=SHARED), claim("b", given=SHARED)
    assert conflict_with(one, [two]) is None
    assert conflict_with(two, [one]) is not None
    waiting = replace(one, recorded=False)
    assert conflict_with(waiting, [two]) is not None
    assert conflict_with(two, [waiting]) is None


def test_names_of_other_places_are_other_things() -> None:
    """Streams and tables belong to an account and a region, buckets to everybody."""
    here = claim("a", given=SHARED)
    assert conflict_with(here, [claim("b", age=9, given=SHARED, region="eu-west-2")]) is None
    assert conflict_with(here, [claim("b", age=9, given=SHARED, account="210987654321")]) is None
    bucket = {"archiveBucket": "shared-bucket"}
    far = claim("b", age=9, given=bucket, region="us-east-1", account="210987654321")
    blocker = conflict_with(claim("a", given=bucket), [far])
    assert blocker is not None
    assert "spec.names.archiveBucket shared-bucket" in blocker.message
    china = claim("b", age=9, given=bucket, region="cn-north-1", partition="aws-cn")
    assert conflict_with(claim("a", given=bucket), [china]) is None


@pytest.mark.parametrize(
    "field",
    ["stream", "archiveBucket", "pageMetricsTable", "sessionMetricsTable", "countersTable"],
)
def test_the_oldest_of_the_others_and_the_field_are_named(field: str) -> None:
    """Whoever else waits for the name as well; one that is no older is not in the way."""
    given = {field: "shared"}
    mine = claim("a", age=5, given=given)
    others = [claim("c", age=7, given=given), claim("b", age=9, given=given)]
    blocker = conflict_with(mine, [claim("young", given=given), *others, mine])
    assert blocker is not None
    assert blocker.message.startswith(f"spec.names.{field} shared is of pipeline shop/b, ")


def test_tables_share_one_space_of_names() -> None:
    """A table of one kind is in the way of another kind's."""
    old = claim("b", age=9, given={"countersTable": "shared"})
    assert conflict_with(claim("a", given={"pageMetricsTable": "shared"}), [old]) is not None
    assert conflict_with(claim("a", given={"stream": "shared"}), [old]) is None


@pytest.mark.parametrize("age", [0, 9])
def test_different_names_never_meet(age: int) -> None:
    """Pipelines without given names do not know each other."""
    assert conflict_with(claim("a"), [claim("b", age=age)]) is None


def test_one_name_for_two_tables_is_a_fault_of_the_spec() -> None:
    """Both would be one table with two key schemas."""
    twice = {"countersTable": "same", "sessionMetricsTable": "same"}
    blocker = conflict_with(claim("a", given=twice), [])
    assert blocker is not None
    assert blocker.reason is Reason.INVALID


def test_a_minute_is_the_longest_wait() -> None:
    """A name that becomes free is noticed soon."""
    assert claims.RECHECK_SECONDS <= 60


def test_a_bucket_name_of_another_namespace_is_refused_before_a_write() -> None:
    """The field, why S3 refuses it, and what to do."""
    mine = claim("web", given={"archiveBucket": "clicks-123456789012-us-east-1-an"})
    blocker = conflict_with(mine, [])
    assert blocker is not None
    assert blocker.reason is Reason.INVALID
    assert "spec.names.archiveBucket" in blocker.message
    good = claim("web", given={"archiveBucket": "clicks-123456789012-eu-west-1-an"})
    assert conflict_with(good, []) is None


def body(name: str, spec: dict[str, Any], *resources: dict[str, Any]) -> dict[str, Any]:
    """A pipeline as the API server has it, with these lines in its inventory."""
    lines = [{"name": "stream", "kind": "KinesisStream", **one} for one in resources]
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-of-{name}",
            "generation": 1,
            "creationTimestamp": "2026-11-23T12:00:00Z",
        },
        "spec": spec,
        "status": {"resources": lines},
    }


@pytest.mark.parametrize(
    ("spec", "lines", "expected"),
    [
        ({}, [], False),
        ({"names": SHARED}, [], True),
        ({"names": SHARED}, [{"physicalName": "shared"}], True),
        ({"names": SHARED}, [{"physicalName": "shared", "state": "Blocked"}], True),
        ({"names": SHARED}, [{}, {"arn": "arn:aws:kinesis:x"}], False),
        ({"names": SHARED}, [{"appliedHash": "abc"}, {}], False),
        ({}, [{"physicalName": "derived"}], False),
    ],
    ids=["derived", "new", "recorded", "blocked", "created", "applied", "derived-recorded"],
)
def test_a_pipeline_is_compared_until_it_has_begun_to_use_its_names(
    spec: dict[str, Any], lines: list[dict[str, Any]], *, expected: bool
) -> None:
    """Names on record prove nothing: another pipeline may have the resource behind them."""
    obj = parse(ObjectKey("shop", "web"), body("web", spec, *lines))
    assert may_conflict(obj) is expected


def test_claims_are_of_the_other_pipelines_that_can_be_read() -> None:
    """Not its own; one that this version can't read claims nothing, and stops nobody else."""
    mine = body("web", {"names": SHARED})
    bodies = [
        mine,
        body("unreadable", {"stream": {"shards": "many"}}),
        body("other", {"names": SHARED}),
        {**body("web", {"names": SHARED}), "metadata": {**mine["metadata"], "namespace": "b"}},
    ]
    config = OperatorConfig(
        cluster="c",
        instance="i",
        default_region="eu-west-1",
        account_regional_buckets=False,
        packages={},
    )
    found = competing_claims(
        parse(ObjectKey("shop", "web"), mine), bodies, CallerIdentity("123456789012", "aws"), config
    )
    assert [one.key for one in found] == [ObjectKey("shop", "other"), ObjectKey("b", "web")]
    assert {one.effective.names["stream"] for one in found} == {"shared"}
    assert not any(one.recorded for one in found)


@pytest.mark.parametrize("age", [0, 9])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_derived_name_beats_a_chosen_one(age: int, *, recorded: bool) -> None:
    """Whatever the age, and whether or not it has begun: a suspended one has not."""
    evil = claim("evil", age=5, recorded=recorded, given={"countersTable": "web-abcdefgh-counters"})
    victim = claim("web", age=age)
    assert conflict_with(victim, [evil]) is None
    blocker = conflict_with(evil, [victim])
    assert blocker is not None
    assert blocker.reason is Reason.OWNERSHIP_CONFLICT
    assert "spec.names.countersTable web-abcdefgh-counters" in blocker.message


def test_other_namespaces_are_not_named() -> None:
    """Their pipelines are none of this one's business."""
    other = replace(claim("b", age=9, given=SHARED), key=ObjectKey("secret", "b"))
    blocker = conflict_with(claim("a", given=SHARED), [other])
    assert blocker is not None
    assert "secret" not in blocker.message
    assert "of a pipeline of another namespace" in blocker.message
