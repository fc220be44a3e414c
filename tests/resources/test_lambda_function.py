"""Lambda function: code and configuration one after the other, and every state it can be in."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.outputs import OutputPending, output
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Phase,
    failed,
)
from clickstream_operator.resources.lambda_function import (
    FunctionPackage,
    LambdaFunction,
    _configuration_properties,
    _readiness,
)
from tests.resources.conftest import TAGS, Cloud, DeleteTwice
from tests.resources.moto_gaps import GAPS

TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"lambda.amazonaws.com"}}]}'
)


def package(content: str) -> FunctionPackage:
    """A zip with one module."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("handler.py"), content)
    data = buffer.getvalue()
    return FunctionPackage(base64.b64encode(hashlib.sha256(data).digest()).decode(), lambda: data)


def function(cloud: Cloud, **changes: Any) -> LambdaFunction:
    """The processor with the API's defaults, but for `changes`."""
    settings: dict[str, Any] = {
        "role_arn": cloud.place.role("shop-processor"),
        "handler": "processor.handler.handle",
        "runtime": "python3.13",
        "architecture": "arm64",
        "memory_mib": 256,
        "timeout_seconds": 60,
        "environment": {"CLICKSTREAM_CONFIG": "{}"},
        "package": package("one = 1"),
        "description": "Processor of shop",
    }
    return LambdaFunction(
        calls=cloud.calls,
        place=cloud.place,
        name="processor",
        physical_name="shop-processor",
        tags=TAGS,
        **settings | changes,
    )


@pytest.fixture
async def role(cloud: Cloud) -> None:
    """Roles that the functions may have."""
    for name in ("shop-processor", "other"):
        await cloud.session.call(
            "iam",
            "create_role",
            RoleName=name,
            Path="/clickstream/",
            AssumeRolePolicyDocument=TRUST,
        )


@pytest.mark.usefixtures("role")
async def test_creation_settles(cloud: Cloud) -> None:
    """One write, one read, and then rest."""
    one = function(cloud)
    assert await cloud.converge(one) == ["create_function"]
    observed = await cloud.settled(one)
    assert cloud.reads == ["get_function"]
    assert observed.tags == TAGS
    assert observed.arn == cloud.place.function("shop-processor")
    assert observed.outputs["codeSha256"] == package("one = 1").sha256


