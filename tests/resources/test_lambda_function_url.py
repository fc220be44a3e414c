"""Function URL: open to everybody by two permissions, CORS as the spec says, nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.resources.lambda_function_url import FunctionUrl
from tests.resources.conftest import Cloud, DeleteTwice
from tests.resources.moto_gaps import make_conditions_of_permissions

NAME = "shop-collector"
ORIGIN = "https://www.example.com"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@pytest.fixture(autouse=True)
def conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What moto leaves out of permissions."""
    make_conditions_of_permissions(monkeypatch)


async def function(cloud: Cloud) -> None:
    """Make the function that the URL is of."""
    role = await cloud.session.call(
        "iam", "create_role", RoleName=NAME, AssumeRolePolicyDocument=TRUST
    )
    await cloud.session.call(
        "lambda",
        "create_function",
        FunctionName=NAME,
        Role=role["Role"]["Arn"],
        Runtime="python3.13",
        Handler="collector.handler.handle",
        Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
    )


def url(cloud: Cloud, *origins: str) -> FunctionUrl:
    """The URL of the collector, with the origins or the usual one."""
    return FunctionUrl(
        calls=cloud.calls,
        place=cloud.place,
        origins=origins or (ORIGIN,),
        name="collector-url",
        physical_name=NAME,
    )


async def policy(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """The statements of the function's policy by id."""
    answer = await cloud.session.call("lambda", "get_policy", FunctionName=NAME)
    return {one["Sid"]: one for one in json.loads(answer["Policy"])["Statement"]}


async def test_creation_settles(cloud: Cloud) -> None:
    """The URL first, then both permissions; then rest with two reads."""
    await function(cloud)
    one = url(cloud)
    assert await cloud.converge(one) == [
        "create_function_url_config",
        "add_permission",
        "add_permission",
    ]
    observed = await cloud.settled(one)
    assert cloud.reads == ["get_function_url_config", "get_policy"]
    assert observed.outputs["url"].startswith("https://")
    found = await policy(cloud)
    assert found["clickstream-url"]["Action"] == "lambda:InvokeFunctionUrl"
    assert found["clickstream-url"]["Condition"] == {
        "StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}
    }
    assert found["clickstream-function"]["Action"] == "lambda:InvokeFunction"
    assert found["clickstream-function"]["Condition"] == {
        "Bool": {"lambda:InvokedViaFunctionUrl": "true"}
    }


async def test_a_pattern_among_the_origins_allows_all_in_cors(cloud: Cloud) -> None:
    """Since Lambda knows no patterns; the function itself refuses others."""
    await function(cloud)
    await cloud.converge(url(cloud, ORIGIN, "https://*.example.org"))
    answer = await cloud.session.call("lambda", "get_function_url_config", FunctionName=NAME)
    assert answer["Cors"]["AllowOrigins"] == ["*"]


async def test_a_change_of_origins_is_one_write(cloud: Cloud) -> None:
    """The permissions stay as they are."""
    await function(cloud)
    await cloud.converge(url(cloud))
    assert await cloud.converge(url(cloud, "https://shop.example.com")) == [
        "update_function_url_config"
    ]
    await cloud.settled(url(cloud, "https://shop.example.com"))


async def test_everything_that_somebody_changed_is_found_and_set_back(cloud: Cloud) -> None:
    """In one write, and the permissions stay. moto keeps no change of the mode (`moto_gaps`)."""
    await function(cloud)
    one = url(cloud)
    await cloud.converge(one)
    await cloud.session.call(
        "lambda",
        "update_function_url_config",
        FunctionName=NAME,
        AuthType="AWS_IAM",
        InvokeMode="RESPONSE_STREAM",
        Cors={
            "AllowOrigins": ["https://other.example"],
            "AllowMethods": ["GET"],
            "AllowHeaders": ["x-other"],
            "AllowCredentials": True,
            "MaxAge": 7,
        },
    )
    found = set((await cloud.difference(one)).fields)
    assert found == set(one.desired({})) - {"permissions", "invokeMode"}
    assert await cloud.converge(one) == ["update_function_url_config"]
    await cloud.settled(one)


@pytest.mark.parametrize("statement", ["clickstream-url", "clickstream-function"])
async def test_a_permission_that_somebody_took_comes_back(cloud: Cloud, statement: str) -> None:
    """Alone."""
    await function(cloud)
    one = url(cloud)
    await cloud.converge(one)
    await cloud.session.call(
        "lambda", "remove_permission", FunctionName=NAME, StatementId=statement
    )
    assert set((await cloud.difference(one)).fields) == {"permissions"}
    assert await cloud.converge(one) == ["add_permission"]


async def test_statements_of_others_stay(cloud: Cloud) -> None:
    """One whose id is ours and whose words are not is replaced."""
    await function(cloud)
    one = url(cloud)
    await cloud.converge(one)
    for sid in ("theirs", "clickstream-wide"):
        await cloud.session.call(
            "lambda",
            "add_permission",
            FunctionName=NAME,
            StatementId=sid,
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
        )
    assert await cloud.converge(one) == ["remove_permission"]
    assert set(await policy(cloud)) == {"theirs", "clickstream-url", "clickstream-function"}
    await one.delete(await cloud.observe(one))
    assert set(await policy(cloud)) == {"theirs"}


async def test_second_creation_is_refused(cloud: Cloud) -> None:
    """Create-first relies on Lambda refusing a second one."""
    await function(cloud)
    one = url(cloud)
    await one.create(one.desired({}))
    try:
        await one.create(one.desired({}))
    except AwsError as error:
        assert error.category is Category.ALREADY_EXISTS  # noqa: PT017 - moto takes it


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Nothing is left, and a second deletion fails nothing; nor is there one without function."""
    await function(cloud)
    one = url(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None
    await cloud.session.call("lambda", "delete_function", FunctionName=NAME)
    cloud.forget()
    assert await one.observe(full=True) is None
