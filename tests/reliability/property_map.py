"""What every field of a `ClickstreamPipeline` controls, as one table, and how that is proven.

`test_property_map.py` runs the table; ``python -m tests.reliability.property_map --write`` and
``make docs`` render it as ``docs/reference/conformance.md``. A field of the CRD that has no row
here fails the tests.

``<name>`` in a row stands for a physical name of the pipeline at hand (see `Target`).
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tests.reliability import attributes, drift_map
from tests.reliability.attributes import GROUPS, resources
from tests.reliability.drift_map import RESYNCS, drift_of, looks_of

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"
Spec = dict[str, Any]
#: aws: AWS itself is asked. function: the function's own code is run with the configuration that
#: the operator wrote. fixed: the API server refuses a change. engine, status: a test of its own.
Kind = Literal["aws", "function", "fixed", "engine", "status"]


@dataclass(frozen=True)
class Question:
    """A read call of boto3 about more than a property that a kind declares.

    `about`: resources that rows of one round must not share. `no_drift`: why nobody changes it.
    """

    title: str
    service: str
    operation: str
    arguments: Mapping[str, Any]
    about: tuple[str, ...]
    no_drift: str

    @property
    def call(self) -> str:
        """The call as AWS names it."""
        return "".join(word.title() for word in self.operation.split("_"))


_TOPIC: Final = "arn:aws:sns:<region>:<account>:<alerts>"
_UNSUBSCRIBED: Final = drift_map.NOT_BROUGHT_BACK["SNSSubscription"]
QUESTIONS: Final[Mapping[str, Question]] = {
    "subscriptions": Question(
        "SNS subscriptions", "sns", "list_subscriptions_by_topic", {"TopicArn": _TOPIC},
        ("alerts",), _UNSUBSCRIBED,
    ),
    "other-subscriptions": Question(
        "SNS subscriptions of the topic in `alerts.topicArn`", "sns",
        "list_subscriptions_by_topic", {"TopicArn": "<other-topic>"}, ("alerts",), _UNSUBSCRIBED,
    ),
    "new mapping": Question(
        "event source mapping of the detector", "lambda", "list_event_source_mappings",
        {"FunctionName": "<detector>"}, GROUPS["mappings"],
        "AWS cannot change it in a mapping that exists",
    ),
}  # fmt: skip
"""Rows whose target is no place (`attributes`): endpoints are secret, and a start is no state."""


@dataclass(frozen=True)
class Row:
    """One field and one thing that it controls.

    `value` is what the test sets at `path`; `given` is the spec around it, before and after;
    `also` is what the value needs beside it. `target`: a place in AWS (`attributes`), one of
    `QUESTIONS`, or the function of a probe. `part` (and `document`, where that is JSON text) are
    JMESPath inside it. `probe` names the function in the tests that runs the pipeline's
    function; `effect` says in words what is compared, or what the field does. `proofs` are tests.
    `alone`: the change takes away what other rows look at. `stores`: where the data is whose form
    the change touches, of a row of kind function.
    """

    path: str
    kind: Kind
    value: Any = None
    before: Any = None
    after: Any = None
    target: str = ""
    part: str = ""
    document: str = ""
    probe: str = ""
    effect: str = ""
    given: Spec = field(default_factory=dict)
    also: Spec = field(default_factory=dict)
    proofs: tuple[str, ...] = ()
    alone: bool = False
    stores: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Of the row in test reports."""
        return f"{self.path}: {self.target or self.probe or self.kind}"

    @property
    def parts(self) -> frozenset[str]:
        """What of the pipeline the row is about: rows of one round have none in common."""
        question = QUESTIONS.get(self.target)
        return self.stores or frozenset(question.about if question else resources(self.target))

    def changed(self, spec: Spec) -> Spec:
        """A spec with the row's change in it."""
        result = merged(spec, self.also)
        *parents, last = self.path.split(".")
        node: Any = result
        for name in parents:
            if name.endswith("[]"):
                node = node.setdefault(name.removesuffix("[]"), [{}])[0]
            else:
                node = node.setdefault(name, {})
        node[last] = copy.deepcopy(self.value)
        return result


def merged(spec: Spec, more: Spec) -> Spec:
    """A copy of `spec` with `more` laid over it; lists are replaced."""
    result = copy.deepcopy(spec)
    for name, value in more.items():
        deeper = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if deeper else copy.deepcopy(value)
    return result


