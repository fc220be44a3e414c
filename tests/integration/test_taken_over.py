"""Objects and AWS state that the version before made: this one writes function code, if anything.

The state is made by the writes that the version before sent, and the object gets the status that it
left: ``tests/fixtures/upgrade/``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from clickstream_operator.api.v1alpha1 import FINALIZER
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.pipeline import packages, role_policies
from clickstream_operator.resources.kinesis_stream import epoch
from sandbox import Sandbox
from sandbox.operator_process import PACKAGES
from tests.integration.pilot import Pilot, empty_aws, run
from tests.integration.recorded_writes import rename, replay
from tests.integration.upgrade_fixture import FOLDER

#: After everything that the fixture's statuses tell of.
AFTER = 10_000.0
#: Two resyncs of three observe the fast properties, every third all.
RESYNCS = 4


def client(pilot: Pilot, service: str) -> Any:
    """A client on the operator's way to AWS: the address is in the URLs of queues."""
    endpoint = pilot.sandbox.aws_endpoint
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=pilot.account,
        aws_secret_access_key=pilot.secret,
    )


def new_epoch(pilot: Pilot, write: dict[str, Any], old: str) -> dict[str, str]:
    """The functions are told when their stream was created, which was now."""
    if write["operation"] != "create_stream":
        return {}
    name = write["parameters"]["StreamName"]
    about = client(pilot, "kinesis").describe_stream_summary(StreamName=name)
    created = about["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    return {old: epoch(created)}


@pytest.fixture
def restored(installed: Sandbox, request: pytest.FixtureRequest) -> Iterator[Pilot]:
    """The operator of now, with the pipeline and the AWS of the version before."""
    fixture = json.loads((FOLDER / f"{request.param}.json").read_text())
    body = fixture["object"]
    # What has been made long ago is there at once.
    with empty_aws(installed, plain=True):
        pilot = Pilot(installed, name=body["metadata"]["name"], started_at=AFTER)
        pilot.apply(body["spec"], finalizers=[FINALIZER])
        new = pilot.body()
        assert new is not None
        renamed = {body["metadata"]["uid"]: new["metadata"]["uid"]}
        zips = {name: one.load() for name, one in packages.load(PACKAGES).items()}
        replay(
            fixture["writes"],
            lambda service: client(pilot, service),
            zips,
            renamed,
            lambda write: new_epoch(pilot, write, fixture["outputs"]["stream"]["epoch"]),
        )
        status = json.dumps({"status": rename(body["status"], renamed)})
        pilot.sandbox.kubectl(
            "patch", "csp", pilot.name, "--subresource=status", "--type=merge", "-p", status
        )
        yield pilot
        pilot.close()


def new_code(pilot: Pilot) -> list[str]:
    """Functions whose code is another than what the version before shipped."""
    running = pilot.status()["effective"]["packages"]
    shipped = packages.load(PACKAGES).items()
    # The version before shipped no collector.
    return [name for name, one in shipped if running.get(name, one.sha256) != one.sha256]


def wait_for_functions(pilot: Pilot) -> None:
    """The emulator takes real time for what it makes of one, the pilot's resyncs take none."""
    functions = client(pilot, "lambda")
    for one in pilot.status()["resources"]:
        if one["kind"] == "LambdaFunction":
            for state in ("function_active_v2", "function_updated_v2"):
                functions.get_waiter(state).wait(
                    FunctionName=one["physicalName"],
                    WaiterConfig={"Delay": 0.1, "MaxAttempts": 200},
                )


def written(pilot: Pilot) -> dict[str, int]:
    """AWS writes of some resyncs, without those of new function code."""
    expected = len(new_code(pilot))
    for _ in range(RESYNCS):
        wait_for_functions(pilot)
        run(pilot.resync())
    assert new_code(pilot) == []
    found = pilot.writes()
    assert found.pop("lambda:update_function_code", 0) == expected
    return dict(found)


def inventory(pilot: Pilot, *, new_code: bool) -> list[dict[str, Any]]:
    """What must stay: not the hash, since the object has another uid and that is in the tags.

    Nor a subscription, which the plain emulator confirms by itself, nor since when a function with
    new code is ready, nor when it was verified, which goes with any write.
    """
    return [
        {
            **one,
            "appliedHash": "",
            "lastVerified": "",
            **({"lastTransitionTime": ""} if new_code and one["kind"] == "LambdaFunction" else {}),
        }
        for one in pilot.status()["resources"]
        if one["kind"] != "SNSSubscription"
    ]


def conditions(pilot: Pilot, *, new_code: bool) -> list[dict[str, Any]]:
    """What must stay: not since when it is ready, which is False while Lambda takes new code."""
    return [
        {**one, **({"lastTransitionTime": ""} if new_code and one["type"] == "Ready" else {})}
        for one in pilot.status()["conditions"]
        # Read for the first time a quarter of an hour after a process knows the pipeline.
        if one["type"] not in {"NumbersBalanced", "EventsMapped"}
    ]


@pytest.mark.parametrize("restored", ["minimal", "everything"], indirect=True)
def test_what_the_version_before_made_is_taken_over(restored: Pilot) -> None:
    """Ready all the time but while Lambda takes new code, without drift and without a write."""
    new = bool(new_code(restored))
    resources, said = inventory(restored, new_code=new), conditions(restored, new_code=new)
    assert written(restored) == {}
    assert [one for one in inventory(restored, new_code=new) if one not in resources] == []
    assert len(inventory(restored, new_code=new)) == len(resources)
    assert conditions(restored, new_code=new) == said
    assert [one["reason"] for one in restored.events() if one["type"] == "Warning"] == []


@pytest.mark.parametrize("restored", ["minimal"], indirect=True)
def test_a_version_that_wants_something_else_is_noticed(
    restored: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another tag on everything but roles, another statement in one policy: both are written."""
    tags, policy = ownership.pipeline_tags, role_policies.scheduler_policy

    def more_tags(**given: Any) -> dict[str, str]:
        return {**tags(**given), "Version": "2"}

    def less(place: AwsLocation, *, function: str) -> dict[str, Any]:
        other = rename(policy(place, function=function), {":InvokeFunction": ":Invoke*"})
        return dict(other)

    monkeypatch.setattr(ownership, "pipeline_tags", more_tags)
    monkeypatch.setattr(role_policies, "scheduler_policy", less)
    found = written(restored)
    assert found["iam:put_role_policy"] == 1
    assert found["kinesis:add_tags_to_stream"] == 1
    assert "iam:tag_role" not in found
