"""The one JSON config of a function, checked whole before the first record is touched.

It stands in the environment variable `CLICKSTREAM_CONFIG`, or, when it is larger than an
environment may be (4 KB; AWS Lambda Developer Guide, "Lambda quotas"), in the S3 object that
`CLICKSTREAM_CONFIG_S3` names as `s3://bucket/config/<hash>.json`. `config.schema.json` beside this
module is the shape; the dataclasses mirror it.
"""

from __future__ import annotations

import json
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from shared.paths import is_dropped
from shared.schema_check import find_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION = 1
INLINE_VARIABLE = "CLICKSTREAM_CONFIG"
OBJECT_VARIABLE = "CLICKSTREAM_CONFIG_S3"
DEFAULT_PAGE_VIEW_TYPES = frozenset({"page_view"})
DEFAULT_MAX_SERIES = 100
DEFAULT_MAX_RECORD_SIZE_KIB = 1024
DEFAULT_COOLDOWN_SECONDS = 1800


class ConfigError(Exception):
    """The config cannot be used; the message names the member and the remedy."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Names of the three DynamoDB tables."""

    page_metrics: str
    session_metrics: str
    counters: str


@dataclass(frozen=True, slots=True)
class Fields:
    """The path to each field of the event contract in a producer's events; see `shared.paths`."""

    type: str = "event_type"
    session: str = "session_id"
    user: str = "user_id"
    time: str = "timestamp"
    page: str = "page_url"
    user_agent: str = "user_agent"
    ip: str = "ip_address"
    referrer: str = "referrer"
    country: str = "country"
    id: str = "event_id"
    anonymous_id: str = ""
    sent_at: str = ""

    def paths(self) -> tuple[str, ...]:
        """Return the paths of the fields that events have."""
        return tuple(path for name in self.__slots__ if (path := getattr(self, name)))


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Differences of URLs that make another page."""

    trailing_slash: Literal["Keep", "Remove"] = "Remove"
    case: Literal["Keep", "Lower"] = "Keep"
    hash_routes: Literal["Keep", "Remove"] = "Keep"
    domain: Literal["Keep", "Remove"] = "Remove"


@dataclass(frozen=True, slots=True)
class RobotSettings:
    """A pipeline's own names of robots, and the members that tell more than the user agent."""

    names: tuple[str, ...] = ()
    except_names: tuple[str, ...] = ()
    verdict_field: str = ""
    client_hints_field: str = ""


@dataclass(frozen=True, slots=True)
class Privacy:
    """Limits on personal data in the stores; `query_parameters` holds names and globs that stay."""

    ip_address: Literal["Keep", "Truncate", "Drop"]
    user_id: Literal["Keep", "Hash", "Drop"]
    query_parameters: tuple[str, ...]
    drop_fields: frozenset[str]
    hash_key_parameter: str


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """One CloudWatch metric made from events; without `value_field` it counts them."""

    name: str
    namespace: str
    match: tuple[tuple[str, str], ...]
    value_field: str | None
    unit: str
    dimensions: tuple[str, ...]
    max_series: int


@dataclass(frozen=True, slots=True)
class Ttl:
    """Lifetimes: page and counter items from their key's time, lanes from arrival."""

    page_metrics_days: int
    session_metrics_hours: int
    counters_hours: int
    lane_hours: int


