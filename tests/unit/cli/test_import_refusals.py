"""States that `import terraform` refuses, each with the reason and the remedy in one line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.terminal import CLICKSTREAM, piped
from tests.unit.cli.terraform_states import (
    FILE,
    State,
    attributes,
    in_module,
    renamed,
    resource,
    state,
    without,
)


def _but(**members: Any) -> State:
    return {**state(), **members}


def _drop(*kinds: str, name: str = "") -> State:
    return without(
        state(), lambda one: one["type"] not in kinds or (bool(name) and one["name"] != name)
    )


def _changed(kind: str, called: str, /, **values: Any) -> State:
    changed = state()
    attributes(changed, kind, called).update(values)
    return changed


def _flat() -> State:
    changed = state()
    one = resource(changed, "aws_kinesis_stream", "clickstream_events")["instances"][0]
    one["attributes_flat"] = one.pop("attributes")
    return changed


TABLE = "aws_dynamodb_table"
BROKEN: dict[str, tuple[Any, str]] = {
    "empty": ("", "the file is empty"),
    "spaces": (" \n", "the file is empty"),
    "cut": (json.dumps(state())[:5000], "broken: "),
    "text": ("hello", "broken: "),
    "configuration": ('terraform {\n}\nresource "a" "b" {}\n', "a configuration, not its state"),
    "plan": (b"PK\x03\x04abc", "a saved plan or an archive"),
    "gzip": (b"\x1f\x8b\x08abc", "compressed"),
    "binary": (b"\xff\xfe\x00{", "JSON in UTF-8"),
    "deep": ("[" * 100_000, "nests too deeply"),
    "list": ("[]", "a JSON object"),
    "null": ("null", "a JSON object"),
    "other json": ('{"a": 1}', "it has no version"),
    "version as text": (_but(version="4"), "it has no version"),
    "version 3": (
        {"version": 3, "serial": 1, "modules": [{"path": ["root"], "resources": {}}]},
        "version 3, which Terraform 0.11 and older wrote",
    ),
    "version 5": (_but(version=5), "newer than the 4"),
    "flat attributes": (_flat(), "attributes as Terraform 0.11 wrote them"),
    "show -json": ({"format_version": "1.0", "values": {}}, "`terraform show -json`"),
    "encrypted": ({"serial": 1, "encrypted_data": "eA=="}, "the state is encrypted"),
    "backend": (
        {"version": 3, "backend": {"type": "s3", "config": {}}},
        "not here but in the backend s3",
    ),
    "no list": ({"version": 4}, "without a list of resources"),
    "no resources": (_but(resources=[]), "the state has no resources"),
    "only data": (
        without(state(), lambda one: one["mode"] == "data"),
        "the state has no resources",
    ),
    "resource no object": (_but(resources=[1]), "resources[0] is no object"),
    "resource without type": (_but(resources=[{"mode": "managed"}]), "resources[0] lacks"),
    "instance no object": (
        _but(resources=[{"mode": "managed", "type": "a", "name": "b", "instances": [1]}]),
        "an instance is no object",
    ),
    "no attributes": (
        _but(resources=[{"mode": "managed", "type": "a", "name": "b", "instances": [{}]}]),
        "a.b has no attributes",
    ),
    "no stream": (_drop("aws_kinesis_stream"), "no aws_kinesis_stream in this state"),
    "no bucket": (_drop("aws_s3_bucket"), "no bucket in this state"),
    "a table less": (_drop(TABLE, name="counters"), "no table with the keys metric_name and time"),
    "other keys": (
        _changed(TABLE, "counters", range_key="day"),
        "has the keys metric_name and day, a pipeline needs metric_name and time_window",
    ),
    "no name": (
        _changed("aws_kinesis_stream", "clickstream_events", name=None),
        "aws_kinesis_stream.clickstream_events has no attribute name",
    ),
    "arn": (_changed("aws_kinesis_stream", "clickstream_events", arn="x"), "x is no ARN"),
    "another region": (
        _changed("aws_s3_bucket", "clickstream_archive", region="eu-west-1"),
        "is in eu-west-1, the stream in us-east-1",
    ),
    "another account": (
        _changed(TABLE, "counters", arn="arn:aws:dynamodb:us-east-1:999999999999:table/x"),
        "is not in the account and region",
    ),
    "a fifo topic's mail": (
        _changed("aws_sns_topic_subscription", "email_alerts", endpoint="nobody"),
        "no pipeline can be made of this deployment: spec.alerts.emails[0]",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_state_that_does_not_do_is_refused(tmp_path: Path, case: str) -> None:
    """In one line with what to do, and without a manifest."""
    content, said = BROKEN[case]
    file = tmp_path / "terraform.tfstate"
    data = json.dumps(content).encode() if isinstance(content, dict) else content
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    done = piped(["import", "terraform", str(file)])
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def _workspaces(folder: Path, **states: State) -> None:
    for name, content in states.items():
        inside = folder if name == "default" else folder / "terraform.tfstate.d" / name
        inside.mkdir(parents=True, exist_ok=True)
        (inside / "terraform.tfstate").write_text(json.dumps(content))


def _named(prefix: str) -> State:
    return renamed(state(), "clickstream-analytics-dev", prefix)


def test_a_folder_has_one_state(tmp_path: Path) -> None:
    """Of the default workspace, or of the only one."""
    _workspaces(tmp_path, default=_named("one"))
    assert "stream: one-events-" in piped(["import", "terraform", str(tmp_path)]).stdout


def test_several_workspaces_need_a_choice(tmp_path: Path) -> None:
    """By the option, or as Terraform itself remembers it."""
    _workspaces(tmp_path, default=_named("one"), staging=_named("two"), prod=_named("three"))
    silent = piped(["import", "terraform", str(tmp_path)])
    assert "several workspaces: default, prod, staging; choose one with --workspace" in (
        silent.stderr
    )
    chosen = piped(["import", "terraform", str(tmp_path), "--workspace", "staging"])
    assert "stream: two-events-" in chosen.stdout
    wrong = piped(["import", "terraform", str(tmp_path), "--workspace", "stagin"])
    assert "no state of the workspace stagin; did you mean staging?" in wrong.stderr
    (tmp_path / ".terraform").mkdir()
    (tmp_path / ".terraform" / "environment").write_text("prod")
    remembered = piped(["import", "terraform", str(tmp_path)])
    assert "stream: three-events-" in remembered.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"version": 3, "backend": {"type": "s3"}}, "the state is in the backend s3"),
        ({"version": 3, "backend": {"type": "local"}}, "no terraform.tfstate here"),
        ({"version": 3}, "no terraform.tfstate here"),
        ([], "broken: "),
        ("", "broken: "),
    ],
)
def test_a_folder_without_a_state_is_told(tmp_path: Path, content: Any, said: str) -> None:
    """A backend elsewhere has it."""
    (tmp_path / ".terraform").mkdir()
    text = json.dumps(content) if content != "" else ""
    (tmp_path / ".terraform" / "terraform.tfstate").write_text(text)
    done = piped(["import", "terraform", str(tmp_path)])
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_no_such_file() -> None:
    """The path is told."""
    done = piped(["import", "terraform", "/does/not/exist"])
    assert done.stderr == (
        "error: /does/not/exist: no such file or folder; give a state file or its folder\n"
    )


def test_a_state_comes_by_a_pipe() -> None:
    """As of `terraform state pull`, with a byte order mark where Windows wrote it."""
    done = subprocess.run(
        [CLICKSTREAM, "import", "terraform", "-"],
        input=b"\xef\xbb\xbf" + FILE.read_bytes(),
        capture_output=True,
        check=True,
    )
    assert b"clickstream-analytics-dev-events-a1b2c3d4" in done.stdout
    assert b"Made by `clickstream import` of standard input." in done.stdout


def test_a_stream_that_is_not_there(tmp_path: Path) -> None:
    """The nearest one is suggested."""
    (tmp_path / "terraform.tfstate").write_text(json.dumps(in_module(state(), "module.a")))
    done = piped(["import", "terraform", str(tmp_path), "--stream", "clickstream-analytics-events"])
    assert "did you mean clickstream-analytics-dev-events-a1b2c3d4?" in done.stderr
