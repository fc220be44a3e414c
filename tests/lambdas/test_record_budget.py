"""The budget of one record: rows across all forms, text, writes; what exceeds it is kept as bad."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_layout.tables import PAGES as PAGE_LISTS
from processor.page_lists import PageLists
from shared import budget as budgets
from shared.budget import Budget
from shared.decode import Decoder
from shared.privacy import Scrubber
from shared.records import BadRow, Event, Record
from shared.text_search import UNSEARCHED, TextSearch
from simulator.traffic import aggregate
from tests.lambdas.pipelines import (
    COUNTERS,
    KEY,
    NOW,
    Pipeline,
    config_document,
    event,
    invocation,
    make_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.config import Config

ARRIVAL_MS = round(NOW * 1000)
SMALL = b'{"event_type":"a","session_id":"s","timestamp":1795435200}'


def decode(
    data: bytes, budget: Budget = budgets.DEFAULT, config: Config | None = None
) -> list[Event | BadRow]:
    """Return the rows of one record."""
    config = config or make_config()
    decoder = Decoder(config, Scrubber(config.privacy, config.fields, KEY))
    return list(decoder.decode(Record(1, ARRIVAL_MS, data), budget))


def _array(count: int) -> bytes:
    return b"[" + b",".join([SMALL] * count) + b"]"


def _lines(count: int) -> bytes:
    return b"\n".join([SMALL] * count)


def _kpl(count: int) -> bytes:
    return aggregate([SMALL] * count)


def _kpl_of_arrays(count: int) -> bytes:
    return aggregate([_array(count // 3), _array(count // 3), _array(count - 2 * (count // 3))])


def _kpl_of_all(count: int) -> bytes:
    return aggregate([_array(count // 2), _lines(count - count // 2 - 2), SMALL, b"no event"])


FORMS: tuple[Callable[[int], bytes], ...] = (_array, _lines, _kpl, _kpl_of_arrays, _kpl_of_all)


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_counted_across_all_forms(form: Callable[[int], bytes]) -> None:
    """As many rows as the budget has are rows; with one more the record is one bad row."""
    for budget in (budgets.SMALLEST, budgets.DEFAULT):
        assert len(decode(form(budget.rows), budget)) == budget.rows
        (row,) = decode(form(budget.rows + 1), budget)
        assert isinstance(row, BadRow)
        assert row.reason == "too_large"
        assert str(budget.rows) in row.detail


def test_default_function_takes_ten_thousand_rows() -> None:
    """The documented limit is that of the default memory and timeout, and grows with both."""
    assert budgets.DEFAULT.rows == 10_000
    assert Budget.of(1769, 60).rows > 6 * budgets.DEFAULT.rows
    assert Budget.of(256, 120).writes == pytest.approx(2 * budgets.DEFAULT.writes, rel=0.01)
    assert Budget.of(10_240, 60) == Budget.of(1769, 60)  # One thread has no more than one CPU.


@pytest.mark.parametrize(
    "part", [b"", b"{", b"[]", b"null", b"x"], ids=["empty", "cut", "array", "null", "text"]
)
def test_aggregate_of_countless_user_records_makes_few_rows(part: bytes) -> None:
    """Whatever a megabyte of tiny user records holds, it makes no more rows than the budget has."""
    count = 1_000_000 // (4 + len(part))
    assert len(decode(aggregate([part] * count))) <= budgets.DEFAULT.rows


def test_text_beyond_the_budget_is_not_kept() -> None:
    """Of text that is not searched, size and digest stand in the bad row and nothing else."""
    budget = budgets.SMALLEST
    text = b"user_id=alice-7788 " * (budget.text_bytes // 19 + 1)
    (row,) = decode(text, budget)
    assert isinstance(row, BadRow)
    assert row.payload == {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    (row,) = decode(text[: budget.text_bytes], budget)
    assert isinstance(row, BadRow)
    assert "[redacted]" in row.payload


_WORDS = "words and words " * 40


@pytest.mark.parametrize(
    "data",
    [
        aggregate([f"{{note: {_WORDS}".encode()] * 1000),
        b"\n".join([SMALL, *[f"{{note: {_WORDS}".encode()] * 1000]),
        json.dumps([f"{{note: {_WORDS}"] * 1000).encode(),
        json.dumps([[[{"note": _WORDS}]]] * 1000).encode(),
    ],
    ids=["user records", "lines", "texts", "lists"],
)
def test_text_is_counted_across_all_forms(data: bytes) -> None:
    """However a record spreads its text, no more of it is kept than the budget has."""
    budget = budgets.SMALLEST
    rows = decode(data, budget)
    assert len(rows) >= 1000
    kept = sum(
        len(json.dumps(row.payload))
        for row in rows
        if isinstance(row, BadRow) and not isinstance(row.payload, dict)
    )
    assert 0.9 * budget.text_bytes < kept <= 1.1 * budget.text_bytes


HOSTILE = base64.b64encode(b"a=%25&#x3c; b:c ?d=e alice-7788 " * 300).decode()


@pytest.mark.parametrize("shape", ["texts", "list", "lists", "names", "numbers", "events"])
def test_text_of_events_is_searched_up_to_the_budget(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record of 4 MiB costs what its function can do, and what was not searched is not kept."""
    budget = budgets.SMALLEST
    count = 4 * 1024 * 1024 // len(HOSTILE) - 10
    members: dict[str, Any] = {"user_id": "alice-7788"}
    documents = [event(**members)]
    if shape == "texts":
        documents[0] |= {f"note{number}": HOSTILE for number in range(count)}
    elif shape == "list":
        documents[0]["notes"] = [HOSTILE] * count
    elif shape == "lists":
        documents[0]["notes"] = [[{"a": [HOSTILE]}]] * count
    elif shape == "names":
        documents[0] |= {f"{HOSTILE}{number}": 1 for number in range(count)}
    elif shape == "numbers":
        documents[0]["notes"] = [[*b"alice-7788 "] * 200] * 400
    else:
        documents = [event(note=HOSTILE, **members) for _ in range(count)]
    searched = 0
    real = TextSearch._search_all

    def count_searched(self: TextSearch, text: str, kind: int, depth: int) -> str:
        nonlocal searched
        searched += len(text) if self._allowance is None else 0
        return real(self, text, kind, depth)

    monkeypatch.setattr(TextSearch, "_search_all", count_searched)
    data = json.dumps(documents).encode()
    assert len(data) > 8 * budget.event_text_bytes
    rows = decode(data, budget, make_config(maxRecordSizeKiB=4096))
    assert len(rows) == len(documents)
    assert all(isinstance(row, Event) and row.page == "/products" for row in rows)
    assert searched <= budget.event_text_bytes
    kept = json.dumps([row.document for row in rows if isinstance(row, Event)])
    assert UNSEARCHED in kept
    assert "[encoded " in kept
    assert HOSTILE not in kept
    assert "alice-7788" not in kept


