"""A plan in words: marks, risks and costs, for a terminal, a pull request and a program."""

from __future__ import annotations

from dataclasses import replace

from clickstream_operator.api.status import Plan, PlanChange
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.cli.plan_text import Report, markdown
from clickstream_operator.cli.planning import Obstacle, Planned, Resource

PLAN = Plan(
    changes_hash="c0ffee",
    summary="1 to create, 1 to change, 1 to delete",
    changes=[
        PlanChange(action="create", resource="alerts"),
        PlanChange(action="update", resource="stream", field="shards", old="2", new="4"),
        PlanChange(action="delete", resource="archive"),
    ],
)
REPORT = Report(
    name="analytics/shop",
    planned=Planned(
        effective=Effective(account="123456789012", region="eu-west-1"),
        plan=PLAN,
        resources={
            "alerts": Resource("SNSTopic", "shop-alerts", ""),
            "stream": Resource("KinesisStream", "shop-events", "its records are lost"),
            "archive": Resource("S3Bucket", "shop-archive", "its objects are lost"),
            "detector-role": Resource("IAMRole", "shop-detector", ""),
        },
        obstacles=(
            Obstacle("detector-role", "ReplacementNeeded", "path can't be changed in place"),
            Obstacle("hash-key", "AccessDenied", "ssm:GetParameter | refused"),
        ),
        incomplete=False,
        identity=CallerIdentity(account="123456789012", partition="aws"),
    ),
    cost_before="76.72",
    cost_after="90.00",
    risks=("stream.retentionHours 48 -> 24: records older than 24 h leave the stream",),
    notes=(),
)


def test_each_change_has_its_mark_and_its_words() -> None:
    """What can only be replaced, and what is held up, stands among the changes."""
    assert REPORT.lines() == [
        ("+", "alerts", "SNSTopic shop-alerts"),
        ("~", "stream", "shards: 2 -> 4"),
        ("-", "archive", "S3Bucket shop-archive"),
        ("-/+", "detector-role", "ReplacementNeeded: path can't be changed in place"),
        ("!", "hash-key", "AccessDenied: ssm:GetParameter | refused"),
    ]


def test_data_that_goes_with_a_resource_is_at_risk() -> None:
    """Of a deleted one, not of a changed one."""
    assert REPORT.all_risks() == [REPORT.risks[0], "archive is deleted, and its objects are lost"]


def test_the_cost_is_shown_before_and_after() -> None:
    """Once where it is the same, or where nothing was there."""
    assert REPORT.cost() == "$76.72 -> $90.00 a month"
    assert replace(REPORT, cost_before="").cost() == "$90.00 a month"
    assert replace(REPORT, cost_after="76.72").cost() == "$76.72 a month"


def test_a_comment_has_everything_and_breaks_no_table() -> None:
    """A bar in a message would end a cell."""
    text = markdown([REPORT])
    assert text.startswith("### `analytics/shop` in eu-west-1 of account 123456789012\n")
    assert "| `-/+` | `detector-role` | ReplacementNeeded: path can't be changed in place |" in text
    assert "ssm:GetParameter \\| refused" in text
    assert "- archive is deleted, and its objects are lost" in text
    assert "`changesHash` c0ffee" in text


def test_nothing_to_do_is_said() -> None:
    """And an obstacle alone is not nothing."""
    nothing = replace(REPORT.planned, plan=Plan(), obstacles=())
    assert replace(REPORT, planned=nothing).summary() == "No changes: AWS is as the spec says."
    assert not replace(REPORT, planned=nothing).has_changes
    assert replace(REPORT, planned=replace(REPORT.planned, plan=Plan())).has_changes


def test_a_program_gets_all_of_it() -> None:
    """Changes as the status has them."""
    found = REPORT.document()
    assert found["changesHash"] == "c0ffee"
    assert found["changes"][1]["new"] == "4"
    assert found["obstacles"][0]["reason"] == "ReplacementNeeded"
    assert found["costAfter"] == "90.00"
