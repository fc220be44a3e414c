"""Roles that the operator assumes: what STS is asked, how often, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clickstream_operator.aws.assume_role import Role
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session_pool import SessionPool

ROLE = Role(
    arn="arn:aws:iam::210987654321:role/clickstream",
    external_id="team-a",
    cluster="cluster-1",
    namespace="team-a",
    pipeline="shop",
)


class Sts:
    """Answers AssumeRole and GetCallerIdentity; everything else is empty."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refuses = False
        self.expires = timedelta(hours=1)

    def __call__(self, client: Any, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """In the place of botocore's own call."""
        if operation == "GetCallerIdentity":
            key = client._request_signer._credentials.access_key
            return {"Account": "2" * 12, "Arn": f"arn:aws:sts::222222222222:assumed-role/{key}/x"}
        assert operation == "AssumeRole"
        self.asked.append(parameters)
        if self.refuses:
            message = "User: a is not authorized to perform: sts:AssumeRole on resource: b"
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, operation)
        return {
            "Credentials": {
                "AccessKeyId": f"KEY{len(self.asked)}",
                "SecretAccessKey": "s",
                "SessionToken": "t",
                "Expiration": datetime.now(UTC) + self.expires,
            },
            "AssumedRoleUser": {"Arn": "arn:aws:sts::210987654321:assumed-role/clickstream/x"},
        }


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Sts:
    """An STS of the test, and a credential to come with."""
    found = Sts()

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        return found(client, operation, parameters)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", call)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "own")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    return found


@pytest.fixture
def sessions() -> Iterator[SessionPool]:
    """At most two at a time."""
    with ThreadPoolExecutor(2) as threads:
        yield SessionPool(most=2, executor=threads, limits=Limits(enabled=False))


async def test_a_role_is_assumed_once_with_its_tags(sts: Sts, sessions: SessionPool) -> None:
    """Name, external id and tags go to STS; a second reconcile asks nothing."""
    for _ in range(3):
        identity = await sessions("eu-west-1", ROLE).identity()
        assert identity.account == "222222222222"
    assert sts.asked == [
        {
            "RoleArn": ROLE.arn,
            "RoleSessionName": "clickstream.team-a.shop",
            "ExternalId": "team-a",
            "Tags": [
                {"Key": "clickstream.dev/cluster", "Value": "cluster-1"},
                {"Key": "clickstream.dev/namespace", "Value": "team-a"},
                {"Key": "clickstream.dev/pipeline", "Value": "shop"},
            ],
        }
    ]


async def test_sessions_are_few_and_credentials_are_kept(sts: Sts, sessions: SessionPool) -> None:
    """Beyond the most the oldest session goes; its credential does not, so STS is not asked."""
    roles = [replace(ROLE, pipeline=f"shop-{number}") for number in range(5)]
    for _ in range(3):
        for role in roles:
            await sessions("eu-west-1", role).identity()
    assert len(sts.asked) == 5
    assert len(sessions._known) == 2
    assert sessions("eu-west-1", roles[-1]) is sessions("eu-west-1", roles[-1])


async def test_a_credential_that_ends_is_renewed(sts: Sts, sessions: SessionPool) -> None:
    """Before it ends, and the account is asked anew with it."""
    sts.expires = timedelta(minutes=1)
    await sessions("eu-west-1", ROLE).identity()
    assert len(sts.asked) > 1


async def test_a_refusal_is_asked_again(sts: Sts, sessions: SessionPool) -> None:
    """The error names STS's words; when the trust policy is mended the next reconcile works."""
    sts.refuses = True
    for _ in range(2):
        with pytest.raises(AwsError, match=r"not authorized to perform: sts:AssumeRole") as caught:
            await sessions("eu-west-1", ROLE).identity()
        assert caught.value.category is Category.ACCESS_DENIED
        assert (caught.value.service, caught.value.operation) == ("sts", "assume_role")
    sts.refuses = False
    await sessions("eu-west-1", ROLE).identity()


@pytest.mark.parametrize(
    ("namespace", "pipeline", "name"),
    [
        ("team-a", "shop", "clickstream.team-a.shop"),
        ("n" * 63, "shop", f"clickstream.{'n' * 52}"),
    ],
)
def test_session_names_fit(namespace: str, pipeline: str, name: str) -> None:
    """AWS takes 2 to 64 characters."""
    assert replace(ROLE, namespace=namespace, pipeline=pipeline).session_name == name