def test_record_within_the_budget_loses_nothing() -> None:
    """Whatever stands last in a record of the budget's size is searched and kept."""
    words = "words and words " * ((budgets.SMALLEST.event_text_bytes - 2000) // 16)
    rows = decode(json.dumps(event(a=words, b="the end")).encode(), budgets.SMALLEST)
    (row,) = rows
    assert isinstance(row, Event)
    assert (row.document["a"], row.document["b"]) == (words, "the end")


@pytest.mark.parametrize("member", ["page_url", "event_type", "session_id"])
def test_event_is_counted_by_the_same_text_under_each_budget(member: str) -> None:
    """What an event is counted by is searched last or first, or the event is refused for good."""
    filler = "words and words " * 25_000
    for size in (100, 20_000):
        found = {
            json.dumps([type(row).__name__, getattr(row, "session", ""), getattr(row, "page", "")])
            for budget in (budgets.SMALLEST, budgets.DEFAULT, Budget(10**6))
            for row in decode(
                json.dumps({"x": filler, **event(**{member: "/" + "a" * size})}).encode(),
                budget,
                make_config(maxRecordSizeKiB=4096),
            )
        }
        assert len(found) == 1
        assert ("Event" in found.pop()) == (size == 100)


def test_fields_below_the_top_level_are_searched_under_each_budget() -> None:
    """Whatever their path, and with numbers for ids; all else beyond the budget is left out."""
    fields = {"type": "a.kind", "session": "a.session", "time": "a.b.time", "page": "c.url"}
    document = config_document()
    events = document["events"] | {"fields": document["events"]["fields"] | fields}
    config = make_config(maxRecordSizeKiB=4096, events=events)
    sent = {
        "x": "words and words " * 25_000,
        "a": {"kind": "page_view", "session": 123_456_789_012_345, "b": {"time": ARRIVAL_MS}},
        "c": [{"key": "url", "value": "/shop?token=1"}, {"key": "other", "value": "gold"}],
    }
    (row,) = decode(json.dumps(sent).encode(), budgets.SMALLEST, config)
    assert isinstance(row, Event)
    assert (row.type, row.session, row.page) == ("page_view", "123456789012345", "/shop")
    assert UNSEARCHED in row.document.values()
    assert "gold" not in json.dumps(row.document)


_SIGNS = st.sampled_from('a"\\é漢/\u200b')
PAGE = st.text(_SIGNS, min_size=1, max_size=600).map(lambda page: f"/{page}")


@given(pages=st.lists(PAGE, max_size=12, unique=True), copies=st.integers(1, 40))
def test_lists_of_pages_fit_an_item(pages: list[str], copies: int) -> None:
    """Whatever signs the pages have, each page is listed and no list is above half of an item."""
    names = {f"{page}{number}" for page in pages for number in range(copies)}
    pipeline = Pipeline()
    PageLists(pipeline.dynamodb, COUNTERS, 7).write("lane", [(name, 498_732) for name in names])
    texts = [item["pages"]["S"] for item in pipeline.dynamodb.items(COUNTERS)]
    assert {page for text in texts for page in json.loads(text)} == names
    assert all(len(text.encode()) <= 205_000 for text in texts)


@pytest.mark.parametrize("sign", ['"', "\\", "é", "漢", "a"])
def test_record_of_long_pages_is_counted(sign: str) -> None:
    """A hundred pages of 2,048 bytes in one record, whatever they double to as JSON."""
    room = 2045 // len(sign.encode())
    pages = [f"/{number:02d}{sign * room}" for number in range(100)]
    record = json.dumps(
        [event(page_url=page, user_id=None, user_agent=None) for page in pages], ensure_ascii=False
    ).encode()
    pipeline = Pipeline()
    assert pipeline.processor().process(invocation([record])) == {"batchItemFailures": []}
    hour = "2026-11-23T12"
    found: Any = pipeline.readback().top_pages(since=hour, until=hour, limit=200)
    assert len(found) == 100
    lists = [
        item for item in pipeline.dynamodb.items(COUNTERS) if item["metric_name"]["S"] == PAGE_LISTS
    ]
    assert len(lists) >= 1
