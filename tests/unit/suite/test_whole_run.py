"""The judgement over a whole run: what is missing, what is too much, what is told."""

from __future__ import annotations

from tests import whole_run
from tests.rbac_uses import Use, uses

RULES: set[Use] = {
    ("clickstream.dev", "clickstreampipelines", "get", "*", "*"),
    ("coordination.k8s.io", "leases", "update", "clickstream-system", "clickstream-operator"),
}
GET = ("clickstream.dev", "clickstreampipelines", "get", "default", "shop")
RENEW = ("coordination.k8s.io", "leases", "update", "elsewhere", "clickstream-operator")


def test_actions_are_compared_both_ways() -> None:
    """Needed and not allowed, allowed and not needed; what is rare need not be met."""
    rare = next(iter(whole_run.RARE))
    assert whole_run.aws_problems({"s3:A"}, {"s3:A", rare}) == []
    assert whole_run.aws_problems({"s3:A", "s3:B"}, {"s3:A", "s3:C", rare}) == [
        "IAM: s3:B was needed, and the policy lacks it",
        "IAM: s3:C is allowed, and no test needed it",
    ]
    assert "said to be rare" in whole_run.aws_problems({rare}, {rare})[0]


def test_requests_are_compared_both_ways() -> None:
    """An operator's own Lease may be in any namespace; nobody else's is its business."""
    assert whole_run.rbac_problems([("elsewhere", GET), ("elsewhere", RENEW)], RULES) == []
    unused, missing = whole_run.rbac_problems([("other", GET), ("other", RENEW)], RULES)
    assert unused.endswith(
        "leases update clickstream-system clickstream-operator is granted, and no test used it"
    )
    assert "leases update elsewhere clickstream-operator was tried from other" in missing


def test_what_is_shipped_is_read() -> None:
    """Both documents, as they are in the repository."""
    assert {"kinesis:CreateStream", "iam:PassRole"} < whole_run.shipped_actions()
    assert ("clickstream.dev", "clickstreampipelines", "watch", "*", "*") in (
        whole_run.shipped_rules()
    )


def test_a_request_of_nobody_is_nobodys() -> None:
    """A server that is stopped logs what it did not authenticate any more, without a name."""
    reference = {"resource": "leases", "apiGroup": "coordination.k8s.io", "namespace": "default"}
    log = [
        {"verb": "get", "user": {}, "objectRef": reference},
        {"verb": "get", "user": {"username": "operator"}, "objectRef": reference},
    ]
    assert uses(log, "operator") == {
        "operator": {("coordination.k8s.io", "leases", "get", "default", "")}
    }
    assert uses(log, ".*").keys() == {"", "operator"}
