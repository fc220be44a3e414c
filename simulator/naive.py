"""The design that the pipeline replaces, for contrast: one write per event, task and attempt.

What the original recipe's two functions do, in a few lines: each event is added to its page,
session and counter item and put into the bucket under session id and millisecond, all at once; the
first error fails the batch, whose other writes stand. Its detector reads what the other function
may not have written yet, swallows every error, and publishes a message for each matching event.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from simulator.containers import Connect, Factory, WorkerPool
from simulator.stores import ARCHIVE, COUNTERS, PAGES, SESSIONS, Stores

_DAY: Final = 86_400
_WEEK: Final = 7 * _DAY
#: The object key holds the millisecond in which Node.js came to the record: some 30 in each.
_RECORDS_PER_MS: Final = 30
_ROBOTS: Final = ("bot", "crawler", "spider", "scraper")
_MOST_CLICKS: Final = 50
_FEWEST_BEFORE_CHECKOUT: Final = 3


def processor_factory(stores: Stores, clock: Callable[[], float]) -> Factory:
    """Return what makes the processor of a container."""

    def make(connect: Connect, pool: Callable[[int], WorkerPool]) -> Any:
        tables, bucket, workers = connect(stores.tables), connect(stores.bucket), pool(1)

        def count(table: str, key: dict[str, str], counter: str, life: int, **more: str) -> None:
            sets = {"ttl": {"N": str(int(clock()) + life)}}
            sets |= {name: {"S": value} for name, value in more.items()}
            names = {f"#{name}": name for name in (*sets, counter)}
            tables.update_item(
                TableName=table,
                Key={name: {"S": value} for name, value in key.items()},
                UpdateExpression=(
                    f"ADD #{counter} :one SET " + ", ".join(f"#{name} = :{name}" for name in sets)
                ),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":one": {"N": "1"}}
                | {f":{name}": value for name, value in sets.items()},
            )

        def process(data: bytes, now_ms: int) -> None:
            event = json.loads(data)
            moment = datetime.fromisoformat(event["timestamp"]).isoformat()
            if event["event_type"] == "page_view":
                key = {"page_url": event["page_url"], "timestamp_hour": moment[:13]}
                count(PAGES, key, "view_count", _WEEK)
            more = {"last_activity": event["timestamp"]}
            more["user_agent"] = event.get("user_agent") or "unknown"
            count(SESSIONS, {"session_id": event["session_id"]}, "event_count", _DAY, **more)
            name = f"events_per_minute_{event['event_type']}"
            key = {"metric_name": name, "time_window": moment[:16]}
            count(COUNTERS, key, "event_count", _DAY)
            day = time.strftime("year=%Y/month=%m/day=%d/hour=%H", time.gmtime(now_ms / 1000))
            bucket.put_object(
                Bucket=ARCHIVE,
                Key=f"{day}/{event['session_id']}-{now_ms}.json",
                Body=json.dumps(event).encode(),
            )

        def handle(batch: Mapping[str, Any]) -> dict[str, Any]:
            started = round(clock() * 1000)
            tasks = [
                workers.submit(process, data, started + index // _RECORDS_PER_MS)
                for index, data in enumerate(_data(batch))
            ]
            for error in [task.exception() for task in tasks]:
                if error is not None:
                    raise error
            return {"statusCode": 200}

        return handle

    return make


def detector_factory(stores: Stores) -> Factory:
    """Return what makes the detector of a container."""

    def make(connect: Connect, _pool: Callable[[int], WorkerPool]) -> Any:
        tables, topic = connect(stores.tables), connect(stores.topic)

        def number(table: str, **key: str) -> int:
            typed = {name: {"S": value} for name, value in key.items()}
            item = tables.get_item(TableName=table, Key=typed).get("Item", {})
            return int(item.get("event_count", {"N": "0"})["N"])

        def watch(data: bytes) -> None:
            event = json.loads(data)
            session = event["session_id"]
            found = []
            # No function writes this counter.
            minute = event["timestamp"][:16]
            clicks = number(COUNTERS, metric_name=f"session_events_{session}", time_window=minute)
            if clicks > _MOST_CLICKS:
                found.append("high_frequency_clicks")
            if any(word in (event.get("user_agent") or "").lower() for word in _ROBOTS):
                found.append("suspicious_user_agent")
            if "/checkout" in event["page_url"]:
                seen = number(SESSIONS, session_id=session)
                if seen < _FEWEST_BEFORE_CHECKOUT:
                    found.append("unusual_page_sequence")
            if found:
                message = {"session_id": session, "anomalies": [{"type": each} for each in found]}
                topic.publish(
                    TopicArn="topic",
                    Subject="Clickstream Anomaly Detected",
                    Message=json.dumps(message),
                )

        def handle(batch: Mapping[str, Any]) -> dict[str, Any]:
            for data in _data(batch):
                try:
                    watch(data)
                except Exception:  # noqa: BLE001, S112 - that it swallows every error is the design
                    continue
            return {"statusCode": 200}

        return handle

    return make


def _data(batch: Mapping[str, Any]) -> list[bytes]:
    return [base64.b64decode(record["kinesis"]["data"]) for record in batch.get("Records", ())]