def _aws(path: str, target: str, value: Any, *, before: Any, after: Any, **more: Any) -> Row:
    return Row(path, "aws", value, target=target, before=before, after=after, **more)


_STORES: Final = frozenset({"pages", "sessions", "counters", "objects", "lines", "incidents"})


def _function(path: str, probe: str, effect: str, value: Any, *, before: Any, after: Any,
              target: str = "processor", stores: Sequence[str] = (),
              **more: Any) -> Row:  # fmt: skip
    return Row(
        path, "function", value, probe=probe, effect=effect, target=target,
        before=before, after=after, stores=frozenset(stores) or _STORES, **more,
    )  # fmt: skip


_HERE: Final = "tests/reliability/test_property_map.py"
_SCALES: Final = "tests/integration/scaling/test_autoscaling.py"
_SPEC_CHANGES: Final = "tests/integration/test_spec_changes.py"
_DRIFT_POLICY: Final = "tests/integration/test_drift_policy.py"
_APPROVAL: Final = "tests/integration/test_approval.py"
_DELETION: Final = "tests/integration/test_deletion.py"
_IAM: Final = "tests/integration/test_iam.py"


def _engine(path: str, effect: str, *proofs: str) -> Row:
    return Row(path, "engine", effect=effect, proofs=proofs)


def _fixed(path: str, value: Any, effect: str) -> Row:
    return Row(
        path,
        "fixed",
        value,
        effect=effect,
        proofs=(f"{_HERE}::test_what_is_fixed_at_creation_is_where_it_was_asked_for",),
    )


def _rule_row(member: str, probe: str, effect: str, value: Any, *, before: Any, after: Any,
              given: Spec | None = None) -> Row:  # fmt: skip
    return _function(
        f"anomalyDetection.rules[].{member}", probe, effect, value, before=before, after=after,
        target="detector", stores=["incidents"], given=given or _rule(),
    )  # fmt: skip


_ALERTS: Final[Spec] = {"alerts": {"enabled": True}}
_MAILS: Final[Spec] = {"alerts": {"enabled": True, "emails": ["a@example.com"]}}
_OTHER_MAILS: Final[Spec] = {"alerts": {**_MAILS["alerts"], "topicArn": "<other-topic>"}}
_LONG_TTL: Final[Spec] = {"tables": {"ttl": {"sessionMetricsHours": 96, "countersHours": 96}}}
_PROVISIONED: Final[Spec] = {
    "tables": {"billingMode": "Provisioned", "provisioned": {"readUnits": 5, "writeUnits": 6}}
}
_TRANSITION: Final[Spec] = {
    "archive": {"transitions": [{"storageClass": "STANDARD_IA", "afterDays": 30}]}
}
_METRIC: Final[Spec] = {"metrics": [{"name": "Sales", "match": {"event_type": "purchase"}}]}
_METRIC_BY_PRODUCT: Final[Spec] = {
    "metrics": [{**_METRIC["metrics"][0], "dimensions": ["product"]}]
}


def _rule(**members: Any) -> Spec:
    """A spec with one detection rule; `None` leaves a member out."""
    of = {"name": "many", "kind": "Rate", "value": "2", **members}
    of = {name: value for name, value in of.items() if value is not None}
    return {"anomalyDetection": {"rules": [of]}}


_AMOUNT: Final[Spec] = _rule(kind="Threshold", field="amount")
_NO_DETECTOR: Final[Spec] = {"anomalyDetection": {"enabled": False}}
_WITH_DETECTOR: Final[Spec] = {"anomalyDetection": {"enabled": True}}
_KEY: Final = "alias/campaign"
_ROLE: Final = "arn:aws:iam::<account>:role/external"
_OWN_ROLE: Final = "arn:aws:iam::<account>:role/clickstream/"
_KEYS_OF_ROLE: Final = (
    "Statement[?starts_with(Sid, 'clickstreamKey')]"
    '.Condition."ForAnyValue:StringEquals"."kms:ResourceAliases"[]'
)


def _tag_rows(path: str, key: str, value: Any, *, before: Any, after: Any) -> list[Row]:
    return [
        _aws(path, f"{place}.tags", value, part=key, before=before, after=after, given=_ALERTS)
        for place in attributes.TAGGED
    ]


def _key_rows(path: str, *roles: str) -> list[Row]:
    """A customer's key must be one that the functions may use."""
    return [
        _aws(path, f"{role}-role.inlinePolicies", _KEY, part=_KEYS_OF_ROLE, before=[],
             after=[_KEY], given=_ALERTS if path.startswith("alerts") else {})
        for role in roles
    ]  # fmt: skip


