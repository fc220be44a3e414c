"""`bug-report`: what names persons, accounts or secrets is replaced."""

from __future__ import annotations

import json

import pytest

from clickstream_operator.cli.redaction import Redactor


@pytest.mark.parametrize(
    ("given", "redacted"),
    [
        ("arn:aws:iam::123456789012:role/ops", "arn:aws:iam::ACCOUNT-1:role/ops"),
        ("mail ann.lee+x@shop.example.com now", "mail EMAIL-1 now"),
        ("key AKIAIOSFODNN7EXAMPLE is out", "key ACCESS-KEY-1 is out"),
        ("from 203.0.113.7 at 12:00:30", "from ADDRESS-1 at 12:00:30"),
        ("from 2001:db8:85a3:1:2:8a2e:370:7334.", "from ADDRESS-1."),
        ("Bearer eyJhbGciOiJIUzI1.eyJzdWIi.sig-nature", "Bearer TOKEN-1"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "PRIVATE-KEY-1"),
    ],
)
def test_what_must_not_leave_is_replaced(given: str, redacted: str) -> None:
    """All else stands as it is."""
    assert Redactor().text(given) == redacted


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-23T12:00:30.123456Z",
        "shop-abcd2345-events",
        "version 1.37.2 of 3 shards",
        "sequence 49590338271490256608559692538361571095921575989136588898",
        "uid 0b6f6c4e-8d7b-4c57-9d0e-2f6f2f1f0a11",
    ],
)
def test_times_names_and_numbers_stay(given: str) -> None:
    """Without them nobody could help."""
    assert Redactor().text(given) == given


def test_the_same_value_has_the_same_stand_in() -> None:
    """In every text; another value has another."""
    redactor = Redactor()
    first = redactor.text("123456789012 and 111122223333")
    assert first == "ACCOUNT-1 and ACCOUNT-2"
    assert redactor.text("again 111122223333") == "again ACCOUNT-2"
    assert redactor.counts() == {"ACCOUNT": 2}


def test_values_that_are_named_like_secrets_go_whole() -> None:
    """Members of a spec, and variables of a container."""
    document = {
        "credentials": {"roleArn": "arn:aws:iam::123456789012:role/a", "externalId": "hunter2"},
        "env": [
            {"name": "AWS_SECRET_ACCESS_KEY", "value": "wJalr"},
            {"name": "CLICKSTREAM_REGION", "value": "eu-west-1"},
        ],
        "alerts": {"emails": ["ann@example.com"]},
        "n": 3,
    }
    found = json.dumps(Redactor().document(document))
    for secret in ("hunter2", "wJalr", "ann@", "123456789012"):
        assert secret not in found
    assert "eu-west-1" in found
    assert '"n": 3' in found
