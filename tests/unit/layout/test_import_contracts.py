"""The contracts of imports in pyproject.toml: each refuses a wrong import, and none has a gap."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[3]
OPERATOR: Final = ROOT / "operator" / "clickstream_operator"
LINTER: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "importlinter"
]
CONTRACTS: Final[list[dict[str, Any]]] = LINTER["contracts"]
PACKAGES: Final = sorted(
    ".".join(path.parent.relative_to(OPERATOR.parent).parts)
    for path in OPERATOR.rglob("__init__.py")
)
NAME: Final = "planted"


@dataclass(frozen=True, slots=True)
class Plant:
    """A wrong import: `importer` imports `imported`, and `contract` must say so.

    An `importer` that is not there yet is made. `shown`: the report's words for it.
    """

    contract: str
    importer: str
    imported: str
    shown: str = ""

    @property
    def evidence(self) -> str:
        """The words that show that the report means this import."""
        return self.shown or f"{self.importer} -> {self.imported} (l."


def operator(contract: str, importer: str, imported: str, shown: str = "") -> Plant:
    """A wrong import in a module of the operator; `.` before a name stands for its package."""
    full = f"clickstream_operator{imported}" if imported.startswith(".") else imported
    return Plant(contract, f"clickstream_operator.{importer}", full, shown)


def new_module(package: str) -> Plant:
    """A module that no layer places."""
    [container] = [
        one["name"] for one in CONTRACTS if one.get("exhaustive") and package in one["containers"]
    ]
    return Plant(container, f"{package}.{NAME}", "json", f"- {package}.{NAME}\n")


PLANTS: Final = [
    operator("Packages: one direction of flow", "status.result", ".pipeline.names"),
    operator("Packages: one direction of flow", "aws.arns", ".api.reasons"),
    operator(
        "No cycles, at any depth", "cost.traffic", ".cost.estimate", "clickstream_operator.cost"
    ),
    operator("Only runtime knows Kopf", "reconcile.polling", "kopf"),
    operator("Only aws knows the SDK of AWS", "status.conditions", "boto3"),
    operator("Only aws knows the SDK of AWS", "resources.sns_topic", "botocore"),
    operator("Only kube knows the Kubernetes client", "telemetry.logging", "kubernetes"),
    *(
        operator(
            "No SDK behind what needs only values, not even through another module", importer, edge
        )
        for importer, edge in (
            ("pipeline.packages", ".aws.session"),
            ("cost.storage", ".aws.clients"),
            ("status.events", ".kube.client"),
            ("engine.graph", ".aws.session_pool"),
        )
    ),
    operator(
        "Decisions are pure: no clock, no chance, no network, no process", "cost.prices", "time"
    ),
    operator("The operator reads no results: query is for people", "reconcile.rollout", ".query"),
    operator(
        "The operator makes no traffic: synthetic is for people and tests",
        "runtime.workers",
        ".synthetic",
    ),
    operator(
        "Commands that look have no client that writes", "cli.traffic", ".kube.cluster_writer"
    ),
    operator(
        "Commands that look call AWS by the session that only reads",
        "cli.cluster",
        ".aws.session_pool",
    ),
    operator("The command line starts no operator", "cli.output", ".runtime.workqueue"),
    operator(
        "Inside resources: kinds do not know one another",
        "resources.iam_role",
        ".resources.sqs_queue",
    ),
    Plant(
        "Functions: processor and detector on what they share, redrive on the processor",
        "detector.findings",
        "processor.aggregate",
    ),
    Plant(
        "Functions: processor and detector on what they share, redrive on the processor",
        "shared.lanes",
        "detector.rules",
    ),
    Plant(
        "Functions: processor and detector on what they share, redrive on the processor",
        "shared.thread_pool",
        "redrive.replay",
    ),
    Plant(
        "Functions: processor and detector on what they share, redrive on the processor",
        "collector.origins",
        "processor.aggregate",
    ),
    Plant(
        "Functions and operator know of each other only the layout of what is stored",
        "processor.dead_letters",
        "clickstream_operator.api.reasons",
    ),
    operator(
        "Functions and operator know of each other only the layout of what is stored",
        "pipeline.detection_config",
        "shared.config",
    ),
    operator(
        "The layout is for those who write or read by it, and for the keys of the tables",
        "reconcile.approval",
        "clickstream_layout.tables",
    ),
    operator(
        "What ships knows neither simulator nor sandbox nor tests", "kube.lease", "simulator.stream"
    ),
    Plant("What ships knows neither simulator nor sandbox nor tests", "shared.emf", "sandbox"),
    Plant("The simulator runs without a sandbox", "simulator.stream", "sandbox"),
    Plant(
        "The simulator takes of the operator only spec, configuration, reader and traffic",
        "simulator.usage",
        "clickstream_operator.engine.plan",
    ),
    *map(new_module, [*PACKAGES, "collector"]),
]


def lint(root: Path) -> tuple[int, str]:
    """Exit code and report of import-linter for a copy of the project."""
    sources = [str(root / folder) for folder in ("operator", "lambdas")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sources, str(root)])}
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=root,
        env={**environment, "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each broken contract says of a copy with all the plants, which was sound without."""
    root = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", root)
    for folder in ("operator", "lambdas", "simulator"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    code, report = lint(root)
    assert code == 0, report
    for plant in PLANTS:
        folder = {"clickstream_operator": "operator", "simulator": ""}.get(
            plant.importer.partition(".")[0], "lambdas"
        )
        path = root / folder / f"{plant.importer.replace('.', '/')}.py"
        with path.open("a") as file:
            file.write(f"\nimport {plant.imported}\n")
    code, report = lint(root)
    assert code == 1
    broken = report.partition("Broken contracts")[2]
    # Each contract's part is headed by its name, underlined.
    parts = re.split(r"\n([^\n]+)\n-{3,}\n", broken)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.importer}-{plant.imported}")
def test_a_wrong_import_is_refused(reports: dict[str, str], plant: Plant) -> None:
    """The check fails, names the contract, and shows the import or the module without a place."""
    assert plant.evidence in reports.get(plant.contract, ""), reports


def test_every_contract_is_tried() -> None:
    """No contract is there that could not fail."""
    assert {one["name"] for one in CONTRACTS} == {plant.contract for plant in PLANTS}


def test_every_package_of_ours_is_read() -> None:
    """A new package of the functions, or beside the operator, is part of the check."""
    folders = [
        path.parent
        for source in (ROOT, ROOT / "operator", ROOT / "lambdas")
        for path in source.glob("*/__init__.py")
    ]
    others = {"sandbox", "benchmarks", "tests"}
    assert {folder.name for folder in folders} - others == set(LINTER["root_packages"])
