"""Metric lines keep the embedded metric format's rules; custom metrics need no code."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.emf import Metrics, Series, dimension_value, metric_value
from shared.logs import Log
from tests.lambdas.pipelines import Pipeline, encode, event, invocation, make_config


def metric(**changes: Any) -> dict[str, Any]:
    """Return a custom metric, changed."""
    return {
        "name": "Sales",
        "namespace": "Clickstream/Business",
        "match": {"event_type": "purchase"},
    } | changes


def emitted(pipeline: Pipeline, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of the metric Sales after processing."""
    pipeline.processor().process(invocation(encode(documents)))
    return pipeline.metric_lines("Sales")


def test_totals_have_a_set_without_dimensions() -> None:
    """The original's command, which names no dimension, gets the account's sum."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation(encode([event(), event(event_type="click")])))
    total, *by_type = pipeline.metric_lines("EventsProcessed")
    directive, own = total["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Clickstream/Events"
    assert directive["Dimensions"] == [[], ["Pipeline"]]
    assert {each["Name"] for each in directive["Metrics"]} == {"EventsProcessed", "BadRows", "Lag"}
    assert (total["Pipeline"], total["EventsProcessed"]) == ("shop-abcd2345", 2)
    assert own["Dimensions"] == [["Pipeline"]]
    assert [each["Name"] for each in own["Metrics"]] == ["PageViews"]
    assert total["PageViews"] == 1
    assert {line["EventType"]: line["EventsProcessed"] for line in by_type} == {
        "page_view": 1,
        "click": 1,
    }
    for line in by_type:
        assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Pipeline", "EventType"]]


def test_counted_metric_with_dimensions() -> None:
    """A metric without value field counts what matches, by dimension."""
    config = make_config(metrics=[metric(dimensions=["product_category"])])
    documents = [
        event(event_type="purchase", product_category=category)
        for category in ("shoes", "shoes", "hats", None)
    ] + [event()]
    lines = emitted(Pipeline(config), documents)
    assert {line["product_category"]: line["Sales"] for line in lines} == {
        "shoes": 2,
        "hats": 1,
        "none": 1,
    }
    assert lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [
        {"Name": "Sales", "Unit": "Count"}
    ]


def test_values_are_kept_in_lines_of_a_hundred() -> None:
    """A metric of values keeps its statistics; no line holds more than 100 of them."""
    config = make_config(metrics=[metric(valueField="amount", unit="None")])
    documents = [event(event_type="purchase", amount=number) for number in range(250)]
    bad = ("EUR 7", True, None, 10**400)
    documents += [event(event_type="purchase", amount=each) for each in bad]
    lines = emitted(Pipeline(config), documents)
    assert [len(line["Sales"]) for line in lines] == [100, 100, 50]
    assert sum(sum(line["Sales"]) for line in lines) == sum(range(250))


def test_series_are_capped() -> None:
    """Above `maxSeries`, new dimension values are counted as `other`."""
    config = make_config(metrics=[metric(dimensions=["sku"], maxSeries=3)])
    documents = [event(event_type="purchase", sku=f"sku-{number}") for number in range(10)]
    lines = emitted(Pipeline(config), documents)
    assert {line["sku"]: line["Sales"] for line in lines} == {
        "sku-0": 1,
        "sku-1": 1,
        "sku-2": 1,
        "other": 7,
    }


@pytest.mark.parametrize(
    ("member", "matches"),
    [("5", True), (5, True), (5.5, False), (True, False), (None, False), ([5], False)],
)
def test_match_compares_text(member: Any, matches: bool) -> None:  # noqa: FBT001 - a test's parameter
    """A member matches by its text; an absent one never does."""
    config = make_config(metrics=[metric(match={"rank": "5"})])
    assert bool(emitted(Pipeline(config), [event(rank=member)])) == matches


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("shoes", "shoes"),
        (":a", "%3Aa"),
        (" a ", "a"),
        ("  ", "none"),
        ("", "none"),
        ("größe\nx", "gr%C3%B6%C3%9Fe%0Ax"),
        ("50%", "50%"),
        ("\ud800", "%ED%A0%80"),
        (7, "7"),
        (False, "false"),
        ({}, "none"),
    ],
)
def test_dimension_values_are_what_cloudwatch_takes(value: Any, expected: str) -> None:
    """Printable ASCII, not blank, no colon in front, not too long."""
    assert dimension_value(value) == expected


def test_metric_values_are_what_cloudwatch_takes() -> None:
    """Numbers within CloudWatch's range, flags and text refused."""
    assert metric_value(2) == 2.0
    assert [metric_value(text) for text in ("19.99", " 7 ", "-.5", "1e3")] == [19.99, 7, -0.5, 1000]
    bad = (True, "", "1,5", "7 EUR", "0x1", "nan", "inf", "1_0", "\u0661", "1e999", None, 10**200)
    assert [metric_value(each) for each in bad] == [None] * len(bad)


