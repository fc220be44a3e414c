"""A stream that does not take everything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lambdas.collector.site import TOKENS_ARN, Site, said
from tests.lambdas.pipelines import event

BUSY = "ProvisionedThroughputExceededException"
THREE = [event(session_id=f"s{number}", event_id=f"e{number}") for number in range(3)]


@pytest.fixture
def shop(make_site: Callable[..., Site]) -> Site:
    """A site whose servers have tokens."""
    return make_site(collector={"tokensSecretArn": TOKENS_ARN})


def test_records_that_are_refused_are_sent_again(shop: Site) -> None:
    """Only those, and each event is in the stream once."""
    shop.stream.refusals = [[None, BUSY, "InternalFailure"], [BUSY]]
    answer = shop.send(*THREE)
    assert said(answer) == {"accepted": 3}
    assert sorted(one["event_id"] for one in shop.stream.events) == ["e0", "e1", "e2"]
    assert shop.stream.calls == 3


@pytest.mark.parametrize("refusal", [BUSY, "ThrottlingException", "no answer"])
def test_a_call_that_fails_is_made_again(shop: Site, refusal: str) -> None:
    """Where the error passes by itself."""
    shop.stream.refusals = [refusal, refusal]
    assert said(shop.send(*THREE)) == {"accepted": 3}


def test_when_the_time_is_over_the_sender_repeats_the_rest(shop: Site) -> None:
    """By 503 and the places of what was taken, before Lambda ends the invocation."""
    shop.stream.refusals = [[None, BUSY, None], *[[BUSY]] * 100]
    began = shop.now
    answer = shop.send(*THREE, seconds=10)
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "1"
    assert (said(answer)["accepted"], said(answer)["acceptedIndexes"]) == (2, [0, 2])
    assert shop.now - began <= 7
    assert shop.metrics() == {"CollectorEvents": 2, "CollectorUnavailable": 1}


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_an_error_that_stays_is_told_at_once(shop: Site, code: str) -> None:
    """By 503, and in the log by AWS's code."""
    shop.stream.refusals = [code]
    answer = shop.send(*THREE)
    assert (answer["statusCode"], said(answer)["acceptedIndexes"]) == (503, [])
    assert shop.stream.calls == 1
    assert any(code in line and '"ERROR"' in line for line in shop.lines)


def test_a_page_is_told_to_come_again(shop: Site) -> None:
    """All of its events are one record: nothing or everything is taken."""
    shop.stream.refusals = [[BUSY]] * 100
    answer = shop.view()
    assert (answer["statusCode"], said(answer)["accepted"]) == (503, 0)
    shop.stream.refusals = []
    assert shop.view()["statusCode"] == 200
