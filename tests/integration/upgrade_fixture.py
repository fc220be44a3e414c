"""Writes the fixture of objects that this version made: ``make upgrade-fixture``, at a release.

For each object: what the API server has, the outputs that its desired states were made of, and the
writes to AWS that made what belongs to it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import pytest

from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.pipeline import packages
from sandbox import Sandbox
from sandbox.operator_process import PACKAGES, OperatorProcess
from tests.integration.pilot import Pilot, empty_aws
from tests.integration.recorded_writes import kept

FOLDER: Final = Path(__file__).parents[1] / "fixtures" / "upgrade"
#: Name -> spec. The second one has each kind of resource and of optional feature.
SPECS: Final[dict[str, dict[str, Any]]] = {
    "minimal": {},
    "everything": {
        "environment": "prod",
        "tags": {"CostCenter": "analytics"},
        "stream": {
            "shards": 3,
            "retentionHours": 48,
            "shardLevelMetrics": ["IncomingBytes"],
        },
        "processor": {
            "memoryMiB": 512,
            "batchSize": 5000,
            "batchingWindowSeconds": 60,
            "reservedConcurrency": 10,
        },
        "collector": {"enabled": True, "allowedOrigins": ["https://www.example.com"]},
        "tables": {
            "billingMode": "Provisioned",
            "provisioned": {"readUnits": 5, "writeUnits": 6},
            "deletionProtection": True,
            "ttl": {"pageMetricsDays": 30, "sessionMetricsHours": 168, "countersHours": 72},
        },
        "archive": {
            "expirationDays": 730,
            "transitions": [{"storageClass": "STANDARD_IA", "afterDays": 30}],
        },
        "deadLetter": {"retentionDays": 3},
        "logs": {"retentionDays": 90},
        "alerts": {"enabled": True, "emails": ["data-team@example.com"]},
        "alarms": {
            "iteratorAgeSeconds": 300,
            "noDataMinutes": 30,
            "actionArns": ["arn:aws:sns:us-east-1:123456789012:pager"],
        },
        "anomalyDetection": {
            "rules": [
                {"name": "frequent", "kind": "Rate", "value": "120", "perSeconds": 60},
            ],
        },
        # Too much for a function's environment: it goes into an object.
        "metrics": [
            {"name": f"Padding{number}", "match": {"padding": "z" * 250, "more": "y" * 250}}
            for number in range(7)
        ],
    },
}


def made(sandbox: Sandbox, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """One pipeline on an empty AWS, ready, with the outputs of its resources and its writes."""
    outputs: dict[str, dict[str, str]] = {}
    writes: list[dict[str, Any]] = []
    shipped = {one.load(): key for key, one in packages.load(PACKAGES).items()}
    apply = Applier.apply

    async def noted(self: Applier) -> Any:
        outcomes: dict[str, Outcome] = dict(await apply(self))
        outputs.update({key: dict(one) for key, one in self._outputs.items()})
        return outcomes

    def note(
        service: str, operation: str, parameters: dict[str, Any], answer: dict[str, Any]
    ) -> None:
        writes.append(kept(service, operation, parameters, answer, shipped))

    with empty_aws(sandbox), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Applier, "apply", noted)
        pilot = Pilot(sandbox, name=name, on_accepted=note)
        pilot.apply(spec)
        asyncio.run(pilot.converge(lambda: _settled(pilot)))
        body = pilot.body() or {}
        pilot.close()
    body["metadata"].pop("managedFields", None)
    return {"object": body, "outputs": outputs, "writes": writes}


def _settled(pilot: Pilot) -> bool:
    entries = pilot.status()["resources"]
    ready = pilot.condition("Ready")["status"] == "True"
    return ready and all(one.get("appliedHash") for one in entries)


def main() -> None:
    """Write every object of the fixture."""
    with Sandbox.start(strict_aws=["none"]) as sandbox:
        sandbox.strict_aws.run_clock(0)
        OperatorProcess(sandbox).install()
        for name, spec in SPECS.items():
            text = json.dumps(made(sandbox, name, spec), indent=1, sort_keys=True)
            (FOLDER / f"{name}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
