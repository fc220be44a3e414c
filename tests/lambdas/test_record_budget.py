"""The budget of one record: rows across all forms, text, writes; what exceeds it is kept as bad."""

from __future__ import annotations

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
from simulator.traffic import aggregate
from tests.lambdas.pipelines import COUNTERS, KEY, NOW, Pipeline, event, invocation, make_config

if TYPE_CHECKING:
    from collections.abc import Callable

ARRIVAL_MS = round(NOW * 1000)
SMALL = b'{"event_type":"a","session_id":"s","timestamp":1795435200}'


def decode(data: bytes, budget: Budget = budgets.DEFAULT) -> list[Event | BadRow]:
    """Return the rows of one record."""
    config = make_config()
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
