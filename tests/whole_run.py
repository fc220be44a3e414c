"""All that the operator did in a whole run of the suite, held against the rights that it has.

With ``--prove-rights`` (``make test``): each AWS call of a `Pilot` or an operator's process against
the shipped IAM policy, and each request to an API server, by its audit log, against the shipped
RBAC rules. What is done is granted, and what is granted is done. Test processes hand over what they
noted when they end; the first process judges, and fails the run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.rbac_uses import Use, covers, read_log, rights, uses

_ROOT: Final = Path(__file__).parents[1]
_POLICY: Final = _ROOT / "docs" / "reference" / "operator-policy.json"
_RBAC: Final = [
    _ROOT / "examples" / "install" / name for name in ("rbac.yaml", "outputs-rbac.yaml")
]
_HOME: Final = "clickstream-system"
_ACCOUNT: Final = r"system:serviceaccount:([^:]+):clickstream-operator"
_OPTION: Final = "prove_rights"
_METRIC: Final = "clickstream_aws_api_calls_total"
_SECONDS: Final = 2.0

#: Allowed, and not met in the suite, with the reason why it is allowed all the same.
RARE: Final[dict[str, str]] = {
    "kinesis:ListStreamConsumers": "asked when AWS refuses to delete a stream that has consumers",
}

_calls: set[tuple[str, str]] = set()
_audit_logs: set[Path] = set()
_problems: list[str] = []


def note_call(service: str, operation: str) -> None:
    """Remember an AWS call of the operator; `operation` as in boto3."""
    _calls.add((service, operation))


def new_audit_log(factory: pytest.TempPathFactory) -> Path:
    """A file for the audit log of an API server that operators of the tests use."""
    path = factory.mktemp("audit") / "audit.log"
    _audit_logs.add(path)
    return path


def note_calls_of_process(address: str) -> None:
    """Remember what an operator's process counted, while it still answers; others say nothing."""
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"{address}/metrics", timeout=_SECONDS) as answer:
            text = answer.read().decode()
    except (URLError, OSError, ValueError):
        return
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == _METRIC:
                note_call(sample.labels["service"], sample.labels["operation"])


def aws_problems(actions: set[str], allowed: set[str]) -> list[str]:
    """What differs between the IAM actions that were needed and those that are allowed."""
    found = [f"IAM: {one} was needed, and the policy lacks it" for one in actions - allowed]
    unused = allowed - actions - RARE.keys()
    found += [f"IAM: {one} is allowed, and no test needed it" for one in unused]
    found += [f"IAM: {one} is said to be rare, and was needed" for one in actions & RARE.keys()]
    return sorted(found)


def rbac_problems(done: Iterable[tuple[str, Use]], rules: set[Use]) -> list[str]:
    """The same for requests, each with the namespace of the operator that made it."""
    unused, found = set(rules), set()
    for home, use in done:
        # The rules are those of an operator in _HOME.
        where = _HOME if use[3] == home and use[1] == "leases" else use[3]
        here = (*use[:3], where, use[4])
        allowing = {rule for rule in rules if covers(rule, here)}
        unused -= allowing
        if not allowing:
            found.add(f"RBAC: {' '.join(use)} was tried from {home}, and no rule allows it")
    found |= {f"RBAC: {' '.join(rule)} is granted, and no test used it" for rule in unused}
    return sorted(found)


def shipped_actions() -> set[str]:
    """What the operator's policy allows."""
    statements = json.loads(_POLICY.read_text())["Statement"]
    return {action for one in statements for action in one["Action"]}


def shipped_rules() -> set[Use]:
    """What the manifests grant: the chart grants the same (test_install_example.py)."""
    objects = [one for path in _RBAC for one in yaml.safe_load_all(path.read_text()) if one]
    return rights(one for one in objects if one["kind"] in {"Role", "ClusterRole"})


def _done() -> set[tuple[str, Use]]:
    found: set[tuple[str, Use]] = set()
    for path in _audit_logs:
        for name, some in uses(read_log(path), _ACCOUNT).items():
            match = re.fullmatch(_ACCOUNT, name)
            assert match is not None
            found |= {(match[1], use) for use in some}
    return found


# -- hooks of pytest, which tests/conftest.py imports ----------------------------------------------


def watch_processes(config: pytest.Config) -> None:
    """Ask each process of a sandbox what it called, right before it is ended."""
    if not config.getoption(_OPTION):
        return
    from sandbox.processes.run import Run  # noqa: PLC0415 - unit tests pay nothing for it

    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    end_one, end_all = Run.stop_component, Run.stop

    def ask(run: Run, names: Iterable[str]) -> None:
        for name in names:
            component = run.components.get(name)
            if "operator" in name and component is not None and component.process.alive():
                note_calls_of_process(component.address)

    def stop_component(self: Run, name: str) -> None:
        ask(self, [name])
        end_one(self, name)

    def stop(self: Run) -> None:
        ask(self, list(self.components))
        end_all(self)

    patch.setattr(Run, "stop_component", stop_component)
    patch.setattr(Run, "stop", stop)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a test process noted."""
    if not node.config.getoption(_OPTION):
        return
    noted = getattr(node, "workeroutput", {}).get(_OPTION)
    if noted is None:
        _problems.append(f"test process {node.gateway.id} ended and did not say what it noted")
    else:
        _calls.update((service, operation) for service, operation in noted["calls"])
        _taken.update((home, tuple(use)) for home, use in noted["done"])


_taken: set[tuple[str, Use]] = set()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what was noted; in the first process: judge it."""
    config = session.config
    if not config.getoption(_OPTION) or config.option.collectonly:
        return
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output[_OPTION] = {"calls": sorted(_calls), "done": sorted(_done())}
        return
    if session.exitstatus != pytest.ExitCode.OK:
        # What was not run to its end used less; the failures are to be mended first.
        return
    from docs.generator.operator_policy import actions_of  # noqa: PLC0415

    actions = {action for call in _calls for action in actions_of(*call)}
    _problems.extend(aws_problems(actions, shipped_actions()))
    _problems.extend(rbac_problems(_taken | _done(), shipped_rules()))
    if _problems:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say what was judged, in a run that was green until then."""
    if not config.getoption(_OPTION) or hasattr(config, "workeroutput"):
        return
    if exitstatus != pytest.ExitCode.OK:
        return
    terminalreporter.section("rights of the operator, over the whole run")
    requests = len({use[:3] for _, use in _taken | _done()})
    terminalreporter.write_line(
        f"{len(_calls)} AWS operations, {requests} kinds of requests to the API server"
    )
    for one in _problems:
        terminalreporter.write_line(one, red=True)
    if not _problems:
        terminalreporter.write_line("what was done is granted, and what is granted was done")
