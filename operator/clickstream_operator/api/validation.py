"""CEL rules of the schema, which the API server checks beside types and bounds.

Each message names the wrong field and its remedy. Where the remedy is a number, the API server
computes it with `format`; a ``messageExpression`` that converts an integer by `string` exceeds its
cost budget.
"""

from __future__ import annotations

from typing import Final

from clickstream_operator.api.rule import Form, Rule, with_number

REGION: Final = Form(
    "[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}", "the name of an AWS region, for example eu-west-1"
)
ENVIRONMENT: Final = Form(
    "[a-z0-9-]{1,20}", "1 to 20 characters of a-z, 0-9 and '-', for example staging"
)
ROLE_ARN: Final = Form(
    "arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+",
    "the ARN of an IAM role, for example arn:aws:iam::123456789012:role/app",
)
TOPIC_ARN: Final = Form(
    "arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+",
    "the ARN of a standard SNS topic, for example arn:aws:sns:eu-west-1:123456789012:alerts",
)
ACTION_ARN: Final = Form(
    "arn:aws[a-z-]*:[a-z0-9-]+:[^*?]+",
    "an ARN, for example arn:aws:sns:eu-west-1:123456789012:pager",
)
KMS_KEY: Final = Form(
    "(alias/[A-Za-z0-9_/-]+|[0-9a-f-]{36}|mrk-[0-9a-f]{32}|"
    "arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:"
    "(key/[0-9a-f-]{36}|key/mrk-[0-9a-f]{32}|alias/[A-Za-z0-9_/-]+))",
    "the alias, id or ARN of a KMS key, for example alias/clickstream",
)
EMAIL: Final = Form(
    r"[^@\s]+@[^@\s]+\.[^@\s.]+", "an e-mail address, for example data-team@example.com"
)
STREAM_NAME: Final = Form(
    "[a-zA-Z0-9_.-]{1,128}", "the name of a stream: 1 to 128 letters, digits, '_', '.' or '-'"
)
BUCKET_NAME: Final = Form(
    "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "the name of a bucket: 3 to 63 characters of a-z, 0-9, '.' and '-', at both ends a-z or 0-9",
)
TABLE_NAME: Final = Form(
    "[a-zA-Z0-9_.-]{3,255}", "the name of a table: 3 to 255 letters, digits, '_', '.' or '-'"
)
METRIC_NAME: Final = Form(
    "[A-Za-z0-9_./#-]+", "letters, digits or _ . / # -, for example ConversionEvents"
)
DETECTION_RULE: Final = Form(
    "[a-z][a-z0-9_]{0,62}",
    "at most 63 characters of a-z, 0-9 and '_', a letter first, for example many_pages",
)
# In place of the format date-time, which accepts more than Python reads, and turns `self` into a
# timestamp for which no rule can name the remedy.
TIMESTAMP: Final = Form(
    "20[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"
    "02-(0[1-9]|[12][0-9]))T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])",
    "a time with its zone, for example 2026-11-01T00:00:00Z",
)
# The functions refuse a configuration with other member names.
MEMBER: Final = Form(r"[^\x00-\x1f\x7f]+", "the name of a JSON member without control characters")

NAMESPACE: Final = (
    METRIC_NAME.as_rule(),
    Rule(
        "!self.startsWith('AWS/')",
        "namespace must not begin with AWS/, which CloudWatch keeps for AWS; choose another, for "
        "example Clickstream/Business",
    ),
)
MATCH: Final = (
    Rule(
        "self.all(k, size(k) >= 1 && size(k) <= 128)",
        "match must name members of an event, each of 1 to 128 characters; remove other keys",
    ),
)
EVENTS: Final = (
    Rule(
        "!has(self.siteField) || self.pages.domain == 'Remove'",
        "siteField and pages.domain: Keep both put a site before the path; remove one of the two",
        path=".siteField",
    ),
)
# CloudWatch Logs reads the member `_aws` of a line as its description, and a member that stands for
# a dimension and a metric as the latter ("Specification: Embedded metric format"). Metrics that are
# there already stay as they are: the function leaves them out and says so.
BUSINESS_METRIC: Final = (
    Rule(
        "oldSelf.hasValue() || (self.name != '_aws' && self.name != 'Pipeline' && "
        "!(has(self.dimensions) && self.name in self.dimensions))",
        "name must not be _aws, Pipeline or one of the metric's dimensions, which the line of a "
        "metric has already; choose another, for example ConversionEvents",
        path=".name",
        optional_old_self=True,
    ),
    Rule(
        "oldSelf.hasValue() || !(has(self.dimensions) && '_aws' in self.dimensions)",
        "dimensions must not have _aws, by which CloudWatch finds a metric in a log line; remove "
        "it, or send the member under another name",
        path=".dimensions",
        optional_old_self=True,
    ),
)

