"""The command line in fourteen commands: from nothing to numbers that are right, and away again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Final

import yaml
from rich.console import Console

from sandbox.demos.typed import COLUMNS, TypedSession, empty_folder
from sandbox.instance import Sandbox
from sandbox.operator_process import OperatorProcess

COMMANDS: Final = 14
#: Decides the names, so that one run shows the same as another.
_CLUSTER: Final = "demo"
_SHOP: Final = "shop"
_ROOT: Final = Path(__file__).parents[2]
_BUILD: Final = _ROOT / "build"
_PAGE: Final = _ROOT / "docs" / "how-to" / "command-line-session.md"
_HEADING: Final = """\
# The command line in fourteen commands

Written by `make demo-cli`, which runs these commands on a real Kubernetes API server and an AWS \
emulator, and judges each: its exit code, what it shows, and that no line is wider than 80 \
columns. What each can do besides: [Command line](command-line.md).
"""


def play(*, write: bool) -> bool:
    """Play the session; whether each command did what it should. `write` renews the page."""
    started = time.monotonic()
    console = Console(width=max(COLUMNS, Console().width))
    with Sandbox.start() as sandbox, empty_folder() as folder:
        tenants = folder / "tenants.yaml"
        tenants.write_text('tenants: [{namespaces: ["*"]}]\n', encoding="utf-8")
        settings = {"CLICKSTREAM_CLUSTER_ID": _CLUSTER, "CLICKSTREAM_TENANTS": str(tenants)}
        operator = OperatorProcess(sandbox, settings)
        operator.install()
        operator.start()
        session = TypedSession(sandbox, console, settings)
        try:
            _begin(session)
            _prove(session)
            _change(session)
        finally:
            operator.stop()
    right = session.right and len(session.commands) == COMMANDS
    _BUILD.mkdir(exist_ok=True)
    seconds = time.monotonic() - started
    document = {"seconds": round(seconds, 1), **session.document()}
    (_BUILD / "demo-cli.json").write_text(json.dumps(document, indent=2) + "\n")
    page = _PAGE if write and right else _BUILD / "demo-cli.md"
    page.write_text(f"{_HEADING}\n{session.transcript()}", encoding="utf-8")
    passed = sum(not one.faults for one in session.commands)
    verdict = "[green]PASS[/green]" if right else "[red]FAIL[/red]"
    console.print(
        f"\n{verdict}  {passed} of {COMMANDS} commands, {seconds:.0f} s in all; "
        f"the transcript is {page.relative_to(_ROOT)}",
        highlight=False,
    )
    return right


def _begin(session: TypedSession) -> None:
    """From nothing to a pipeline."""
    session.say("A first manifest, with comments.")
    session.clickstream(
        "init", _SHOP, "--region", "us-east-1", "--preset", "minimal", "--yes", "-o", "shop.yaml",
        shows=["a month"],
    )  # fmt: skip
    session.say("Every rule of the CRD, offline.")
    session.clickstream("validate", "-f", "shop.yaml", shows=["no fault"])
    session.say("Its cost with a million events a day.")
    session.clickstream("cost", "-f", "shop.yaml", "--for", "1M", shows=["Kinesis"])
    session.say("What would be made in AWS. Nothing is written.")
    session.clickstream("plan", "-f", "shop.yaml", shows=[r"\d+ to create"])
    session.kubectl("apply", "-f", "shop.yaml")
    session.kubectl("wait", "--for=condition=Ready", f"csp/{_SHOP}", "--timeout=120s")
    session.say("How it is.")
    session.clickstream("status", _SHOP, shows=["Available", "stream"])
    session.say("Everything compared with AWS now, by the operator.")
    session.clickstream("verify", _SHOP, shows=["all are as the spec says"])


def _prove(session: TypedSession) -> None:
    """Events and their numbers."""
    session.say("Events in, and every number compared with what was sent.")
    session.clickstream(
        "send", _SHOP, "--events", "300", "--rate", "0", "--seed", "7", "--verify",
        shows=["every number is as it was sent"],
    )  # fmt: skip
    session.say("One event, followed to the items that count it.")
    session.clickstream("trace", _SHOP, shows=["record", "session", "page", "archive"])
    session.say("The numbers.")
    session.clickstream("report", _SHOP, shows=["page views"])
    session.say("All pipelines.")
    session.clickstream("top", shows=[_SHOP])


def _change(session: TypedSession) -> None:
    """A change, what happened, and the end."""
    session.say("What keeps the operator or you from working. No Deployment runs in the sandbox.")
    session.clickstream("doctor", _SHOP, shows=["credential"])
    session.say("Four shards in place of two, as a plan; exit code 2 says that something changes.")
    file = Path("shop.yaml")
    body = yaml.safe_load(file.read_text(encoding="utf-8"))
    body.setdefault("spec", {}).setdefault("stream", {})["shards"] = 4
    file.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
    session.clickstream(
        "plan", "-f", "shop.yaml", "--detailed-exitcode", code=2, shows=["shards: 2 -> 4"]
    )
    session.say("What happened.")
    session.clickstream("events", _SHOP, shows=["ResourceCreated"])
    session.say("Away, with the data kept.")
    session.clickstream("delete", _SHOP, "--keep-data", "--yes", shows=["is deleted"])