_PIPELINE: Final = [
    _fixed("region", "eu-central-1", "region of every resource"),
    _engine("credentials.roleArn", "role that every call is made with",
            f"{_IAM}::test_a_role_of_another_account_is_assumed_with_tags",
            f"{_HERE}::test_the_account_of_a_role_is_fixed"),
    _engine("credentials.externalId", "external id that the role asks for",
            f"{_IAM}::test_a_role_of_another_account_is_assumed_with_tags"),
    *_tag_rows("environment", "Environment", "prod", before="dev", after="prod"),
    _aws("environment", "dashboard.body", "prod",
         document="widgets[0].properties.markdown",
         before="# <base> (dev), kept by clickstream-operator",
         after="# <base> (prod), kept by clickstream-operator"),
    _engine("suspend", "no AWS write while true",
            f"{_SPEC_CHANGES}::"
            "test_a_suspended_pipeline_is_read_and_not_written_and_can_be_deleted"),
    _engine("resyncIntervalSeconds", "seconds until the next look, less up to 20 %",
            f"{_HERE}::test_the_resync_interval_is_the_pause_between_looks"),
    _engine("driftPolicy", "whether drift is corrected, reported or passed over",
            f"{_DRIFT_POLICY}::test_drift_is_corrected_and_told",
            f"{_DRIFT_POLICY}::test_drift_is_reported_and_left_alone_when_told_so",
            f"{_HERE}::test_ignored_drift_is_left_alone_in_silence"),
    _engine("approval", "whether changes wait for an approved plan",
            f"{_APPROVAL}::test_a_manual_pipeline_is_created_only_as_approved",
            f"{_APPROVAL}::test_drift_and_removal_of_a_manual_pipeline_wait_too"),
    *(
        _engine(f"deletionPolicy.{part}", f"what is left of the {what} after the deletion",
                f"{_HERE}::test_deletion_leaves_what_the_policy_says")
        for part, what in (
            ("archive", "S3 bucket"), ("tables", "DynamoDB tables"), ("stream", "Kinesis stream"),
            ("logs", "log groups"), ("deadLetter", "SQS queue"),
        )
    ),
    _engine("deletionPolicy.adopted", "whether what was taken over stays after the deletion",
            f"{_HERE}::test_what_was_taken_over_stays_unless_the_policy_says_delete"),
    _engine("adoptionPolicy", "whether an existing resource is taken over",
            f"{_HERE}::test_what_was_taken_over_stays_unless_the_policy_says_delete",
            f"{_HERE}::test_what_was_retained_is_not_taken_back_when_the_policy_says_never",
            f"{_DELETION}::"
            "test_deletion_keeps_the_data_and_a_new_pipeline_of_the_name_takes_it_back"),
    _fixed("names.stream", "other-events", "Kinesis stream: name"),
    _fixed("names.archiveBucket", "other-archive-123456789012", "S3 bucket: name"),
    _fixed("names.pageMetricsTable", "other-page-metrics", "DynamoDB table: name"),
    _fixed("names.sessionMetricsTable", "other-session-metrics", "DynamoDB table: name"),
    _fixed("names.countersTable", "other-counters", "DynamoDB table: name"),
    *_tag_rows("tags", "CostCenter", {"CostCenter": "analytics"}, before=None, after="analytics"),
]  # fmt: skip

_STREAM: Final = [
    _aws("stream.mode", "stream.mode", "OnDemand",
         before="PROVISIONED", after="ON_DEMAND"),
    _aws("stream.shards", "stream.shards", 4, before=2, after=4),
    _engine("stream.autoscaling.minShards", "shards at least",
            f"{_SCALES}::test_quiet_hours_halve_the_shards_down_to_the_bound",
            f"{_SCALES}::test_count_outside_the_bounds_is_brought_back"),
    _engine("stream.autoscaling.maxShards", "shards at most",
            f"{_SCALES}::test_count_outside_the_bounds_is_brought_back"),
    _engine("stream.autoscaling.targetUtilizationPercent", "load at which shards are doubled",
            f"{_SCALES}::test_load_doubles_the_shards"),
    _engine("stream.autoscaling.scaleDownAfterSeconds", "low use after which shards are halved",
            f"{_SCALES}::test_quiet_hours_halve_the_shards_down_to_the_bound"),
    _aws("stream.retentionHours", "stream.retentionHours", 48,
         before=24, after=48, given=_LONG_TTL),
    _function("stream.retentionHours", "lane_lifetime",
              "hours that a lane's item outlives its last record", 48,
              stores=["counters"], before=48, after=72, given=_LONG_TTL),
    _aws("stream.kmsKeyId", "stream.encryption.keyId", _KEY,
         before="alias/aws/kinesis", after=_KEY),
    *_key_rows("stream.kmsKeyId", "processor", "detector"),
    _aws("stream.shardLevelMetrics", "stream.shardLevelMetrics",
         ["IncomingBytes", "IncomingRecords"],
         before=["IncomingRecords", "OutgoingRecords"],
         after=["IncomingBytes", "IncomingRecords"]),
]  # fmt: skip