# The only rule at the root. A tightened root rule would make old objects undeletable, so it binds
# at creation only. S3 forbids the prefixes xn-- and sthree- ("Bucket naming rules").
NAME: Final = Rule(
    "oldSelf.hasValue() || (size(self.metadata.name) <= 40 && "
    "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && "
    "!self.metadata.name.startsWith('xn--') && !self.metadata.name.startsWith('sthree-'))",
    "metadata.name must be at most 40 characters of a-z, 0-9 and '-', begin and end with a letter "
    "or digit, and not begin with 'xn--' or 'sthree-', because AWS names are made from it; choose "
    "another",
    optional_old_self=True,
)

AUTOSCALING: Final = (
    Rule(
        "self.minShards <= self.maxShards",
        "minShards must not be greater than maxShards; lower it, or raise maxShards",
        ".minShards",
    ),
)

STARTING_POSITION: Final = (
    Rule(
        "self.type != 'AtTimestamp' || has(self.timestamp)",
        "timestamp is required with type AtTimestamp; set it, or choose TrimHorizon or Latest",
        ".timestamp",
    ),
    Rule(
        "!has(self.timestamp) || self.type == 'AtTimestamp'",
        "timestamp has a meaning only with type AtTimestamp; remove it, or set type: AtTimestamp",
        ".timestamp",
    ),
)

RECORD_AGE: Final = (
    Rule(
        "self == -1 || self >= 60",
        "maximumRecordAgeSeconds must be -1 (no limit) or at least 60; raise it, or set -1",
    ),
)

# S3 user guide, "Transitioning objects using Amazon S3 Lifecycle": the waterfall of classes, 30
# days between an IA class and the next, expiration after every transition. Objects may move to an
# IA class at any age (API reference, Transition: "0 or any positive integer").
_COLDER: Final = (
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)


def _then_only_colder(index: int) -> str:
    """After a move to one class only colder ones may follow (``indexOf`` would cost too much)."""
    allowed = ",".join(f"'{name}'" for name in _COLDER[index:])
    return (
        f"self.transitions.all(a, a.storageClass != '{_COLDER[index]}' || "
        f"self.transitions.all(b, b.afterDays < a.afterDays || b.storageClass in [{allowed}]))"
    )


ARCHIVE: Final = (
    Rule(
        "self.expirationDays == 0 || self.transitions.all(t, t.afterDays < self.expirationDays)",
        "expirationDays must be greater than afterDays of every transition; raise it, or set 0 to "
        "keep objects for ever",
        ".expirationDays",
    ),
    Rule(
        " && ".join(_then_only_colder(index) for index in range(len(_COLDER))),
        "transitions must go to colder classes with time: STANDARD_IA, INTELLIGENT_TIERING, "
        "ONEZONE_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE, each later than the one before; change "
        "afterDays",
        ".transitions",
    ),
    Rule(
        "self.transitions.all(a, !(a.storageClass in ['STANDARD_IA','ONEZONE_IA']) || "
        "self.transitions.all(b, b.afterDays <= a.afterDays || b.afterDays >= a.afterDays + 30))",
        "the transition after STANDARD_IA or ONEZONE_IA must come at least 30 days later; raise "
        "its afterDays",
        ".transitions",
    ),
    Rule(
        "self.transitions.all(a, self.transitions.exists_one(b, b.storageClass == a.storageClass))",
        "each storageClass may stand in transitions once; remove the other",
        ".transitions",
    ),
)

TAGS: Final = (
    Rule(
        r"self.all(k, size(k) >= 1 && size(k) <= 128 && "
        r"k.matches('^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+$'))",
        "tag keys must have 1 to 128 letters, digits, spaces or _ . : / = + - @; rename others",
    ),
    Rule(
        "self.all(k, !k.lowerAscii().startsWith('aws:') && "
        "!k.lowerAscii().startsWith('clickstream.dev/'))",
        "tag keys must not begin with 'aws:' or 'clickstream.dev/'; choose another key",
    ),
    Rule(
        "self.all(k, self.exists_one(o, o.lowerAscii() == k.lowerAscii()))",
        "tag keys must differ in more than case, because IAM ignores case; remove one",
    ),
    Rule(
        r"self.all(k, self[k].matches('^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*$'))",
        "tag values may have letters, digits, spaces or _ . : / = + - @; remove the rest",
    ),
)


