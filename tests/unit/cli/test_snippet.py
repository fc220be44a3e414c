"""`snippet`: what a page has to have, from the status of its pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli import page_script
from clickstream_operator.cli.cluster import Cluster
from clickstream_operator.pipeline.page_script import PageScript
from tests.terminal import piped
from tests.unit.cli.test_changing import Memory

SCRIPT = PageScript.of(b"script();\n")
URL = "https://abc.lambda-url.eu-west-1.on.aws/t.js"
PIN = f'integrity="{SCRIPT.integrity}" crossorigin="anonymous"'


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """A pipeline whose collector has an address."""
    memory = Memory()
    monkeypatch.setattr(Cluster, "reader", lambda _self: memory)
    enable(memory)
    return memory


def enable(memory: Memory, **collector: object) -> None:
    """Give the pipeline a collector, and the output that the operator would write."""
    spec = {"enabled": True, "allowedOrigins": ["https://a.example"], **collector}
    assert memory.body is not None
    memory.body["spec"] = {"collector": spec}
    snippet = SCRIPT.snippet(URL, Spec.model_validate(memory.body["spec"]))
    memory.body["status"]["outputs"] = {"collectorSnippet": snippet}


def printed(*options: str) -> str:
    """What the command prints."""
    done = piped(["snippet", "shop", "-n", "a", *options])
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_element_is_the_operators(collected: Memory) -> None:
    """As it stands in the status: pinned by name and integrity."""
    enable(collected, consent="analytics", respectGlobalPrivacyControl=False)
    assert collected.body is not None
    assert printed() == collected.body["status"]["outputs"]["collectorSnippet"]
    assert printed() == (
        f'<script defer src="{URL[:-3]}.{SCRIPT.digest}.js" {PIN} data-consent="analytics" '
        'data-gpc="ignore"></script>'
    )


def test_a_page_that_goes_with_upgrades(collected: Memory) -> None:
    """It has the stable name and no integrity."""
    enable(collected, consent="analytics")
    expected = f'<script defer src="{URL}" data-consent="analytics"></script>'
    assert printed("--follow-upgrades") == expected


def test_a_module(collected: Memory) -> None:
    """It imports the stable name; options say what attributes would."""
    src = URL.replace(".js", ".mjs")
    assert printed("--module") == (
        f'import {{ start }} from "{src}";\nconst clickstream = start();'
    )
    enable(collected, consent="analytics")
    assert printed("--module").endswith('start({"consent": "analytics"});')


def test_behind_a_cdn(collected: Memory) -> None:
    """The address of the CDN takes the function's place, which refuses pages."""
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:edge-AbCdEf"
    enable(collected, originSecretArn=arn)
    done = piped(["snippet", "shop", "-n", "a"])
    assert "--address" in done.stderr
    found = printed("--address", "https://www.example.com/")
    assert f'src="https://www.example.com/t.{SCRIPT.digest}.js"' in found


def test_the_files_to_serve_oneself(collected: Memory, tmp_path: Path) -> None:
    """Script, module and types, as they are built."""
    done = piped(["snippet", "shop", "-n", "a", "--save", str(tmp_path / "static")])
    assert done.returncode == 0, done.stderr
    assert "data-collector" in done.stderr
    built = Path(__file__).parents[3] / "build" / "web"
    assert {path.name: path.read_bytes() for path in (tmp_path / "static").iterdir()} == {
        path.name: path.read_bytes() for path in built.iterdir()
    }


def test_an_installation_without_the_files(
    collected: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made from a checkout without npm it prints the element, and says why it can't save."""
    monkeypatch.setattr(page_script, "_IN_THE_TREE", tmp_path / "absent")
    assert printed()
    done = piped(["snippet", "shop", "-n", "a", "--save", str(tmp_path / "static")])
    assert done.returncode == 1
    assert "install Node.js" in done.stderr


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "set spec.collector.enabled"),
        (
            {"collector": {"enabled": True, "allowedOrigins": ["https://a.example"]}},
            "has no address yet",
        ),
    ],
)
def test_a_pipeline_without_an_address(
    collected: Memory, spec: dict[str, object], said: str
) -> None:
    """It is said what to do."""
    assert collected.body is not None
    collected.body["spec"] = spec
    collected.body["status"]["outputs"] = {}
    done = piped(["snippet", "shop", "-n", "a"])
    assert done.returncode == 1
    assert said in done.stderr