Kind = Literal[
    "Rate", "Threshold", "Match", "Ratio", "Absent", "Seasonal", "Words", "Sequence", "Distinct"
]
Scope = Literal["Site", "Page", "Session", "IPPrefix"]
Operator = Literal["GreaterThan", "LessThan", "Equals", "Contains", "Matches"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the detector, a built-in one or the user's.

    `match` and, but for `Threshold` and `Match`, the presence of `field` say which events count.

    - `Rate`: more (or, for the site, fewer) than `limit` of them in `per_seconds`.
    - `Threshold`, `Match`: `field` compares with the number `limit` or with `text`, at least
      `min_volume` times in `per_seconds`.
    - `Ratio`: their share of all events in `per_seconds`, once there are `min_volume`.
    - `Absent`: none for `for_seconds`.
    - `Seasonal`: their number is odd for the minute of the week; `operator` picks one direction.
    - built-in only: `Words` in the user agent unless `excepted`; `Sequence`, a page view whose path
      has the segment `path` after fewer than `limit` earlier events; `Distinct`, more than `limit`
      countries in `field` in `per_seconds`.
    """

    name: str
    kind: Kind
    scope: Scope = "Session"
    match: tuple[tuple[str, str], ...] = ()
    field: str | None = None
    operator: Operator | None = None
    limit: float = 0
    text: str = ""
    per_seconds: int = 60
    for_seconds: int = 0
    min_volume: int = 0
    cooldown_seconds: int = DEFAULT_COOLDOWN_SECONDS
    severity: Literal["info", "warning", "critical"] = "warning"
    path: str = ""
    words: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """Rules and state of detection; an empty topic means incidents without alerts.

    `rules` are the user's own; one with the name of a built-in rule stands in its place.
    """

    enabled: bool
    stream: str
    sensitivity: Literal["Low", "Medium", "High"]
    disabled_rules: frozenset[str]
    rules: tuple[Rule, ...]
    alerts_topic_arn: str


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """Whose requests the collector takes, and what it adds to their events.

    An empty `consent` asks for none; an empty ARN means that the secret is not in use.
    """

    allowed_origins: tuple[str, ...]
    path: str
    visitor: Literal["Cookieless", "Session", "UserId"]
    respect_global_privacy_control: bool
    consent: str = ""
    tokens_secret_arn: str = ""
    origin_secret_arn: str = ""
    origin_header: str = "x-origin-secret"
    """In lower case."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole config of one function; `collector` is the collector's alone."""

    function: Literal["processor", "detector", "collector"]
    pipeline: str
    stream_epoch: str
    tables: Tables
    bucket: str
    archive_enabled: bool
    archive_compression: Literal["Gzip", "Zstd"]
    dead_letter_queue_url: str
    fields: Fields
    max_past_seconds: int
    max_future_seconds: int
    privacy: Privacy
    metrics: tuple[CustomMetric, ...]
    ttl: Ttl
    detection: Detection
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    page_view_types: frozenset[str] = DEFAULT_PAGE_VIEW_TYPES
    time: Literal["Event", "Arrival"] = "Event"
    unwrap: tuple[str, ...] = ()
    deduplicate_seconds: int = 0
    max_record_size_kib: int = DEFAULT_MAX_RECORD_SIZE_KIB
    pages: PageSettings = PageSettings()
    site_field: str = ""
    robots: RobotSettings = RobotSettings()
    own_domains: tuple[str, ...] = ()
    collector: CollectorSettings | None = None


def load_config(environment: Mapping[str, str], *, s3: Callable[[], Any], function: str) -> Config:
    """Return the config of `function` from the environment, or from the S3 object it names.

    Args:
        environment: the process environment.
        s3: makes the S3 client; called only when the config is an object.
        function: `processor`, `detector` or `collector`; another one's config is refused.

    Raises:
        ConfigError: no config, not JSON, or a member that this package does not accept.
    """
    if INLINE_VARIABLE in environment:
        text = environment[INLINE_VARIABLE]
    elif OBJECT_VARIABLE in environment:
        location = environment[OBJECT_VARIABLE]
        bucket, _, key = location.removeprefix("s3://").partition("/")
        if not location.startswith("s3://") or not key:
            raise ConfigError(f"{OBJECT_VARIABLE} is {location!r}: write s3://<bucket>/<key>")
        text = s3().get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    else:
        raise ConfigError(f"no config: set {INLINE_VARIABLE} or {OBJECT_VARIABLE}")
    config = parse_config(text)
    if config.function != function:
        raise ConfigError(f"function is {config.function!r}: this is the {function}; write that")
    return config


def parse_config(text: str) -> Config:
    """Return the config that a JSON text holds.

    Raises:
        ConfigError: see `load_config`.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"the config is not JSON ({error}): write one JSON object") from error
    if isinstance(data, dict) and data.get("version") != VERSION:
        raise ConfigError(
            f"version is {data.get('version')!r}: this package knows version {VERSION} only; "
            "deploy the package that belongs to the operator's release"
        )
    schema = json.loads(pkgutil.get_data("shared", "config.schema.json") or b"{}")
    faults = list(find_faults(data, schema))
    if faults:
        raise ConfigError("; ".join(faults))
    return _build(data)


def _build(data: Mapping[str, Any]) -> Config:
    events, privacy, ttl, detection = (
        data["events"],
        data["privacy"],
        data["ttl"],
        data["detection"],
    )
    fields = Fields(**{_snake(name): member for name, member in events["fields"].items()})
    gone = [
        path
        for path in (fields.type, fields.session, fields.time, fields.page)
        if is_dropped(path, privacy["dropFields"])
    ]
    if gone:
        raise ConfigError(
            f"privacy.dropFields drops {', '.join(gone)}, which every event needs: "
            "remove it from the list"
        )
    return Config(
        function=data["function"],
        pipeline=data["pipeline"],
        stream_epoch=data["streamEpoch"],
        tables=Tables(**{_snake(name): table for name, table in data["tables"].items()}),
        bucket=data["bucket"],
        archive_enabled=data["archive"]["enabled"],
        archive_compression=data["archive"]["compression"],
        dead_letter_queue_url=data["deadLetterQueueUrl"],
        fields=fields,
        max_past_seconds=events["maxPastSeconds"],
        max_future_seconds=events["maxFutureSeconds"],
        privacy=Privacy(
            ip_address=privacy["ipAddress"],
            user_id=privacy["userId"],
            query_parameters=tuple(privacy["queryParameters"]),
            drop_fields=frozenset(privacy["dropFields"]),
            hash_key_parameter=privacy["hashKeyParameter"],
        ),
        metrics=tuple(_metric(metric) for metric in data["metrics"]),
        ttl=Ttl(**{_snake(name): span for name, span in ttl.items()}),
        detection=Detection(
            enabled=detection["enabled"],
            stream=detection["stream"],
            sensitivity=detection["sensitivity"],
            disabled_rules=frozenset(detection["disabledRules"]),
            rules=tuple(_rule(rule) for rule in detection["rules"]),
            alerts_topic_arn=detection["alertsTopicArn"],
        ),
        log_level=data["logLevel"],
        page_view_types=frozenset(events.get("pageViewTypes", DEFAULT_PAGE_VIEW_TYPES)),
        time=events.get("time", "Event"),
        unwrap=tuple(events.get("unwrap", ())),
        deduplicate_seconds=events.get("deduplicateSeconds", 0),
        max_record_size_kib=data.get("maxRecordSizeKiB", DEFAULT_MAX_RECORD_SIZE_KIB),
        pages=PageSettings(
            **{_snake(name): text for name, text in events.get("pages", {}).items()}
        ),
        site_field=events.get("siteField", ""),
        robots=_robots(events.get("robots", {})),
        own_domains=tuple(each.lower() for each in events.get("ownDomains", ())),
        collector=_collector(data["collector"]) if "collector" in data else None,
    )


def _collector(data: Mapping[str, Any]) -> CollectorSettings:
    settings = {_snake(name): value for name, value in data.items()}
    return CollectorSettings(
        **{**settings, "allowed_origins": tuple(settings["allowed_origins"])},
    )


def _robots(data: Mapping[str, Any]) -> RobotSettings:
    return RobotSettings(
        names=tuple(data.get("names", ())),
        except_names=tuple(data.get("exceptNames", ())),
        verdict_field=data.get("verdictField", ""),
        client_hints_field=data.get("clientHintsField", ""),
    )


def _metric(data: Mapping[str, Any]) -> CustomMetric:
    return CustomMetric(
        name=data["name"],
        namespace=data["namespace"],
        match=tuple(data["match"].items()),
        value_field=data.get("valueField"),
        unit=data.get("unit", "Count" if "valueField" not in data else "None"),
        dimensions=tuple(data.get("dimensions", ())),
        max_series=data.get("maxSeries", DEFAULT_MAX_SERIES),
    )


def _rule(data: Mapping[str, Any]) -> Rule:
    members = {_snake(name): value for name, value in data.items() if name != "match"}
    return Rule(**members, match=tuple(data.get("match", {}).items()))


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
