"""Which of two pipelines may have a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Effective, Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile import name_conflicts as claims
from clickstream_operator.reconcile.name_conflicts import Claim, conflict_with

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def claim(
    name: str,
    *,
    age: int = 0,
    recorded: bool = True,
    account: str = "123456789012",
    region: str = "eu-west-1",
    given: dict[str, str] | None = None,
) -> Claim:
    """The claim of a pipeline that is `age` seconds old at noon."""
    base = f"{name}-abcdefgh"
    physical = names.physical_names(
        base=base,
        place=AwsLocation("aws", region, account),
        spec=Spec.model_validate({"names": given or {}}),
        account_regional=False,
    )
    effective = Effective(
        cluster="c",
        instance="i",
        account=account,
        partition="aws",
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
