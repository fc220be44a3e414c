"""The strict AWS as a whole: its rules, its clock, and its place in a sandbox."""

import json
import time
from pathlib import Path

import pytest
from botocore.exceptions import ConnectionClosedError

from sandbox import Sandbox
from sandbox.aws.emulator import Emulator
from sandbox.aws.strict import StrictAws
from sandbox.aws.strict.rules import RULES
from tests.reliability.strict_aws.probes import Client, client, summary


def test_every_rule_has_a_test() -> None:
    """A rule that no test of this folder names could be wrong for years."""
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in RULES if f'"{name}' not in text] == []


def test_time_runs_as_told(strict: StrictAws, aws: Client) -> None:
    """Scaled, a window of an hour ends by itself in an instant."""
    strict.reset(["kinesis-states=3600"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    assert summary(kinesis)["StreamStatus"] == "CREATING"
    strict.run_clock(1_000_000)
    deadline = time.monotonic() + 30
    while summary(kinesis)["StreamStatus"] != "ACTIVE":
        assert time.monotonic() < deadline


def test_all_rules_are_on_in_a_sandbox(emulated: tuple[Emulator, StrictAws]) -> None:
    """`Sandbox.start(strict_aws=True)`: its AWS endpoint is the proxy, all rules apply."""
    with Sandbox.start(strict_aws=True) as started:
        assert started.aws_endpoint == started.strict_aws.endpoint
        assert started.strict_aws.rules().keys() == RULES.keys()
        client("kinesis", started.aws_endpoint).create_stream(StreamName="clicks", ShardCount=1)
        assert started.strict_aws.calls() == {("kinesis", "CreateStream", "OK"): 1}
        started.stop_aws()
        with pytest.raises(ConnectionClosedError):
            client("kinesis", started.aws_endpoint).list_streams()
        assert started.strict_aws.calls("kinesis", "ListStreams").keys() == {
            ("kinesis", "ListStreams", "unreachable")
        }
        started.start_aws()
        started.reset_aws()
        assert not started.strict_aws.calls()
        assert (
            json.loads(started.run.folder.joinpath("state.json").read_text())["facts"]["strict_aws"]
            == "true"
        )
