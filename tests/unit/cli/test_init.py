"""`init`: a first manifest that is valid, with the meaning of each field beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.cli.commands import init
from clickstream_operator.cli.manifest import faults_of
from clickstream_operator.cli.new_manifest import PRESETS, PRODUCERS
from tests.terminal import on_terminal, piped


def made(*options: str) -> Any:
    """The manifest that `init` prints."""
    done = piped(["init", *options])
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("producer", PRODUCERS)
def test_every_manifest_is_valid(preset: str, producer: str) -> None:
    """Whatever one begins with and whatever makes the events."""
    body = made("shop", "--preset", preset, "--producer", producer, "--email", "a@example.com")
    assert faults_of(body) == []
    assert body["spec"]["alerts"] == {"enabled": True, "emails": ["a@example.com"]}


def test_the_choices_of_the_command_are_those_that_exist() -> None:
    """The help names them without loading what they are."""
    assert init._PRESETS == PRESETS
    assert tuple(PRODUCERS) == init._PRODUCERS


def test_nothing_of_the_examples_addresses_is_left() -> None:
    """Mail and pages would go to strangers; the region is the user's."""
    body = made("shop", "--preset", "production")
    assert "alerts" not in body["spec"]
    assert "actionArns" not in body["spec"]["alarms"]
    assert "region" not in body["spec"]
    assert "tags" not in body["spec"]


def test_answers_are_in_the_manifest() -> None:
    """Name, namespace, region, environment and the producer's members."""
    body = made(
        "shop", "-n", "analytics", "--region", "eu-west-1", "--environment", "prod",
        "--producer", "snowplow",
    )  # fmt: skip
    assert body["metadata"] == {"name": "shop", "namespace": "analytics"}
    assert (body["spec"]["region"], body["spec"]["environment"]) == ("eu-west-1", "prod")
    assert body["spec"]["events"]["fields"]["session"] == "domain_sessionid"


def test_each_field_has_its_meaning_beside_it() -> None:
    """In the words of the API, and the cost at the top."""
    text = piped(["init", "shop", "--preset", "low-cost"]).stdout
    assert text.startswith("# Made by `clickstream init`: about $34.74 a month at a million events")
    assert "\n    # Number of shards; one takes" in text
    assert "\n    shards: 1\n" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_file_is_written_once(tmp_path: Path) -> None:
    """What is there already is kept."""
    file = tmp_path / "shop.yaml"
    done = piped(["init", "shop", "-o", str(file)])
    assert (done.returncode, done.stdout) == (0, "")
    assert f"next: clickstream plan -f {file}" in done.stderr
    assert piped(["validate", "-f", str(file)]).returncode == 0
    again = piped(["init", "other", "-o", str(file)])
    assert again.returncode == 1
    assert f"{file} exists already; choose another name with -o" in again.stderr
    assert yaml.safe_load(file.read_text())["metadata"]["name"] == "shop"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("Shop_1",), "metadata.name"),
        (("shop", "--region", "Ireland"), "spec.region"),
        (("shop", "--email", "nobody"), "spec.alerts.emails[0]"),
    ],
)
def test_a_wrong_answer_is_refused(options: tuple[str, ...], said: str) -> None:
    """By the rule of the CRD, before anything is written."""
    done = piped(["init", *options])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {said}: ")


def test_on_a_terminal_it_asks_unless_told_not_to() -> None:
    """With --yes everything has its default."""
    code, shown = on_terminal(["init", "--yes"])
    assert code == 0
    assert "Name of the pipeline" not in shown
    assert "spec: {}" in shown
