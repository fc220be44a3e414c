"""`doctor`: findings about an account, from answers as AWS gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.read_only import Credential
from clickstream_operator.cli import account_checks as checks
from clickstream_operator.cli import iam_documents, simulation
from clickstream_operator.cli.aws import told
from clickstream_operator.cli.findings import Finding, Level

PLACED = Effective(
    account="1" * 12,
    region="eu-west-1",
    names={
        "stream": "clicks", "archive": "bucket", "processor-role": "p", "detector-role": "d",
        "scheduler-role": "s",
    },
)  # fmt: skip
Answer = Mapping[str, Any] | AwsError


def error(code: str, category: Category = Category.ACCESS_DENIED) -> AwsError:
    """A refusal of AWS."""
    return AwsError(service="x", operation="y", code=code, text=f"{code} said", category=category)


class Aws:
    """A session that answers from a table by operation, and notes what it is asked."""

    region = "eu-west-1"

    def __init__(self, answers: Mapping[str, Answer], endpoint: str = "") -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._endpoint = endpoint or "https://kinesis.eu-west-1.amazonaws.com"

    async def call(self, _service: str, operation: str, /, **parameters: Any) -> Mapping[str, Any]:
        """The answer."""
        self.calls.append((operation, parameters))
        answer = self.answers[operation]
        if isinstance(answer, AwsError):
            raise answer
        return answer

    async def credential(self) -> Credential:
        """Whose credential it is."""
        return Credential("arn:aws:iam::111111111111:user/ann", "env")

    def endpoint(self, _service: str) -> str:
        """Where requests go."""
        return self._endpoint


def found(work: Callable[[Any], Any], aws: Aws) -> Any:
    """What a check finds."""

    async def whole() -> Any:
        result = work(aws)
        return [one async for one in result] if hasattr(result, "__aiter__") else await result

    return asyncio.run(whole())


@pytest.mark.parametrize(
    ("answer", "level", "said"),
    [
        (error("DryRunOperationException", Category.UNRECOGNIZED), Level.OK, "may send to clicks"),
        (error("AccessDeniedException"), Level.FAIL, "allow it kinesis:PutRecord"),
        (error("ThrottlingException", Category.THROTTLED), Level.WARN, "could not be looked at"),
        ({"ShardId": "shardId-0"}, Level.WARN, "did not heed DryRun"),
    ],
)
def test_the_right_to_send_is_asked_in_a_dry_run(answer: Answer, level: Level, said: str) -> None:
    """Kinesis refuses a dry run that would succeed by a code of its own."""
    aws = Aws({"put_record": answer})
    finding: Finding = found(lambda one: checks.send_finding(one, PLACED), aws)
    assert finding.level is level
    assert said in f"{finding.says}; {finding.remedy}"
    assert [(name, given["DryRun"]) for name, given in aws.calls] == [("put_record", True)]


def test_an_emulator_is_sent_no_dry_run() -> None:
    """One that does not know DryRun would put the record."""
    aws = Aws({}, endpoint="http://127.0.0.1:4566")
    assert found(lambda one: checks.send_finding(one, PLACED), aws).level is Level.WARN
    assert aws.calls == []


@pytest.mark.parametrize(
    ("account", "level"), [("", Level.OK), ("1" * 12, Level.OK), ("2" * 12, Level.FAIL)]
)
def test_a_credential_of_another_account_fails(account: str, level: Level) -> None:
    """It says whose it is and from where."""
    finding = found(lambda one: checks.credential_finding(one, account), Aws({}))
    assert finding.level is level
    assert "arn:aws:iam::111111111111:user/ann, from env" in finding.says


def quotas(**changed: int) -> dict[str, Answer]:
    """Answers about quotas."""
    have = {"shards": 1, "unreserved": 900, "roles": 10, **changed}
    return {
        "describe_limits": {"ShardLimit": 10, "OpenShardCount": have["shards"]},
        "get_account_settings": {
            "AccountLimit": {
                "ConcurrentExecutions": 1000,
                "UnreservedConcurrentExecutions": have["unreserved"],
            }
        },
        "get_account_summary": {"SummaryMap": {"RolesQuota": 1000, "Roles": have["roles"]}},
    }


@pytest.mark.parametrize(
    ("changed", "levels"),
    [
        ({}, [Level.OK, Level.OK, Level.OK]),
        ({"shards": 9}, [Level.FAIL, Level.OK, Level.OK]),
        ({"unreserved": 100}, [Level.OK, Level.WARN, Level.OK]),
        ({"roles": 998}, [Level.OK, Level.OK, Level.FAIL]),
    ],
)
def test_quotas_that_would_be_missed_are_told(changed: dict[str, int], levels: list[Level]) -> None:
    """For two more shards and one more pipeline."""
    work = lambda one: checks.account_findings(one, shards=2, new=1)  # noqa: E731
    assert [one.level for one in found(work, Aws(quotas(**changed)))] == levels


def test_a_quota_that_may_not_be_read_is_no_reason_to_stop() -> None:
    """The others are looked at all the same."""
    aws = Aws({**quotas(), "describe_limits": error("AccessDenied")})
    levels = [
        one.level for one in found(lambda one: checks.account_findings(one, shards=2, new=1), aws)
    ]
    assert levels == [Level.WARN, Level.OK, Level.OK]


@pytest.mark.parametrize(
    ("bucket", "mine", "level"),
    [
        (error("404", Category.NOT_FOUND), set(), Level.OK),
        (error("404", Category.NOT_FOUND), {"archive"}, Level.WARN),
        (error("403"), set(), Level.FAIL),
        ({}, {"archive"}, Level.OK),
        ({}, set(), Level.FAIL),
    ],
)
def test_names_are_free_or_the_pipelines_own(bucket: Answer, mine: set[str], level: Level) -> None:
    """A bucket of another account answers 403."""
    missing = error("NoSuchEntity", Category.NOT_FOUND)
    aws = Aws({"head_bucket": bucket, "get_role": missing})
    findings = found(lambda one: checks.name_findings(one, PLACED, mine=mine), aws)
    assert findings[0].level is level
    assert [one.level for one in findings[1:]] == [Level.OK] * 3


def test_every_action_of_the_policy_is_simulated_on_a_resource_that_it_names() -> None:
    """With the values of its conditions, and no pattern, which the simulator would refuse."""
    aws = Aws({"simulate_principal_policy": {"EvaluationResults": []}})
    policy = iam_documents.operator_policy()
    role = "arn:aws:iam::111111111111:role/op"
    findings = found(lambda one: simulation.findings(one, policy, principal=role), aws)
    assert [one.level for one in findings] == [Level.OK]
    asked = [given for _, given in aws.calls]
    actions = sorted(action for one in policy["Statement"] for action in one["Action"])
    assert sorted(action for one in asked for action in one["ActionNames"]) == actions
    for one in asked:
        services = {action.partition(":")[0] for action in one["ActionNames"]}
        assert len(services) == 1
        assert {arn.split(":")[2] for arn in one["ResourceArns"] if arn != "*"} <= services
        values = [value for each in one["ContextEntries"] for value in each["ContextKeyValues"]]
        assert not [value for value in values if "*" in value or "$" in value]
    arns = {arn for one in asked for arn in one["ResourceArns"]}
    assert not [arn for arn in arns - {"*"} if "*" in arn or "?" in arn]
    passed = next(one for one in asked if "iam:PassRole" in one["ActionNames"])
    assert passed["ContextEntries"] == [
        {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyType": "string",
            "ContextKeyValues": ["lambda.amazonaws.com"],
        }
    ]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"EvalDecision": "implicitDeny"}, "attach the policy that `iam policy` prints"),
        ({"EvalDecision": "explicitDeny"}, "take that statement away"),
        (
            {
                "EvalDecision": "explicitDeny",
                "OrganizationsDecisionDetail": {"AllowedByOrganizations": False},
            },
            "ask those who manage the organization",
        ),
        (
            {
                "EvalDecision": "implicitDeny",
                "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
            },
            "widen the boundary",
        ),
    ],
)
def test_a_denied_action_is_told_with_who_can_lift_it(result: dict[str, Any], said: str) -> None:
    """Once for each action, however many resources are denied."""
    one = {"EvalActionName": "s3:PutObject", "EvalResourceName": "arn:b", **result}
    allowed = {"EvalActionName": "s3:GetObject", "EvalDecision": "allowed"}
    (denial,) = simulation.read_denials([one, one, allowed])
    assert denial.finding().level is Level.FAIL
    assert denial.finding().remedy == said


@pytest.mark.parametrize(
    ("identity", "source"),
    [
        ("arn:aws:sts::1:assumed-role/ops/session", "arn:aws:iam::1:role/ops"),
        ("arn:aws:iam::1:user/ann", "arn:aws:iam::1:user/ann"),
        ("arn:aws:iam::1:root", ""),
    ],
)
def test_the_role_behind_a_session_is_simulated(identity: str, source: str) -> None:
    """The root user can't be."""
    assert simulation.source_of(identity) == source


@pytest.mark.parametrize(
    ("category", "remedy"),
    [
        (Category.ACCESS_DENIED, "allow it to your own credential"),
        (Category.THROTTLED, "run it again"),
        (Category.TRANSIENT, "run it again"),
    ],
)
def test_a_refusal_of_aws_is_told_to_a_person(category: Category, remedy: str) -> None:
    """Not as the operator tells it, which uses a role and tries again by itself."""
    refusal = AwsError(
        service="dynamodb", operation="query", code="Code", text="words", category=category,
        remedy="allow it to the role that the operator uses",
    )  # fmt: skip
    assert str(told(refusal)) == f"dynamodb:query failed with Code: words; {remedy}"