_PROCESSOR: Final = [
    _aws("processor.memoryMiB", "processor.memoryMiB", 512,
         before=256, after=512),
    _aws("processor.timeoutSeconds", "processor.timeoutSeconds", 120,
         before=60, after=120),
    _aws("processor.timeoutSeconds", "alarm-processor-duration.threshold", 120,
         before=48000.0, after=96000.0),
    _aws("processor.batchSize", "mappings.batchSize", 500, before=1000, after=500),
    _aws("processor.batchingWindowSeconds", "mappings.batchingWindowSeconds", 40, before=5,
         after=40),
    _aws("processor.maximumRetryAttempts", "mappings.maximumRetryAttempts", 50,
         before=-1, after=50),
    _aws("processor.maximumRecordAgeSeconds", "mappings.maximumRecordAgeSeconds", 43200,
         before=79200, after=43200),
    _aws("processor.startingPosition.type", "new mapping", "Latest",
         part="EventSourceMappings[0].StartingPosition", before=None, after="LATEST",
         given=_NO_DETECTOR, also=_WITH_DETECTOR,
         effect="in a new mapping"),
    _aws("processor.startingPosition.timestamp", "new mapping", "2026-11-01T00:00:00Z",
         part="EventSourceMappings[0].StartingPositionTimestamp",
         before=None, after="2026-11-01T00:00:00+00:00", given=_NO_DETECTOR,
         also={**_WITH_DETECTOR, "processor": {"startingPosition": {"type": "AtTimestamp"}}},
         effect="in a new mapping"),
    _aws("processor.reservedConcurrency", "processor.reservedConcurrency", 10, before=None,
         after=10),
    _aws("processor.architecture", "processor.architecture", "x86_64",
         before=["arm64"], after=["x86_64"]),
    _aws("processor.architecture", "detector.architecture", "x86_64",
         before=["arm64"], after=["x86_64"]),
    _aws("processor.logLevel", "processor.logging.level",
         "ERROR", before="INFO", after="ERROR"),
    _aws("processor.logLevel", "detector.logging.level",
         "ERROR", before="INFO", after="ERROR"),
    _function("processor.logLevel", "log_levels", "levels of the lines of a batch", "ERROR",
              stores=["lines"], before=["INFO"], after=[]),
    _function("processor.logLevel", "log_levels_of_incidents", "levels of the lines of an incident",
              "ERROR", stores=["lines", "incidents"], before=["WARNING"], after=[],
              target="detector"),
    _aws("processor.roleArn", "processor.roleArn", _ROLE,
         before=f"{_OWN_ROLE}<processor-role>", after=_ROLE, alone=True),
    _aws("processor.roleArn", "processor-role", _ROLE, before=True, after=None, alone=True),
]  # fmt: skip

