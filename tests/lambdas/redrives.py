"""Commands of redrive on a pipeline in memory, and the pipelines that need them."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

import pytest

from clickstream_operator.synthetic.generator import generate
from redrive.__main__ import Commands, _parser
from tests.lambdas.memory_aws import CrashError
from tests.lambdas.pipelines import (
    COUNTERS,
    KEY,
    NOW,
    PAGES,
    Pipeline,
    config_document,
    encode,
    event,
    invocation,
    make_config,
)
from tests.unit.synthetic.test_generator import check_truth

QUIET = config_document()["detection"] | {"enabled": False, "alertsTopicArn": ""}
TRAFFIC = generate(3, 60, NOW, broken=0, bots=0, late=3)
PAYLOADS = [record.data for record in TRAFFIC.records]


class Clients:
    """Low-level clients of a pipeline in memory, as the command makes them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def make(self, service: str) -> Any:
        """Return a client; `ssm` knows the hash key only."""
        return self if service == "ssm" else getattr(self._pipeline, service)

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N803
        """Return the hash key."""
        return {"Parameter": {"Value": KEY.decode()}}


def run(pipeline: Pipeline, *arguments: str) -> list[dict[str, Any]]:
    """Run one command in a fresh process."""
    commands = Commands(
        pipeline.config,
        Clients(pipeline),
        clock=lambda: pipeline.now,
        threads=1,
    )
    return list(commands.run(_parser().parse_args(arguments)))


def with_fields(**names: str) -> Any:
    """Return a config whose producer calls some fields otherwise."""
    document = config_document()
    document["events"]["fields"] |= names
    return make_config(events=document["events"], detection=QUIET)


def all_hours(pipeline: Pipeline) -> list[str]:
    """Return the hours that have items."""
    items = pipeline.dynamodb.items(PAGES) + pipeline.dynamodb.items(COUNTERS)
    keys = [item.get("timestamp_hour") or item["time_window"] for item in items]
    return sorted({key["S"][:13] for key in keys if key["S"].startswith("20")})


def bad_keys(pipeline: Pipeline) -> list[str]:
    """Return the bad objects that hold something."""
    return [
        key for key, (body, _) in pipeline.s3.objects.items() if key.startswith("bad/") and body
    ]


def wronged(seed: int = 0) -> Pipeline:
    """Return a pipeline that took the traffic with the wrong fields, in some batches."""
    pipeline = Pipeline(with_fields(session="sid", page="url"))
    processor = pipeline.processor()
    source = random.Random(seed)  # noqa: S311 - reproducible
    start = 0
    while start < len(PAYLOADS):
        end = min(len(PAYLOADS), start + source.randint(8, 25))
        processor.process(invocation(PAYLOADS[start:end], start=start))
        start = end
    pipeline.config = with_fields()
    return pipeline


def check_truth_but_bad_rows(pipeline: Pipeline) -> None:
    """Compare with the truth; the old bad objects still stand, as they should."""
    bad = {key: value for key, value in pipeline.s3.objects.items() if key.startswith("bad/")}
    for key in bad:
        del pipeline.s3.objects[key]
    try:
        check_truth(pipeline, TRAFFIC)
    finally:
        pipeline.s3.objects.update(bad)


def stored(pipeline: Pipeline) -> Any:
    """Return all items and objects."""
    return deepcopy((pipeline.dynamodb.tables, pipeline.s3.objects))


def give_up(pipeline: Pipeline, batch: dict[str, Any], function: str = "processor") -> str:
    """Put what Lambda puts when it gives up on a batch; returns the key."""
    name = pipeline.config.pipeline
    record = {
        "requestContext": {
            "requestId": "r", "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1,
            "functionArn": f"arn:aws:lambda:eu-west-1:123456789012:function:{name}-{function}",
        },
        "version": "1.0",
        "KinesisBatchInfo": {"shardId": batch["Records"][0]["eventID"].partition(":")[0]},
        "payload": json.dumps(batch),
    }  # fmt: skip
    key = f"aws/lambda/uuid/shard/2026/11/23/{len(pipeline.s3.objects)}-{function}"
    pipeline.s3.objects[key] = (json.dumps(record).encode(), {})
    return key


FAILING = slice(20, 40)


def half_applied(write: int, moment: str) -> tuple[Pipeline, str]:
    """Return a pipeline that died at one write of a batch, which Lambda then gave up on."""
    pipeline = Pipeline(make_config(detection=QUIET))
    pipeline.processor().process(invocation(PAYLOADS[:20]))
    batch = invocation(PAYLOADS[FAILING], start=20)
    setattr(pipeline.faults, moment, pipeline.faults.writes + write)
    with pytest.raises(CrashError):
        pipeline.processor().process(batch)
    setattr(pipeline.faults, moment, None)
    return pipeline, give_up(pipeline, batch)


def writes_of_the_failing_batch() -> int:
    """Return how many writes the batch makes when nothing fails."""
    pipeline = Pipeline(make_config(detection=QUIET))
    pipeline.processor().process(invocation(PAYLOADS[:20]))
    before = pipeline.faults.writes
    pipeline.processor().process(invocation(PAYLOADS[FAILING], start=20))
    return pipeline.faults.writes - before


def three_failed(pipeline: Pipeline) -> list[str]:
    """Give up on three batches of one event each, of three sessions and hours."""
    hours = (9, 10, 11)
    return [
        give_up(pipeline, invocation(
            encode([event(session_id=f"s{hour}", timestamp=f"2026-11-23T{hour:02d}:30:00Z")]),
            start=hour,
        ))
        for hour in hours
    ]  # fmt: skip


def counted_hours(pipeline: Pipeline) -> list[str]:
    """Return the hours in which the page counts, and that each session counts with it."""
    (hours,) = pipeline.readback().all_page_views().values()
    assert len(pipeline.readback().all_sessions()) == len(hours)
    return sorted(hours)