def _fixed(field: str, remedy: str) -> Rule:
    return Rule(
        f"has(self.{field}) == has(oldSelf.{field}) && "
        f"(!has(self.{field}) || self.{field} == oldSelf.{field})",
        f"{field} is fixed at creation; {remedy}",
        f".{field}",
    )


_COVER: Final = "self.stream.retentionHours * 3600 + self.events.maxPastSeconds + 7200"


def _ttl(field: str, seconds: int) -> Rule:
    return with_number(
        f"self.tables.ttl.{field} * {seconds} >= {_COVER}",
        f"tables.ttl.{field} must cover stream.retentionHours plus events.maxPastSeconds plus 2 "
        "hours, or late events would be counted twice; raise it{number}, or lower one of the two",
        f"({_COVER} + {seconds - 1}) / {seconds}",
        f".tables.ttl.{field}",
    )


def _memory(function: str, holds: str) -> Rule:
    """JSON of a record takes up to 30 times its bytes in memory: an array of empty objects."""
    return Rule(
        f"self.stream.maxRecordSizeKiB <= 1024 || {holds}"
        f"self.{function}.memoryMiB * 8 >= self.stream.maxRecordSizeKiB",
        f"{function}.memoryMiB must be at least an eighth of stream.maxRecordSizeKiB when that is "
        "above 1024, or a record could exhaust it; raise it, or lower the record size",
        f".{function}.memoryMiB",
    )


SPEC: Final = (
    _fixed("region", "create another ClickstreamPipeline for another region"),
    _fixed("names", "create another ClickstreamPipeline for other names"),
    Rule(
        "!has(self.credentials) || !has(oldSelf.credentials) || "
        "self.credentials.roleArn.split(':')[4] == oldSelf.credentials.roleArn.split(':')[4]",
        "the account of credentials.roleArn is fixed at creation; create another "
        "ClickstreamPipeline for another account",
        ".credentials.roleArn",
    ),
    with_number(
        "self.processor.maximumRecordAgeSeconds == -1 || "
        "self.processor.maximumRecordAgeSeconds <= self.stream.retentionHours * 3600 - 3600",
        "processor.maximumRecordAgeSeconds must be -1 or at most stream.retentionHours minus one "
        "hour, so that what can't be processed reaches the bucket before Kinesis drops it; lower "
        "it{number}, or raise the retention",
        "self.stream.retentionHours * 3600 - 3600",
        ".processor.maximumRecordAgeSeconds",
    ),
    with_number(
        "self.alarms.iteratorAgeSeconds >= 2 * self.processor.batchingWindowSeconds + 30",
        "alarms.iteratorAgeSeconds must be at least twice processor.batchingWindowSeconds plus 30, "
        "or the alarm would never rest; raise it{number}, or lower the window",
        "2 * self.processor.batchingWindowSeconds + 30",
        ".alarms.iteratorAgeSeconds",
    ),
    Rule(
        "self.deletionPolicy.tables != 'Delete' || !self.tables.deletionProtection",
        "deletionPolicy.tables: Delete needs tables.deletionProtection: false; set it, or keep "
        "Retain",
        ".deletionPolicy.tables",
    ),
    Rule(
        "!self.logs.deletionProtection || self.deletionPolicy.logs == 'Retain'",
        "logs.deletionProtection needs deletionPolicy.logs: Retain, as AWS deletes no protected "
        "log group; set it, or turn the protection off",
        ".logs.deletionProtection",
    ),
    Rule(
        "!has(self.events.siteField) || !(self.events.siteField in self.privacy.dropFields)",
        "privacy.dropFields must not name events.siteField, which tells the sites apart; remove it",
        ".privacy.dropFields",
    ),
    Rule(
        "!has(self.stream.autoscaling) || self.stream.mode == 'Provisioned'",
        "stream.autoscaling needs stream.mode: Provisioned; set it, or remove autoscaling, as an "
        "OnDemand stream scales by itself",
        ".stream.autoscaling",
    ),
    Rule(
        "!has(self.stream.warmThroughputMiBps) || self.stream.mode == 'OnDemand'",
        "stream.warmThroughputMiBps needs stream.mode: OnDemand; set it, or remove "
        "warmThroughputMiBps and raise shards",
        ".stream.warmThroughputMiBps",
    ),
    Rule(
        "!has(self.alerts.emails) || size(self.alerts.emails) == 0 || self.alerts.enabled",
        "alerts.emails needs alerts.enabled: true, or nobody is told; set it, or remove the "
        "addresses",
        ".alerts.emails",
    ),
    _memory("processor", ""),
    _memory("anomalyDetection", "!self.anomalyDetection.enabled || "),
    _ttl("pageMetricsDays", 86400),
    _ttl("sessionMetricsHours", 3600),
    _ttl("countersHours", 3600),
)