@given(st.lists(st.text(min_size=1), min_size=2, max_size=8))
def test_different_values_are_different_dimensions(values: list[str]) -> None:
    """Whatever the values are but blank around, no two share a series, and CloudWatch takes all."""
    distinct = {value.strip() or "none" for value in values}
    taken = {dimension_value(value) for value in distinct}
    assert len(taken) == len(distinct)
    assert all(re.fullmatch(r"[\x20-\x7e]{1,250}", each) and each[0] != ":" for each in taken)


def test_long_values_stay_apart() -> None:
    """A long value is cut, and ends in a hash of the whole."""
    values = {dimension_value("x" * 2000 + end) for end in ("a", "b")}
    assert len(values) == 2
    assert {len(value) for value in values} == {250}


def test_values_left_out_are_counted() -> None:
    """An amount that is no number is missed by the sum, and told in a metric and in the log."""
    pipeline = Pipeline(make_config(metrics=[metric(valueField="amount", unit="None")]))
    amounts = ("19.99", 5, "19,99", None)
    (line,) = emitted(pipeline, [event(event_type="purchase", amount=each) for each in amounts])
    assert line["Sales"] == [19.99, 5.0]
    (told,) = pipeline.metric_lines("ValuesLeftOut")
    assert told["ValuesLeftOut"] == 2
    logged = [json.loads(each) for each in pipeline.lines]
    (warning,) = [each for each in logged if each.get("message") == "values that are no numbers"]
    assert (warning["metric"], warning["events"]) == ("Sales", 2)


def test_dimension_cannot_hide_a_value() -> None:
    """A dimension that is named like the metric leaves the metric's value in place."""
    lines: list[str] = []
    Metrics("p", lambda: 1.0, lines.append).emit({"A": (1, "Count")}, dimensions={"A": "x"})
    assert json.loads(lines[0])["A"] == 1


def test_series_admit_known_names_for_ever() -> None:
    """What was admitted stays so when the cap is reached."""
    series = Series(1)
    assert [series.admit((name,)) for name in "aba"] == [("a",), ("other",), ("a",)]


def test_log_keeps_to_its_level() -> None:
    """Lines below the level are not written."""
    lines: list[str] = []
    log = Log("WARNING", lines.append)
    log.write("INFO", "quiet")
    log.write("ERROR", "loud", lane="x")
    assert [json.loads(line) for line in lines] == [
        {"level": "ERROR", "message": "loud", "lane": "x"}
    ]


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"name": "_aws"}, True),
        ({"name": "Pipeline"}, True),
        ({"name": "country", "dimensions": ["country"]}, True),
        ({"dimensions": ["_aws"]}, True),
        ({"dimensions": ["country", "_aws"]}, True),
        ({"dimensions": ["Pipeline", "country"]}, False),
        ({"name": "_awsome", "dimensions": ["_AWS"]}, False),
    ],
    ids=str,
)
def test_metric_whose_names_are_taken_destroys_no_line(
    changes: dict[str, Any], *, broken: bool
) -> None:
    """Every line still describes itself; the metric is named in the log, and no event is held."""
    pipeline = Pipeline(make_config(metrics=[metric(**changes)]))
    pipeline.processor().process(invocation(encode([event(event_type="purchase", country="DE")])))
    lines = [json.loads(line) for line in pipeline.lines]
    told = [line["metric"] for line in lines if "metric left out" in line.get("message", "")]
    assert told == ([changes.get("name", "Sales")] if broken else [])
    described = [line for line in lines if "_aws" in line]
    assert all(isinstance(line["_aws"], dict) for line in described)
    found = [line for line in described if _namespace(line) == "Clickstream/Business"]
    assert len(found) == (0 if broken else 1)
    for line in found:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert all(isinstance(line[name], str) for name in directive["Dimensions"][0])
        assert all(isinstance(line[each["Name"]], int | float) for each in directive["Metrics"])


def _namespace(line: dict[str, Any]) -> str:
    return str(line["_aws"]["CloudWatchMetrics"][0]["Namespace"])
