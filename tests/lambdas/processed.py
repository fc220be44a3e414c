"""Some records through both functions, and what is kept of them."""

from __future__ import annotations

import json
from typing import Any

from tests.lambdas.pipelines import Pipeline, event, invocation, make_config, make_privacy


def stored(*records: bytes, **privacy: Any) -> str:
    """Return everything that both functions store, send and write of some records."""
    pipeline = process(*records, **privacy)
    return pipeline.everything_stored()


def process(*records: bytes, **privacy: Any) -> Pipeline:
    """Return the pipeline after its functions had some records."""
    chosen = make_privacy(**({"dropFields": ["phone"]} | privacy))
    pipeline = Pipeline(make_config(privacy=chosen))
    batch = invocation(records)
    assert pipeline.processor().process(batch) == {"batchItemFailures": []}
    pipeline.detector().process(batch)
    return pipeline


def kept(member: str, value: Any, **members: Any) -> Any:
    """Return what the archive keeps of a member of an event."""
    pipeline = process(json.dumps(event(**{member: value}, **members)).encode())
    (archived,) = pipeline.readback().archived_events()
    return archived.event.get(member)