_DATA: Final = [
    _function("events.fields.type", "counted_types", "type under which an event is counted",
              "kind", before=["click"], after=["other_click"]),
    _function("events.fields.session", "counted_sessions", "session that an event counts for",
              "other_session_id", before=["session-1"], after=["session-2"]),
    _function("events.fields.user", "hashed_members", "member that is hashed", "other_user_id",
              stores=["objects", "sessions"], before=["user_id"], after=["other_user_id"]),
    _function("events.fields.time", "counted_minutes", "minute that an event counts in",
              "other_timestamp", before=["2026-11-23T12:00"], after=["2026-11-23T11:30"]),
    _function("events.fields.page", "counted_pages", "page that a view counts for",
         "other_page_url",
              before=["/products"], after=["/other"]),
    _function("events.fields.userAgent", "agents_of_sessions", "user agent of a session item",
              "other_user_agent", stores=["sessions", "incidents"], before=["agent/1"],
              after=["agent/2"]),
    _function("events.fields.ip", "members_of_addresses", "member that is dropped with the address",
              "other_ip_address", stores=["objects"], before=["other_ip_address"],
              after=["ip_address"],
              given={"privacy": {"ipAddress": "Drop"}}),
    _function("events.fields.referrer", "stripped_members", "member whose query is removed",
              "other_referrer", stores=["objects"], before=["referrer"], after=["other_referrer"]),
    _function("events.fields.country", "countries_of_alerts", "country in an incident's message",
              "other_country", stores=["incidents"], before=["NL"], after=["BE"],
              target="detector"),
    _function("events.fields.id", "ids_of_alerts", "event id in an incident's message",
              "other_id", stores=["incidents"], before=["a"], after=["b"], target="detector"),
    _function("events.fields.id", "archived_ids", "id of an archived event", "other_event_id",
              stores=["objects"], before=["first"], after=["second"]),
    _function("events.maxPastSeconds", "reasons_of_a_late_event",
              "what becomes of an event of two hours ago", 3600,
              stores=["objects"], before=[], after=["timestamp_out_of_range"]),
    _function("events.maxFutureSeconds", "reasons_of_an_early_event",
              "what becomes of an event from five minutes ahead", 60,
              stores=["objects"], before=[], after=["timestamp_out_of_range"]),
    _function("privacy.ipAddress", "archived_address", "archived IP address", "Keep",
              stores=["objects"], before="192.168.1.0", after="192.168.1.100"),
    _function("privacy.ipAddress", "archived_address", "archived IP address", "Drop",
              stores=["objects"], before="192.168.1.0", after=None),
    _function("privacy.userId", "archived_user", "archived user id", "Keep",
              stores=["objects"], before="a keyed hash", after="user-456"),
    _function("privacy.userId", "archived_user", "archived user id", "Drop",
              stores=["objects"], before="a keyed hash", after=None),
    _function("privacy.queryParameters", "archived_page", "archived page address", ["lang"],
              stores=["objects"], before="/products?utm_source=mail", after="/products?lang=nl"),
    _function("privacy.dropFields", "archived_plan", "archived member `plan`", ["plan"],
              stores=["objects"], before="gold", after=None),
    _function("metrics[].name", "metric_names", "metric's name", "Orders",
              stores=["lines"], before=["Sales"], after=["Orders"], given=_METRIC),
    _function("metrics[].namespace", "metric_namespaces", "metric's namespace", "Shop/Checkout",
              stores=["lines"], before=["Clickstream/Business"], after=["Shop/Checkout"],
              given=_METRIC),
    _function("metrics[].match", "metric_values", "events that the metric counts",
              {"event_type": "click"}, stores=["lines"], before=[3.0], after=[1.0], given=_METRIC),
    _function("metrics[].valueField", "metric_values", "what the metric adds up", "amount",
              stores=["lines"], before=[3.0], after=[5.0, 7.0, 9.0], given=_METRIC),
    _function("metrics[].unit", "metric_units", "metric's unit", "Percent",
              stores=["lines"], before=["Count"], after=["Percent"], given=_METRIC),
    _function("metrics[].dimensions", "metric_dimensions", "metric's dimensions", ["product"],
              stores=["lines"], before=[["Pipeline"]], after=[["Pipeline", "product"]] * 2,
              given=_METRIC),
    _function("metrics[].maxSeries", "metric_products", "values of the metric's dimension", 1,
              stores=["lines"], before=["hat", "shoe"], after=["other", "shoe"],
              given=_METRIC_BY_PRODUCT),
    _function("metrics[].match", "metric_values",
              "the same, with a configuration too large for the environment",
              {"event_type": "click", "padding": "x" * 250, "more": "y" * 250},
              stores=["lines"], before=[3.0], after=[], given={"metrics": [
                  _METRIC["metrics"][0],
                  *({"name": f"Padding{number}", "match": {"padding": "z" * 250}}
                    for number in range(7)),
              ]}),
]  # fmt: skip