@pytest.mark.usefixtures("role")
async def test_tags_that_lambda_could_not_read_are_not_missing(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GetFunction succeeds without them and says so: they are read by their own call, or not known.

    A function without tags would be somebody else's.
    """
    one = function(cloud)
    await one.create(one.desired({}))
    call = cloud.session.call

    async def without_tags(service: str, operation: str, /, **parameters: Any) -> Any:
        answer = await call(service, operation, **parameters)
        if operation == "get_function":
            answer.pop("Tags", None)
            answer["TagsError"] = {"ErrorCode": "AccessDeniedException", "Message": "not allowed"}
        return answer

    monkeypatch.setattr(cloud.session, "call", without_tags)
    observed = await cloud.observe(one)
    assert observed.tags is None
    assert await one.read_tags(observed) == TAGS


@pytest.mark.usefixtures("role")
async def test_second_creation_is_refused(cloud: Cloud) -> None:
    """Create-first relies on Lambda refusing a second one."""
    one = function(cloud)
    await one.create(one.desired({}))
    with pytest.raises(AwsError) as raised:
        await one.create(one.desired({}))
    assert raised.value.category is Category.ALREADY_EXISTS


@pytest.mark.usefixtures("role")
@pytest.mark.parametrize(
    ("changes", "path", "operations"),
    [
        ({"handler": "other.handle"}, "handler", ["update_function_configuration"]),
        ({"runtime": "python3.12"}, "runtime", ["update_function_configuration"]),
        ({"memory_mib": 512}, "memoryMiB", ["update_function_configuration"]),
        ({"timeout_seconds": 30}, "timeoutSeconds", ["update_function_configuration"]),
        ({"description": "Another"}, "description", ["update_function_configuration"]),
        ({"environment": {"A": "b"}}, "environment", ["update_function_configuration"]),
        ({"package": package("two = 2")}, "codeSha256", ["update_function_code"]),
        ({"reserved_concurrency": 5}, "reservedConcurrency", ["put_function_concurrency"]),
    ],
)
async def test_each_field_changes_and_comes_back(
    cloud: Cloud, changes: dict[str, Any], path: str, operations: list[str]
) -> None:
    """A changed field is named, takes one call, and reverts."""
    await cloud.converge(function(cloud))
    changed = function(cloud, **changes)
    assert (await cloud.difference(changed)).paths == (path,)
    assert await cloud.converge(changed) == operations
    await cloud.settled(changed)
    assert len(await cloud.converge(function(cloud))) == 1
    await cloud.settled(function(cloud))


@pytest.mark.usefixtures("role")
async def test_role_changes(cloud: Cloud) -> None:
    """A changed role is named and set."""
    await cloud.converge(function(cloud))
    changed = function(cloud, role_arn=cloud.place.role("other"))
    assert (await cloud.difference(changed)).paths == ("roleArn",)
    assert await cloud.converge(changed) == ["update_function_configuration"]


@pytest.mark.usefixtures("role")
async def test_code_and_configuration_are_separate_steps(cloud: Cloud) -> None:
    """Both make the function busy, so one waits for the other."""
    await cloud.converge(function(cloud))
    changed = function(cloud, package=package("two = 2"), memory_mib=512)
    assert await cloud.converge(changed) == [
        "update_function_code",
        "update_function_configuration",
    ]


@pytest.mark.usefixtures("role")
async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """A tag that somebody removed is drift; GetFunction brings the tags."""
    one = function(cloud)
    await cloud.converge(one)
    arn = (await cloud.observe(one)).arn
    await cloud.session.call("lambda", "untag_resource", Resource=arn, TagKeys=["team"])
    assert await cloud.converge(one) == ["tag_resource"]


@pytest.mark.usefixtures("role")
async def test_function_whose_update_failed_takes_another(cloud: Cloud) -> None:
    """A new package ends a failed update."""
    one = function(cloud)
    await cloud.converge(one)
    seen = await cloud.observe(one)
    diff = Diff({"memoryMiB": (128, 256)})
    cloud.forget()
    broken = Observed(seen.arn, seen.properties, failed("FunctionUpdateFailed", "no"))
    await one.update(one.desired({}), broken, diff)
    assert cloud.writes == ["update_function_configuration"]


@pytest.mark.usefixtures("role")
async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = function(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None


def test_environment_waits_for_outputs(cloud: Cloud) -> None:
    """A variable may hold what is known only after another creation."""

    def environment(outputs: Outputs) -> Mapping[str, str]:
        return {"EPOCH": output(outputs, "stream", "epoch")}

    one = function(cloud, environment=environment)
    with pytest.raises(OutputPending):
        one.desired({})
    assert one.desired({"stream": {"epoch": "abc"}})["environment"] == {"EPOCH": "abc"}


def test_log_settings(cloud: Cloud) -> None:
    """Lambda says WARN where the spec says WARNING; text logs have no level."""
    assert GAPS["lambda LoggingConfig"]
    desired = function(cloud, log_level="WARNING").desired({})
    assert desired["logging.level"] == "WARN"
    assert desired["logging.group"] == "/aws/lambda/shop-processor"
    assert "logging.level" not in function(cloud, log_format="Text").desired({})
    seen = _configuration_properties(
        {
            "Role": "r",
            "MemorySize": 128,
            "Timeout": 3,
            "CodeSha256": "c",
            "LoggingConfig": {
                "LogFormat": "JSON",
                "ApplicationLogLevel": "WARN",
                "LogGroup": "/aws/lambda/shop-processor",
            },
        }
    )
    assert {path: seen[path] for path in seen if path.startswith("logging.")} == {
        path: desired[path] for path in desired if path.startswith("logging.")
    }


@pytest.mark.parametrize(
    ("configuration", "phase"),
    [
        ({}, Phase.READY),
        ({"State": "Active", "LastUpdateStatus": "Successful"}, Phase.READY),
        ({"State": "Inactive", "LastUpdateStatus": "Successful"}, Phase.READY),
        ({"State": "Pending", "LastUpdateStatus": "InProgress"}, Phase.PROGRESSING),
        ({"State": "Active", "LastUpdateStatus": "InProgress"}, Phase.PROGRESSING),
        ({"State": "Active", "LastUpdateStatus": "Failed"}, Phase.FAILED),
        ({"State": "Failed", "StateReason": "broken"}, Phase.FAILED),
        ({"State": "ActiveNonInvocable"}, Phase.FAILED),
        ({"State": "Deleting"}, Phase.DELETING),
        ({"State": "Deactivating"}, Phase.DELETING),
    ],
)
def test_states(configuration: dict[str, str], phase: Phase) -> None:
    """Every state that AWS documents."""
    assert _readiness(configuration).phase is phase


def test_package_of_a_file(tmp_path: Path) -> None:
    """The hash is Lambda's CodeSha256."""
    path = tmp_path / "processor.zip"
    path.write_bytes(b"zip")
    one = FunctionPackage.at(path)
    assert one.sha256 == base64.b64encode(hashlib.sha256(b"zip").digest()).decode()
    assert one.load() == b"zip"
