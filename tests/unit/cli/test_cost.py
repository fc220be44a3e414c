"""`cost`: dollars by service and volume, and the cheapest stream that counts in time."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli.costs import cheapest, choices, traffic_of
from clickstream_operator.cli.manifest import faults_of
from clickstream_operator.cost import estimate
from clickstream_operator.cost.prices import document
from tests.terminal import on_terminal, piped
from tests.unit.cli.test_render import MANIFEST

TWO_SHARDS = Spec()


def answer(*options: str, given: str = "") -> Any:
    """The answer of `cost` as data."""
    done = piped(["cost", "-o", "json", *options], given=given)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_sum_is_that_of_the_status() -> None:
    """A million events a day is the stated traffic of estimatedMonthlyCost."""
    found = answer()
    stated = estimate(Spec(), region="us-east-1")
    assert f"{found['estimates'][0]['total']:.2f}" == stated.text() == "77.61"
    assert found["estimates"][0]["services"].keys() == stated.by_service().keys()
    dates = {one["date"] for one in document()["regions"]["us-east-1"].values()}
    assert found["pricesAt"] == max(dates)


def test_volumes_stand_side_by_side() -> None:
    """In the short form in which they were given."""
    done = piped(["cost", "--for", "10k", "--for", "2.5M", "--for", "100M"])
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["SERVICE", "10k/DAY", "2.5M/DAY", "100M/DAY"]
    assert rows[-1].startswith("total a month")
    parts = [sum(float(row.split()[n].replace(",", "")) for row in rows[:-1]) for n in (1, 2, 3)]
    totals = [float(text.replace(",", "")) for text in rows[-1].split()[3:]]
    assert parts == pytest.approx(totals, abs=0.05)
    assert "2 shards can't take" not in done.stderr


def test_too_few_shards_are_told() -> None:
    """The sum alone would look like a bargain."""
    given = MANIFEST.replace("{region: eu-west-1}", "{stream: {shards: 1}}")
    done = piped(["cost", "-f", "-", "--for", "200M"], given=given)
    assert "1 shard can't take 200M events a day: at least 3 are needed" in done.stderr


def test_prices_of_another_region_are_told() -> None:
    """A region without prices borrows them, and says so."""
    done = piped(["cost", "-f", "-"], given=MANIFEST)
    assert "list prices of us-east-1" in done.stderr
    assert "which stand in for those of the pipeline's own region" in done.stderr


def test_the_profile_changes_the_sum() -> None:
    """Bigger events and shorter sessions cost more."""
    plain = answer()["estimates"][0]["total"]
    profile = ("--event-bytes", "4000", "--session-events", "5", "--pages", "5000")
    assert answer(*profile)["estimates"][0]["total"] > plain


@pytest.mark.parametrize("volume", [1_000_000, 100_000_000])
@pytest.mark.parametrize("within", [0, 5, 60, 300])
def test_the_cheapest_is_in_time_and_none_is_cheaper(volume: int, within: int) -> None:
    """Held against every other way, and the spec that chooses it is valid and costs as much."""
    traffic = traffic_of(volume, {})
    found = choices(TWO_SHARDS, "us-east-1", traffic)
    best = cheapest(found, within=within)
    assert best is not None
    assert best.window <= within
    assert all(one.dollars >= best.dollars - 0.005 for one in found if one.window <= within)
    spec = best.spec(TWO_SHARDS)
    body = {**yaml.safe_load(MANIFEST), "spec": spec}
    assert faults_of(body) == []
    again = estimate(Spec.model_validate(spec), region="us-east-1", traffic=traffic)
    assert again.dollars == pytest.approx(best.dollars)


def test_the_comparison_marks_what_is_now() -> None:
    """On-demand is compared too, and the way of the spec is among them."""
    found = answer("--compare", "--within", "60")
    assert found["cheapest"]["mode"] == "Provisioned"
    assert {one["mode"] for one in found["choices"]} == {"Provisioned", "OnDemand"}
    [now] = [one for one in found["choices"] if one["isCurrent"]]
    assert (now["shards"], now["batchingWindowSeconds"], now["total"]) == (2, 5, 77.61)
    assert found["spec"]["alarms"] == {"iteratorAgeSeconds": 150}


@pytest.mark.parametrize("volume", ["abc", "0", "-5", "1e99", "nan", "1T", ""])
def test_what_is_no_volume_is_refused(volume: str) -> None:
    """With examples of one."""
    done = piped(["cost", f"--for={volume}"])
    assert done.returncode == 3
    assert "is no number of events; write 10k, 1M or 100M" in done.stderr


def test_a_comparison_takes_one_volume() -> None:
    """The cheapest way depends on it."""
    done = piped(["cost", "--compare", "--for", "1M", "--for", "2M"])
    assert done.returncode == 3
    assert "--compare takes one --for" in done.stderr


@pytest.mark.parametrize("columns", [40, 80])
def test_the_comparison_fits_the_terminal(columns: int) -> None:
    """With the mark of the cheapest."""
    code, shown = on_terminal(["cost", "--compare"], columns=columns)
    assert code == 0
    assert "cheapest" in shown
    table = shown.partition("spec: {}")[0]
    assert max(len(line.rstrip()) for line in table.splitlines()) <= columns
