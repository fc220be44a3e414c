"""Rows of anomaly detection."""

from __future__ import annotations

from typing import Any, Final

from tests.reliability.property_map.row import OWN_ROLE, ROLE, Row, Spec, aws_row, function_row


def _rule(**members: Any) -> Spec:
    """A spec with one detection rule; `None` leaves a member out."""
    of = {"name": "many", "kind": "Rate", "value": "2", **members}
    of = {name: value for name, value in of.items() if value is not None}
    return {"anomalyDetection": {"rules": [of]}}


def _rule_row(member: str, probe: str, effect: str, value: Any, *, before: Any, after: Any,
              given: Spec | None = None) -> Row:  # fmt: skip
    return function_row(
        f"anomalyDetection.rules[].{member}", probe, effect, value, before=before, after=after,
        target="detector", stores=["incidents"], given=given or _rule(),
    )  # fmt: skip


_AMOUNT: Final[Spec] = _rule(kind="Threshold", field="amount")

ROWS: Final = [
    aws_row("anomalyDetection.enabled", "detector", False, before=True, after=None, alone=True),
    aws_row("anomalyDetection.enabled", "schedule", False, before=True, after=None,
            alone=True),
    aws_row("anomalyDetection.enabled", "detector-mapping", False, before=True, after=None,
            alone=True),
    aws_row("anomalyDetection.enabled", "detector-role", False, before=True, after=None,
            alone=True),
    aws_row("anomalyDetection.enabled", "detector-alarms", False, before=True, after=None,
            alone=True),
    aws_row("anomalyDetection.memoryMiB", "detector.memoryMiB", 256,
            before=128, after=256),
    aws_row("anomalyDetection.timeoutSeconds", "detector.timeoutSeconds", 60,
            before=30, after=60),
    aws_row("anomalyDetection.timeoutSeconds", "alarm-detector-duration.threshold", 60,
            before=24000.0, after=48000.0),
    aws_row("anomalyDetection.reservedConcurrency", "detector.reservedConcurrency", 5, before=None,
            after=5),
    aws_row("anomalyDetection.roleArn", "detector.roleArn", ROLE,
            before=f"{OWN_ROLE}<detector-role>", after=ROLE, alone=True),
    aws_row("anomalyDetection.roleArn", "detector-role", ROLE, before=True, after=None, alone=True),
    aws_row("anomalyDetection.schedulerRoleArn", "schedule.target.roleArn", ROLE,
            before=f"{OWN_ROLE}<scheduler-role>", after=ROLE, alone=True),
    function_row("anomalyDetection.sensitivity", "incidents_of_thirty_events",
                 "incidents of 30 events of a session in a minute", "High",
                 stores=["incidents"], before=[], after=["high_frequency_clicks"],
                 target="detector"),
    function_row("anomalyDetection.disabledRules", "incidents_of_a_bot",
                 "incidents of a bot's event", ["suspicious_user_agent"], stores=["incidents"],
                 before=["suspicious_user_agent"], after=[], target="detector"),
    _rule_row("name", "incidents_of_three_orders", "rule that an incident names", "other",
              before=["many"], after=["other"]),
    _rule_row("kind", "incidents_of_three_orders", "incidents of three orders", "Match",
              before=["many"], after=[], given=_rule(field="event_type")),
    _rule_row("scope", "subjects_of_three_orders", "what an incident is about", "Page",
              before=["session-1"], after=["/products"]),
    _rule_row("match", "incidents_of_three_orders", "incidents of three orders",
              {"event_type": "click"}, before=["many"], after=[]),
    _rule_row("field", "incidents_of_three_orders", "incidents of orders of 1, 2 and 3", "weight",
              before=["many"], after=[], given=_AMOUNT),
    _rule_row("operator", "incidents_of_three_orders", "incidents of orders of 1, 2 and 3",
              "LessThan", before=["many"], after=[],
              given=_rule(kind="Threshold", field="amount", value="1")),
    _rule_row("value", "incidents_of_three_orders", "incidents of three orders", "3",
              before=["many"], after=[]),
    _rule_row("perSeconds", "incidents_of_three_orders", "incidents of orders at 0, 20 and 40 s",
              30, before=["many"], after=[]),
    _rule_row("forSeconds", "incidents_of_two_busy_minutes", "incidents of two minutes", 180,
              before=["many"], after=[], given=_rule(scope="Site", forSeconds=120)),
    _rule_row("minVolume", "incidents_of_three_orders", "incidents of orders of 1, 2 and 3", 2,
              before=["many"], after=[], given=_AMOUNT),
    _rule_row("cooldownSeconds", "incidents_of_two_bursts", "incidents of two bursts", 300,
              before=["many"], after=["many", "many"]),
    _rule_row("severity", "severities_of_three_orders", "severity of an incident", "critical",
              before=["warning"], after=["critical"]),
]  # fmt: skip
