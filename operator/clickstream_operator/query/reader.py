"""Reader of a pipeline's results, from its tables and its archive.

The functions write page and counter items for each lane (shard incarnation), with the lane as
suffix of the sort key; the reader queries the prefix and merges the lanes. An item without suffix
was written by the original's functions and counts as one more lane. Items past their `ttl` are left
out, because DynamoDB deletes them only within days (DynamoDB Developer Guide, "Using time to
live").

People, declared robots, agents of language models and suspects are counted in items of their own:
`agents` picks the class, people by default.

It takes boto3 clients and imports none.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from clickstream_layout.archive import BAD, ENVELOPE, RAW, decompress
from clickstream_layout.pseudonyms import derive_key, stored_sessions
from clickstream_layout.tables import (
    AGENT_CLASSES,
    BALANCE,
    COUNTER_KEY,
    INCIDENT,
    PAGE_KEY,
    PAGES,
    AgentClass,
    counter_name,
    page_name,
    page_of,
    session_key,
)
from clickstream_operator.query.rows import (
    ArchivedEvent,
    BadRow,
    Balance,
    Incident,
    PageHour,
    Session,
    SiteViews,
    TopPage,
    merge_hours,
    read_balance,
    read_incident,
    read_session,
    sum_channels,
    sum_minutes,
    total_page,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_LAST = "\uffff"


class PipelineReader:
    """Queries of one pipeline's tables and bucket."""

    def __init__(
        self,
        *,
        dynamodb: Any,
        s3: Any,
        page_metrics_table: str,
        session_metrics_table: str,
        counters_table: str,
        bucket: str,
        clock: Callable[[], float],
        hash_key: bytes | None = None,
    ) -> None:
        """Take low-level boto3 clients, physical names, and a clock in seconds since 1970.

        With the pipeline's hash key, which its parameter `/clickstream/<base>/hash-key` holds,
        sessions that are stored as pseudonyms are found by the producer's own ids too.
        """
        self._dynamodb = dynamodb
        self._s3 = s3
        self._pages = page_metrics_table
        self._sessions = session_metrics_table
        self._counters = counters_table
        self._bucket = bucket
        self._clock = clock
        self._key = None if hash_key is None else derive_key(hash_key)

    def page_views(
        self, page: str, *, since: str = "", until: str = _LAST, agents: AgentClass = "Human"
    ) -> dict[str, PageHour]:
        """Return a page's views by hour (`YYYY-MM-DDTHH`), both ends included."""
        return merge_hours(self._page_items(page_name(page, agents), since, until))

    def all_page_views(self, *, agents: AgentClass = "Human") -> dict[str, dict[str, PageHour]]:
        """Return every page's views by hour. Reads the whole table."""
        pages = _group(self._scan(self._pages), PAGE_KEY[0])
        return {
            page_of(name)[1]: merge_hours(items)
            for name, items in pages.items()
            if page_of(name)[0] == agents
        }

    def top_pages(
        self, *, since: str, until: str, limit: int = 10, agents: AgentClass = "Human"
    ) -> list[TopPage]:
        """Return the most viewed pages of the hours `since` to `until`, most views first.

        Queries the lists of pages of those hours, then each page, and scans no table. Pages that
        only the original's functions counted are in no list.
        """
        items = self._listed(since, until, agents)
        totals = [total_page(page, each) for page, each in items.items()]
        # A page is listed before it is counted, so it may have no item yet.
        counted = [total for total in totals if total.views]
        return sorted(counted, key=lambda each: (-each.views, each.page))[:limit]

    def site_views(self, *, since: str, until: str, agents: AgentClass = "Human") -> SiteViews:
        """Return the views of all pages in the hours `since` to `until`, with visitors of the site.

        Reads as `top_pages` does. A visitor of several pages counts once.
        """
        items = self._listed(since, until, agents)
        every = [item for each in items.values() for item in each]
        total = total_page("", every)
        pages = [total_page(page, each) for page, each in items.items() if each]
        return SiteViews(
            views=total.views,
            unique_visitors=total.unique_visitors,
            hours=merge_hours(every),
            pages=sorted(pages, key=lambda each: (-each.views, each.page)),
        )

    def counts(
        self, event_type: str, *, since: str = "", until: str = _LAST, agents: AgentClass = "Human"
    ) -> dict[str, int]:
        """Return the events of a type by minute (`YYYY-MM-DDTHH:MM`), both ends included."""
        return sum_minutes(self._counter_items(event_type, since, until, agents))

    def all_counts(self, *, agents: AgentClass = "Human") -> dict[str, dict[str, int]]:
        """Return every event type's counts by minute. Reads the whole table."""
        return self.counts_of_classes()[agents]

    def counts_of_classes(self) -> dict[AgentClass, dict[str, dict[str, int]]]:
        """Return, by class of agent, what `all_counts` does. Reads the whole table once."""
        names = _group(self._scan(self._counters), COUNTER_KEY[0])
        counts: dict[AgentClass, dict[str, dict[str, int]]] = {}
        for agents in AGENT_CLASSES:
            prefix = counter_name("", agents)
            counts[agents] = {
                name.removeprefix(prefix): sum_minutes(items)
                for name, items in names.items()
                if name.startswith(prefix)
            }
        return counts

    def channels(
        self,
        event_type: str = "page_view",
        *,
        since: str = "",
        until: str = _LAST,
        agents: AgentClass = "Human",
    ) -> dict[str, int]:
        """Return the page views of a span of minutes by channel, both ends included.

        Views from a page of the same site have no channel and are not among them.
        """
        return sum_channels(self._counter_items(event_type, since, until, agents))

    def sessions_by_channel(
        self, *, agents: AgentClass = "Human", closed_after_seconds: int = 1800
    ) -> dict[str, int]:
        """Return how many closed sessions with a page view came by each channel.

        A session has the last channel that is not `Direct`, and is closed when nothing has come
        for a while: before, a later page view may change it. Reads the whole table.
        """
        closed = datetime.fromtimestamp(self._clock() - closed_after_seconds, UTC)
        last = closed.isoformat(timespec="milliseconds").removesuffix("+00:00")
        counts: dict[str, int] = {}
        for session in self.all_sessions().values():
            is_closed = (session.last_activity or "").removesuffix("Z") <= last
            if is_closed and session.channel is not None and session.agent_class == agents:
                counts[session.channel] = counts.get(session.channel, 0) + 1
        return counts

    def session(self, session_id: str) -> Session | None:
        """Return a session by its id; None when it is unknown or has expired.

        The id is the stored one or, for a reader that has the hash key, the producer's own.
        """
        names = (session_id,) if self._key is None else stored_sessions(self._key, session_id)
        for name in names:
            answer = self._dynamodb.get_item(
                TableName=self._sessions, Key=session_key(name), ConsistentRead=True
            )
            item = answer.get("Item")
            if item is not None and not self._expired(item):
                return read_session(item)
        return None

    def all_sessions(self) -> dict[str, Session]:
        """Return every session by id. Reads the whole table."""
        sessions = map(read_session, self._scan(self._sessions))
        return {session.session_id: session for session in sessions}

    def incidents(self, *, since: str = "", until: str = _LAST) -> list[Incident]:
        """Return incidents by event minute (`YYYY-MM-DDTHH:MM`), oldest first."""
        items = self._query(self._counters, COUNTER_KEY, INCIDENT, since=since, until=until)
        return [read_incident(item) for item in items]

    def balances(self, *, since: str = "", until: str = _LAST) -> list[Balance]:
        """Return the balances of hours (`YYYY-MM-DDTHH`), oldest first."""
        items = self._query(self._counters, COUNTER_KEY, BALANCE, since=since, until=until)
        return [read_balance(item) for item in items]

    def archived_events(self, *, day: str = "", hour: str = "") -> Iterator[ArchivedEvent]:
        """Yield archived events once each.

        Args:
            day: `YYYY-MM-DD` of arrival; all days when empty.
            hour: `HH` of arrival within `day`.
        """
        lines = ((line.pop(ENVELOPE), line) for line in self._lines(RAW, day, hour))
        for envelope, event in _once(lines):
            yield ArchivedEvent(
                lane=envelope["lane"],
                sequence=int(envelope["sequence"]),
                sub=envelope["sub"],
                arrival_ms=envelope["arrival"],
                time_ms=envelope["time"],
                visitor=envelope["visitor"],
                event=event,
                event_id=envelope.get("id"),
                agent_class=envelope.get("class", "Human"),
                channel=envelope.get("channel"),
                repeated=envelope.get("repeat", False),
            )

    def bad_rows(self, *, day: str = "", hour: str = "") -> Iterator[BadRow]:
        """Yield bad rows once each; arguments as in `archived_events`."""
        for line, _ in _once((line, line) for line in self._lines(BAD, day, hour)):
            yield BadRow(
                lane=line["lane"],
                sequence=int(line["sequence"]),
                sub=line["sub"],
                arrival_ms=line["arrival"],
                reason=line["reason"],
                detail=line["detail"],
                payload=line["payload"],
            )

    def _listed(
        self, since: str, until: str, agents: AgentClass
    ) -> dict[str, list[dict[str, Any]]]:
        """Return the items of each page that is listed in a span of hours."""
        lists = self._query(self._counters, COUNTER_KEY, PAGES, since=since, until=until)
        names = sorted({name for each in lists for name in json.loads(each["pages"]["S"])})
        return {
            page_of(name)[1]: self._page_items(name, since, until)
            for name in names
            if page_of(name)[0] == agents
        }

    def _page_items(self, name: str, since: str, until: str) -> list[dict[str, Any]]:
        return self._query(self._pages, PAGE_KEY, name, since=since, until=until)

    def _counter_items(
        self, event_type: str, since: str, until: str, agents: AgentClass
    ) -> list[dict[str, Any]]:
        name = counter_name(event_type, agents)
        return self._query(self._counters, COUNTER_KEY, name, since=since, until=until)

    def _query(
        self, table: str, key: tuple[str, str], value: str, *, since: str, until: str
    ) -> list[dict[str, Any]]:
        """Return the items of a partition whose sort key lies between two prefixes.

        `key` holds the names of the partition and the sort key.
        """
        arguments: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": "#p = :p AND #s BETWEEN :a AND :b",
            "ExpressionAttributeNames": {"#p": key[0], "#s": key[1]},
            "ExpressionAttributeValues": {
                ":p": {"S": value},
                # A key must not be empty; a space sorts before every time.
                ":a": {"S": since or " "},
                ":b": {"S": until + _LAST},
            },
            "ConsistentRead": True,
        }
        return list(self._pages_of(self._dynamodb.query, arguments))

    def _scan(self, table: str) -> Iterator[dict[str, Any]]:
        return self._pages_of(self._dynamodb.scan, {"TableName": table})

    def _pages_of(
        self, call: Callable[..., dict[str, Any]], arguments: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        while True:
            answer = call(**arguments)
            yield from (item for item in answer["Items"] if not self._expired(item))
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _expired(self, item: dict[str, Any]) -> bool:
        return "ttl" in item and float(item["ttl"]["N"]) < self._clock()

    def _lines(self, kind: str, day: str, hour: str) -> Iterator[dict[str, Any]]:
        prefix = f"{kind}/"
        if day:
            prefix += f"dt={day}/" + (f"hr={hour}/" if hour else "")
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        while True:
            answer = self._s3.list_objects_v2(**arguments)
            for entry in answer.get("Contents", ()):
                if not entry["Size"]:
                    continue  # A fence against a late writer, without rows.
                body = self._s3.get_object(Bucket=self._bucket, Key=entry["Key"])["Body"].read()
                for line in decompress(entry["Key"], body).splitlines():
                    yield json.loads(line)
            if not answer.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = answer["NextContinuationToken"]


def _once(
    rows: Iterable[tuple[dict[str, Any], dict[str, Any]]],
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (place, row) pairs without those whose lane, sequence and sub-sequence repeat."""
    seen: set[tuple[str, str, int]] = set()
    for place, row in rows:
        key = (place["lane"], place["sequence"], place["sub"])
        if key not in seen:
            seen.add(key)
            yield place, row


def _group(items: Iterable[dict[str, Any]], name: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        groups.setdefault(item[name]["S"], []).append(item)
    return groups
