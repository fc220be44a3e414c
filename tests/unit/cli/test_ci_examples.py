"""The examples for pull requests call the commands as they are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from clickstream_operator.cli.app import app

CI = Path(__file__).parents[3] / "examples" / "ci"


def _scripts(body: Any) -> list[str]:
    """Every script in a file of either kind."""
    if isinstance(body, dict):
        found: list[str] = []
        for key, value in body.items():
            if key in {"run", "script"}:
                found += [value] if isinstance(value, str) else value
            else:
                found += _scripts(value)
        return found
    return [text for one in body for text in _scripts(one)] if isinstance(body, list) else []


def _commands(name: str) -> list[list[str]]:
    body = yaml.safe_load((CI / name).read_text())
    text = "\n".join(_scripts(body)).replace("\\\n", " ")
    lines = re.findall(r"^\s*clickstream (.*)$", text, re.MULTILINE)
    return [shlex.split(line.partition(" > ")[0].partition(" || ")[0]) for line in lines]


@pytest.mark.parametrize("name", ["github.yaml", "gitlab.yaml"])
def test_the_commands_are_valid(name: str) -> None:
    """Each option exists, and the plan is a comment with an exit code."""
    commands = _commands(name)
    assert [one[0] for one in commands] == ["validate", "plan"]
    for verb, *arguments in commands:
        command = app.get_command(click.Context(app), verb)
        assert command is not None
        context = command.make_context(verb, list(arguments), resilient_parsing=False)
        assert context.params["files"] == ("pipelines/",)
        assert context.params["recursive"] is True
        if verb == "plan":
            assert context.params["form"] == "markdown"
            assert context.params["detailed_exitcode"] is True


@pytest.mark.parametrize("name", ["github.yaml", "gitlab.yaml"])
def test_a_failure_fails_the_job(name: str) -> None:
    """Only 0 and 2 pass, and a comment is made for changes alone."""
    text = (CI / name).read_text()
    assert 'test "$code" = 0 || test "$code" = 2' in text
    assert "2" in text.partition('test "$code" = 2')[2]


def test_the_github_workflow_gives_little_away() -> None:
    """Rights by job, actions by commit, no credential for a fork."""
    body = yaml.safe_load((CI / "github.yaml").read_text())
    assert body["permissions"] == {}
    job = body["jobs"]["plan"]
    assert job["permissions"].keys() == {"contents", "id-token", "pull-requests"}
    assert "head.repo.full_name == github.repository" in job["if"]
    for step in job["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