_DETECTION: Final = [
    _aws("anomalyDetection.enabled", "detector", False, before=True, after=None, alone=True),
    _aws("anomalyDetection.enabled", "schedule", False, before=True, after=None,
         alone=True),
    _aws("anomalyDetection.enabled", "detector-mapping", False, before=True, after=None,
         alone=True),
    _aws("anomalyDetection.enabled", "detector-role", False, before=True, after=None, alone=True),
    _aws("anomalyDetection.enabled", "detector-alarms", False, before=True, after=None, alone=True),
    _aws("anomalyDetection.memoryMiB", "detector.memoryMiB", 256,
         before=128, after=256),
    _aws("anomalyDetection.timeoutSeconds", "detector.timeoutSeconds", 60,
         before=30, after=60),
    _aws("anomalyDetection.timeoutSeconds", "alarm-detector-duration.threshold", 60,
         before=24000.0, after=48000.0),
    _aws("anomalyDetection.reservedConcurrency", "detector.reservedConcurrency", 5, before=None,
         after=5),
    _aws("anomalyDetection.roleArn", "detector.roleArn", _ROLE,
         before=f"{_OWN_ROLE}<detector-role>", after=_ROLE, alone=True),
    _aws("anomalyDetection.roleArn", "detector-role", _ROLE, before=True, after=None, alone=True),
    _aws("anomalyDetection.schedulerRoleArn", "schedule.target.roleArn", _ROLE,
         before=f"{_OWN_ROLE}<scheduler-role>", after=_ROLE, alone=True),
    _function("anomalyDetection.sensitivity", "incidents_of_thirty_events",
              "incidents of 30 events of a session in a minute", "High",
              stores=["incidents"], before=[], after=["high_frequency_clicks"], target="detector"),
    _function("anomalyDetection.disabledRules", "incidents_of_a_bot", "incidents of a bot's event",
              ["suspicious_user_agent"], stores=["incidents"], before=["suspicious_user_agent"],
              after=[],
              target="detector"),
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

_ALERTING: Final = [
    _aws("alerts.enabled", "alerts", True, before=None, after=True,
         alone=True),
    _function("alerts.enabled", "topics_of_alerts", "topic that hears of an incident", True,
              before=[], after=[_TOPIC], target="detector", alone=True),
    _aws("alerts.enabled", "alarms.actions.alarm", True, before=[], after=[_TOPIC], alone=True),
    _aws("alerts.emails", "subscriptions", ["a@example.com", "b@example.com"],
         part="Subscriptions[].Endpoint | sort(@)", given=_MAILS,
         before=["a@example.com"], after=["a@example.com", "b@example.com"]),
    _aws("alerts.topicArn", "alerts", "<other-topic>", given=_ALERTS,
         before=True, after=None, alone=True),
    _function("alerts.topicArn", "topics_of_alerts", "topic that hears of an incident",
              "<other-topic>", before=[_TOPIC], after=["<other-topic>"], target="detector",
              given=_ALERTS, alone=True),
    _aws("alerts.topicArn", "alarms.actions.alarm", "<other-topic>",
         before=[_TOPIC], after=["<other-topic>"], given=_ALERTS, alone=True),
    _aws("alerts.topicArn", "detector-role.inlinePolicies", "<other-topic>",
         part="Statement[?Sid=='clickstreamAlert'].Resource[]",
         before=[_TOPIC], after=["<other-topic>"], given=_ALERTS, alone=True),
    _aws("alerts.emails", "other-subscriptions", ["a@example.com", "b@example.com"],
         part="Subscriptions[].Endpoint | sort(@)", given=_OTHER_MAILS,
         before=["a@example.com"], after=["a@example.com", "b@example.com"]),
    _aws("alerts.topicArn", "subscriptions", "<other-topic>", part="Subscriptions[].Endpoint",
         before=["a@example.com"], after=None, given=_MAILS, alone=True),
    _aws("alerts.topicArn", "other-subscriptions", "<other-topic>", part="Subscriptions[].Endpoint",
         before=[], after=["a@example.com"], given=_MAILS, alone=True),
    _aws("alerts.kmsKeyId", "alerts.encryption.keyId", _KEY,
         before="", after=_KEY, given=_ALERTS),
    *_key_rows("alerts.kmsKeyId", "detector"),
    _aws("dashboard.enabled", "dashboard", False, before=True, after=None),
    _aws("alarms.enabled", "alarms", False, before=True, after=None, alone=True),
    *(
        _aws("alarms.actionArns", f"alarms.actions.{when}", ["<other-topic>"],
             before=[], after=["<other-topic>"])
        for when in ("alarm", "ok")
    ),
    _aws("alarms.iteratorAgeSeconds", "iterator-age-alarms.threshold", 300,
         before=120000.0, after=300000.0),
    _aws("alarms.noDataMinutes", "alarm-no-data.evaluationPeriods", 30, before=None, after=30),
]  # fmt: skip

_STORAGE: Final = [
    _aws("tables.billingMode", "tables.billing.mode", "Provisioned",
         before="PAY_PER_REQUEST", after="PROVISIONED",
         also={"tables": {"provisioned": {"readUnits": 5, "writeUnits": 6}}}),
    _aws("tables.provisioned.readUnits", "tables.billing.readUnits",
         7, before=5, after=7, given=_PROVISIONED),
    _aws("tables.provisioned.writeUnits", "tables.billing.writeUnits", 8, before=6, after=8,
         given=_PROVISIONED),
    _aws("tables.pointInTimeRecovery", "tables.pointInTimeRecovery",
         False, before="ENABLED", after="DISABLED"),
    _aws("tables.deletionProtection", "tables.deletionProtection", False,
         before=True, after=False),
    _aws("tables.kmsKeyId", "tables.encryption.keyId", _KEY,
         before="<managed-dynamodb-key>", after="<kms-key-arn>"),
    *_key_rows("tables.kmsKeyId", "processor", "detector"),
    _function("tables.ttl.pageMetricsDays", "page_lifetime", "days that a page item lives", 30,
              stores=["pages"], before=7, after=30),
    _function("tables.ttl.sessionMetricsHours", "session_lifetime",
              "hours that a session item lives", 96, stores=["sessions"], before=48, after=96),
    _function("tables.ttl.countersHours", "counter_lifetime", "hours that a counter lives", 96,
              stores=["counters"], before=48, after=96),
    _function("archive.enabled", "archived_objects", "objects under `raw/`", False,
              stores=["objects"], before=1, after=0),
    _function("archive.compression", "archive_suffixes", "form of archive objects", "Zstd",
              stores=["objects"], before=[".jsonl.gz"], after=[".jsonl.zst"]),
    _aws("archive.transitions[].storageClass", "archive.lifecycle", "INTELLIGENT_TIERING",
         part="[].Transitions[].StorageClass", before=["STANDARD_IA"] * 3,
         after=["INTELLIGENT_TIERING"] * 3,
         given=_TRANSITION),
    _aws("archive.transitions[].afterDays", "archive.lifecycle", 45, part="[].Transitions[].Days",
         before=[30] * 3, after=[45] * 3, given=_TRANSITION),
    _aws("archive.expirationDays", "archive.lifecycle", 730, part="[].Expiration.Days",
         before=[365] * 3, after=[730] * 3),
    _aws("archive.expirationDays", "archive.lifecycle", 0, part="[].Expiration.Days",
         before=[365] * 3, after=[]),
    _aws("archive.noncurrentVersionDays", "archive.lifecycle", 7,
         part="[].NoncurrentVersionExpiration.NoncurrentDays",
         before=[30] * 3, after=[7] * 3),
    _aws("archive.abortMultipartDays", "archive.lifecycle", 1,
         part="[].AbortIncompleteMultipartUpload.DaysAfterInitiation",
         before=[7] * 3, after=[1] * 3),
    _aws("archive.kmsKeyId", "archive.encryption.keyId", _KEY,
         part="[SSEAlgorithm, KMSMasterKeyID]",
         before=["AES256", None], after=["aws:kms", _KEY]),
    *_key_rows("archive.kmsKeyId", "processor", "detector"),
    _aws("deadLetter.retentionDays", "dead-letter.retentionSeconds", 7,
         before="1209600", after="604800"),
    _aws("deadLetter.kmsKeyId", "dead-letter.encryption.keyId", _KEY,
         before=["true", ""], after=["false", _KEY]),
    *_key_rows("deadLetter.kmsKeyId", "processor"),
    _aws("logs.retentionDays", "logs.retentionDays", 30, before=14, after=30),
    _aws("logs.kmsKeyId", "logs.encryption.keyId", "<kms-key-arn>",
         before=None, after="<kms-key-arn>"),
]  # fmt: skip

ROWS: Final[tuple[Row, ...]] = (
    *_PIPELINE,
    *_STREAM,
    *_PROCESSOR,
    *_DATA,
    *_DETECTION,
    *_ALERTING,
    *_STORAGE,
)

EMULATOR_GAPS: Final[Mapping[str, str]] = {}
"""What the emulator takes and loses, and why ``sandbox/aws/corrected_emulator.py`` does not correct
it: none now. The page names each."""


def rounds(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that are changed together: the same spec around them, no part of the pipeline twice."""
    result: list[list[Row]] = []
    for row in rows:
        for one in result:
            if all(_independent(row, other) for other in one):
                one.append(row)
                break
        else:
            result.append([row])
    return result


def _independent(row: Row, other: Row) -> bool:
    if row.given != other.given:
        return False
    if row.path == other.path:
        # One field that controls several parts is one change.
        return row.value == other.value and row.also == other.also
    if row.alone or other.alone or row.also or other.also:
        return False
    return not row.parts & other.parts


def page() -> str:
    """The table as a page of the reference."""
    lines = [
        "<!-- Generated by `make docs`. Do not edit. -->",
        "",
        "# Conformance: what each field controls",
        "",
        "Every field of `spec`, what it controls, and how a test proves it.",
        "The rows are `tests/reliability/property_map.py`; a field without a row fails the tests.",
        "",
        "- *AWS*: the field is changed and converged, AWS is asked, the change is reverted and",
        "  converged, and AWS is asked again. After each a full observation writes nothing.",
        "- *function*: the same, but what is compared is what the function's own code does with",
        "  the configuration that the operator wrote.",
        "- *fixed*: the API server refuses a change; the value at creation is found in AWS.",
        "- *test*: proven by the tests named.",
        "",
        "*Drift* says how soon somebody else's change of that attribute in AWS is found, and what",
        "the operator calls it in `status.resources[].drift`: *fast* within one resync, *full*",
        "within three. Each is changed, and each kind deleted, behind its back: `Ignore`",
        "passes over it in silence, `Report` names it there and in one Event and writes nothing,",
        "`Correct` puts it back. The table is `tests/reliability/drift_map.py`.",
        "",
        "The tests run against an emulator, never against AWS itself.",
        "",
        "| spec path | AWS resource and attribute | how proven | drift found | drift corrected |",
        "| --- | --- | --- | --- | --- |",
    ]
    gaps = [f"Not proven there: {what} ({why})." for what, why in EMULATOR_GAPS.items()]
    lines[-3:-3] = gaps
    lines += [
        f"| `{row.path}` | {_controls(row)} | {_proven(row)} | {_drift(row)} |" for row in ROWS
    ]
    return "\n".join(lines) + "\n"


def _controls(row: Row) -> str:
    extra = f", {row.effect}" if row.effect else ""
    question = QUESTIONS.get(row.target)
    if question is not None:
        return f"{question.title}: `{question.call}` {_code(row.part)}{extra}"
    if not row.target:
        return row.effect
    title = attributes.title(row.target)
    if row.kind == "function":
        return f"{title}: {row.effect}"
    if not attributes.path_of(row.target):
        return f"{title}: whether there is one{extra}"
    call, attribute = next(attributes.calls(row.target))
    parts = [part for part in (attribute, row.part, row.document) if part]
    return f"{title}: `{call}` {_code(' | '.join(parts))}{extra}"


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`"


def _proven(row: Row) -> str:
    tests = ", ".join(f"`{proof.rpartition('::')[2]}`" for proof in row.proofs)
    if row.kind == "fixed":
        return f"fixed: {tests}"
    if row.kind in {"engine", "status"}:
        return f"test: {tests}"
    word = "AWS" if row.kind == "aws" else "function"
    return f"{word}: {_shown(row.before)} → {_shown(row.after)} → {_shown(row.before)}"


def _drift(row: Row) -> str:
    """Two cells: how it is found, and that it is corrected."""
    question = QUESTIONS.get(row.target)
    entry = f"- {question.no_drift}" if question else drift_of(row.kind, row.target)
    if entry.startswith("- "):
        return f"none: {entry.removeprefix('- ')} | none"
    names = entry.split(" ")
    shown = ", ".join(
        f"{name.strip('[]')} deleted" if name.startswith("[") else f"`{name}`" for name in names[:3]
    )
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    looks = looks_of(entry)
    within = max(RESYNCS[look] for look in looks)
    return f"{' and '.join(looks)}: {shown}{more} | within {within} resync{'s' * (within > 1)}"


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    text = str(value).replace("|", "\\|")
    return f"`{text}`" if text else "empty"


def main() -> None:
    """Write the page, or say that it is not current."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/reference/conformance.md")
    if parser.parse_args().write:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        raise SystemExit(f"{PAGE.name} is not what the table says: run make docs")


if __name__ == "__main__":
    main()
