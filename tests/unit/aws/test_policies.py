"""IAM policy documents: equal meaning, equal form."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.aws import policies

WORDS = st.sampled_from(["s3:Get*", "s3:Put*", "sqs:Send", "arn:a", "arn:b"])
STATEMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Deny"]),
            "Action": st.lists(WORDS, min_size=1, max_size=3, unique=True),
            "Resource": st.lists(WORDS, min_size=1, max_size=3, unique=True),
        },
        optional={
            "Sid": st.sampled_from(["a", "b"]),
            "Condition": st.fixed_dictionaries(
                {
                    "StringEquals": st.fixed_dictionaries(
                        {"aws:SourceArn": st.lists(WORDS, min_size=1, max_size=3, unique=True)}
                    )
                }
            ),
        },
    ),
    min_size=1,
    max_size=3,
)


def rewritten(value: Any, source: random.Random) -> Any:
    """The same policy as another tool, or AWS, might spell it."""
    if isinstance(value, dict):
        items = list(value.items())
        source.shuffle(items)
        return {key: rewritten(item, source) for key, item in items}
    if isinstance(value, list):
        shuffled = [rewritten(item, source) for item in value]
        source.shuffle(shuffled)
        return shuffled[0] if len(shuffled) == 1 and source.random() < 0.5 else shuffled
    return value


@given(STATEMENTS, st.randoms(use_true_random=False))
def test_spelling_does_not_matter(statements: list[dict[str, Any]], source: random.Random) -> None:
    """Order, lone strings, lone statements and JSON text mean nothing."""
    policy = policies.document(statements)
    other = rewritten(policy, source)
    assert policies.canonical(other) == policies.canonical(policy)
    assert policies.canonical(json.dumps(other, indent=2)) == policies.canonical(policy)


@pytest.mark.parametrize("everybody", [{"AWS": "*"}, {"AWS": ["*"]}])
@pytest.mark.parametrize("value", [False, [False], ["false"]])
def test_words_for_everybody_and_for_values_do_not_matter(everybody: Any, value: Any) -> None:
    """What a console writes for a star and for a text."""
    one = policies.statement("a", actions=["s3:*"], resources=["arn:x"])
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    ours = {**one, "Principal": "*", "Condition": condition}
    other = {**one, "Principal": everybody, "Condition": {"Bool": {"aws:SecureTransport": value}}}
    assert policies.canonical(policies.document([other])) == policies.canonical(
        policies.document([ours])
    )


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Condition": {"StringEquals": {"aws:SourceArn": "true"}}},
        {"Action": ["s3:PutObject"]},
        {"Resource": ["arn:other"]},
        {"Condition": {"StringEquals": {"aws:SourceArn": "x"}}},
        {"Condition": {"StringLike": {"aws:SourceArn": ["a", "b"]}}},
    ],
)
def test_meaning_matters(change: dict[str, Any]) -> None:
    """A difference in anything that decides is seen."""
    one = policies.statement(
        "a",
        actions=["s3:GetObject"],
        resources=["arn:x"],
        conditions={"StringEquals": {"aws:SourceArn": ["a", "b"]}},
    )
    other = {**one, **change}
    assert policies.canonical(policies.document([one])) != policies.canonical(
        policies.document([other])
    )


def test_statement_is_sorted() -> None:
    """Equal statements have equal text."""
    found = policies.statement("a", actions=["b", "a"], resources=["d", "c"])
    assert found == {"Sid": "a", "Effect": "Allow", "Action": ["a", "b"], "Resource": ["c", "d"]}
    assert "Condition" not in found


def test_trust_of_a_service() -> None:
    """One service may assume the role, under conditions if any."""
    plain = policies.statements(policies.service_trust("lambda.amazonaws.com"))
    assert plain[0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert "Condition" not in plain[0]
    bound = policies.service_trust("s", {"StringEquals": {"aws:SourceAccount": "1"}})
    assert policies.statements(bound)[0]["Condition"]


def test_lone_statement_is_a_list_of_one() -> None:
    """AWS accepts it, so it is read."""
    policy = {"Statement": {"Sid": "a"}}
    assert policies.statements(policy) == policies.statements(json.dumps(policy)) == [{"Sid": "a"}]
    assert policies.statements({}) == []


def test_text_is_the_same_for_the_same_policy() -> None:
    """Compact and sorted."""
    assert policies.as_text({"b": 1, "a": [2]}) == '{"a":[2],"b":1}'


def test_rights_on_some_resources_are_taken_out() -> None:
    """An ARN and what lies under it, not its namesakes; a statement left empty goes."""
    table, bucket = "arn:aws:dynamodb:r:1:table/a", "arn:aws:s3:::b"
    before = policies.document(
        [
            policies.statement("One", actions=["x:Y"], resources=[table, f"{table}b"]),
            policies.statement("Two", actions=["x:Y"], resources=[f"{bucket}/raw/*", bucket]),
            policies.statement("Logs", actions=["x:Y"], resources=["arn:aws:logs:r:1:g:x:*"]),
        ]
    )
    left = policies.without_resources(before, [table, bucket, "arn:aws:logs:r:1:g:x"])
    assert [(one["Sid"], one["Resource"]) for one in left["Statement"]] == [("One", [f"{table}b"])]
