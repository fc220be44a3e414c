"""Each row of the property map: change the field, ask AWS itself, revert, ask again.

After each change and each revert a look at everything must write nothing.
"""

from __future__ import annotations

import ast
import gzip
import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import boto3
import jmespath  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import ClientError

from clickstream_layout.tables import LANE
from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.session import is_read
from docs.generator.spec_fields import leaves
from sandbox import Sandbox
from shared.config import load_config
from shared.timestamps import instant_text
from tests.integration.aws_inventory import left_in_aws
from tests.integration.pilot import ACCOUNT, Pilot, empty_aws, run
from tests.lambdas.memory_aws import MemoryDynamoDB, epoch
from tests.lambdas.pipelines import Pipeline, encode, event, invocation
from tests.reliability import attributes, property_map
from tests.reliability.attributes import KINDS
from tests.reliability.property_map import QUESTIONS, ROWS, Row
from tests.tenant_grants import FOREIGN, granted
from tests.zstd import provide_zstd

ROOT: Final = Path(__file__).parents[2]
REGION: Final = "us-east-1"
CREDENTIALS: Final = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "sandbox"}
MOST_RECONCILES: Final = 20
DAY: Final = 86_400.0
CAMPAIGN: Final = [row for row in ROWS if row.kind in {"aws", "function"}]
FIXED: Final = [row for row in ROWS if row.kind == "fixed"]
MINUTE_0: Final = epoch("2026-11-23T12:00:00")
_ABSENT: Final = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist")
_PLACE: Final = re.compile(r"<([a-z-]+)>")


# -- the table ---------------------------------------------------------------------------------


def test_every_field_has_a_row_and_every_row_a_field() -> None:
    """A field without a row is a field that nobody knows to have an effect."""
    fields, mapped = {path for path, _ in leaves()}, {row.path for row in ROWS}
    assert not fields - mapped, "fields without a row in property_map.py"
    assert not mapped - fields, "rows of fields that the CRD does not have"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_complete(row: Row) -> None:
    """It says what is compared, or which tests prove it, and those exist."""
    if row.kind in {"aws", "function"}:
        assert row.before != row.after
        assert row.target in QUESTIONS or set(attributes.resources(row.target)) <= KINDS.keys()
        assert row.probe in PROBES if row.kind == "function" else not row.probe
        assert row.effect or row.kind == "aws"
    else:
        assert row.effect
        assert row.proofs
    for proof in row.proofs:
        path, _, name = proof.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}


def test_no_row_of_the_page_stands_twice() -> None:
    """Two rows that read the same would hide what the second one tries."""
    rows = Counter(line for line in property_map.page().splitlines() if line.startswith("| `"))
    assert [row for row, times in rows.items() if times > 1] == []


# -- the campaign ------------------------------------------------------------------------------


@dataclass
class Seen:
    """What a row's attribute was, before, after and reverted, and what full looks then wrote."""

    before: Any = None
    after: Any = None
    reverted: Any = None
    writes: Counter[str] = field(default_factory=Counter)


class Campaign:
    """One pipeline over all rows. A round of rows runs when the first of them is asked for."""

    def __init__(self, pilot: Pilot) -> None:
        self.pilot = pilot
        self._clients: dict[str, Any] = {}
        self._spec: dict[str, Any] | None = None
        self._seen: dict[int, Seen | Exception] = {}
        self._rounds = property_map.rounds(CAMPAIGN)
        self.status: dict[str, Any] = {}
        # Of what is gone too: AWS is asked for that as well.
        self._seen_resources: dict[str, Mapping[str, Any]] = {}
        key = self.client("kms").create_key()["KeyMetadata"]
        self.client("kms").create_alias(AliasName="alias/campaign", TargetKeyId=key["KeyId"])
        self.client("iam").create_role(RoleName="external", AssumeRolePolicyDocument="{}")
        managed = self.client("kms").describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]
        topic = self.client("sns").create_topic(Name="other")["TopicArn"]
        self._places = {
            "account": ACCOUNT,
            "region": REGION,
            "kms-key-arn": key["Arn"],
            "managed-dynamodb-key": managed["Arn"],
            "other-topic": topic,
        }

    def client(self, service: str) -> Any:
        """A boto3 client; making one is slow."""
        if service not in self._clients:
            self._clients[service] = self.pilot.client(service)
        return self._clients[service]

    def see(self, row: Row) -> Seen:
        """What was seen of a row; its round's failure is raised for each of its rows."""
        index = CAMPAIGN.index(row)
        if index not in self._seen:
            together = next(one for one in self._rounds if row in one)
            try:
                found: list[Seen | Exception] = [*self._run(together)]
            except Exception as error:  # noqa: BLE001 - raised again for each row
                found = [error] * len(together)
            self._seen |= {
                CAMPAIGN.index(one): each for one, each in zip(together, found, strict=True)
            }
        seen = self._seen[index]
        if isinstance(seen, Exception):
            raise seen
        return seen

    def _run(self, together: list[Row]) -> list[Seen]:
        seen = [Seen() for _ in together]
        given = together[0].given
        changed = given
        for row in together:
            changed = row.changed(changed)
        # AWS limits how often some things change in a day.
        self.pilot.time += DAY
        self._settle(given)
        for row, one in zip(together, seen, strict=True):
            one.before = self._read(row)
        writes = Counter[str]()
        self._settle(changed)
        for row, one in zip(together, seen, strict=True):
            one.after = self._read(row)
        writes += self._rest()
        self._settle(given)
        for row, one in zip(together, seen, strict=True):
            one.reverted = self._read(row)
        writes += self._rest()
        for one in seen:
            one.writes = writes
        return seen

    def _settle(self, spec: dict[str, Any]) -> None:
        """Apply a spec and run passes until nothing is left to do."""
        if spec == self._spec:
            return
        self._spec = None
        self.pilot.apply(self.filled(spec))
        for _ in range(MOST_RECONCILES):
            delay = run(self.pilot.step())
            body = run(self.pilot.controller._services.kube.get(self.pilot.key))
            self.status = body["status"]
            self._seen_resources |= {one["name"]: one for one in self.status["resources"]}
            if _is_settled(body):
                self._spec = spec
                return
            self.pilot.time += delay
            self._wait_for_functions()
        left = [one for one in self.status["resources"] if one["state"] != "Ready"]
        raise AssertionError(f"does not settle: {left or self.status['conditions']}")

    def _wait_for_functions(self) -> None:
        """Until the emulator, which takes half a second, has taken in what changed."""
        waiter = self.client("lambda").get_waiter("function_updated_v2")
        for one in self.status["resources"]:
            if one["kind"] == "LambdaFunction" and one["state"] in {"Creating", "Updating"}:
                settings = {"Delay": 0.05, "MaxAttempts": 200}
                waiter.wait(FunctionName=one["physicalName"], WaiterConfig=settings)

    def _rest(self) -> Counter[str]:
        """What a look at everything writes."""
        self.pilot.forget_calls()
        # A process that remembers nothing looks at everything.
        self.pilot.controller._states.clear()
        run(self.pilot.resync())
        assert any(is_read(one.operation) for one in self.pilot.calls)
        return self.pilot.writes()

    def filled(self, value: Any, **more: str) -> Any:
        """A value with physical names in their places."""
        if isinstance(value, dict):
            return {name: self.filled(one, **more) for name, one in value.items()}
        if isinstance(value, list):
            return [self.filled(one, **more) for one in value]
        if not isinstance(value, str):
            return value
        effective = self.status.get("effective", {})
        names = {
            **effective.get("names", {}),
            "base": effective.get("base", ""),
            **self._places,
            **more,
        }
        return _PLACE.sub(lambda match: names[match[1]], value)

    def _read(self, row: Row) -> Any:
        if row.kind == "function":
            return PROBES[row.probe](self.deployed(row.target))
        question = QUESTIONS.get(row.target)
        if question is not None:
            arguments = self.filled(dict(question.arguments))
            answer = self._answer(question.service, question.operation, arguments)
            return _part(row, answer)
        path = attributes.path_of(row.target)
        answers = {}
        for name in attributes.resources(row.target):
            if path:
                answers[name] = _part(row, attributes.values(name, path, self.ask)[0])
            else:
                answers[name] = attributes.exists(name, self.ask) or None
        values = list(answers.values())
        return values[0] if all(one == values[0] for one in values) else answers

    def ask(self, name: str, reading: Reading) -> Any:
        """AWS's answer to a reading of a resource; None where there is none."""
        own = self.own(name)
        if not own["name"]:
            return None  # It never was.
        arguments = self.filled(dict(reading.arguments), **own)
        return self._answer(reading.service, reading.operation, arguments)

    def own(self, name: str) -> dict[str, str]:
        """Names of a resource, as it is or last was, for ``<name>`` and the like in arguments."""
        seen = self._seen_resources.get(name, {})
        arn = str(seen.get("arn", ""))
        names = self.status["effective"]["names"]
        key = arn.partition("/config/")[2]
        return {
            "name": seen.get("physicalName") or names.get(name, ""),
            "arn": arn,
            "url": self.status.get("outputs", {}).get("dlqUrl", ""),
            "uuid": arn.rpartition(":")[2],
            "key": f"config/{key}" if key else "",
        }

    def _answer(self, service: str, operation: str, arguments: dict[str, Any]) -> Any:
        try:
            return getattr(self.client(service), operation)(**arguments)
        except ClientError as error:
            if not _ABSENT.search(error.response["Error"]["Code"]):
                raise
            return None

    def deployed(self, function: str) -> Pipeline:
        """The function's own code on stores in memory, configured as it is in AWS."""
        name = self.filled(f"<{function}>")
        answer = self.client("lambda").get_function(FunctionName=name)
        environment = answer["Configuration"]["Environment"]["Variables"]
        config = load_config(environment, s3=lambda: self.client("s3"), function=function)
        pipeline = Pipeline(config)
        tables = config.tables
        pipeline.dynamodb = MemoryDynamoDB(
            {
                tables.page_metrics: ("page_url", "timestamp_hour"),
                tables.session_metrics: ("session_id",),
                tables.counters: ("metric_name", "time_window"),
            },
            pipeline.faults,
        )
        return pipeline


def _part(row: Row, value: Any) -> Any:
    """The part of an attribute that a row is about."""
    if row.part and value is not None:
        value = jmespath.search(row.part, value)
    if row.document and value is not None:
        value = jmespath.search(row.document, json.loads(value))
    return value.isoformat() if isinstance(value, datetime) else value


def _is_settled(body: Mapping[str, Any]) -> bool:
    status = body["status"]
    conditions = {one["type"]: one for one in status["conditions"]}
    return (
        status["observedGeneration"] == body["metadata"]["generation"]
        and conditions["Ready"]["status"] == "True"
        and not conditions.keys() & {"Reconciling", "Stalled"}
        and all(one["state"] == "Ready" for one in status["resources"])
    )


@pytest.fixture(scope="module")
def ground(installed: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with an empty AWS, for the module: each test has pipelines of its own.

    A plain one: a row is about the final state in AWS. The way there, with AWS's states and
    limits, belongs to tests/integration; here it would take four times as long.
    """
    with empty_aws(installed, plain=True):
        yield installed


@pytest.fixture(scope="module")
def campaign(ground: Sandbox) -> Iterator[Campaign]:
    """The pipeline of the campaign."""
    allowed = frozenset({f"arn:aws:iam::{ACCOUNT}:role/external"})
    pilot = Pilot(ground, overrides={"tenants": granted(function_roles=tuple(allowed), **FOREIGN)})
    yield Campaign(pilot)
    pilot.close()


@pytest.fixture
def pilots(ground: Sandbox) -> Iterator[Callable[..., Pilot]]:
    """Yield a maker of pipelines beside the campaign's."""
    made: list[Pilot] = []

    def make(**settings: Any) -> Pilot:
        made.append(Pilot(ground, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("row", CAMPAIGN, ids=lambda row: row.name)
def test_the_field_has_its_effect_and_its_revert_takes_it_back(
    campaign: Campaign, row: Row
) -> None:
    """Before, after and reverted are the row's; looks at everything in between write nothing."""
    seen = campaign.see(row)
    found = {"before": seen.before, "after": seen.after, "reverted": seen.reverted}
    before, after = campaign.filled(row.before), campaign.filled(row.after)
    wanted = {"before": before, "after": after, "reverted": before}
    assert found == wanted, f"{found}, wanted {wanted}"
    assert not seen.writes, f"a look at everything wrote {dict(seen.writes)}"


# -- what is no attribute ------------------------------------------------------------------------


def look_at_everything(pilot: Pilot) -> float | None:
    """A pass of a process that remembers nothing, at the next resync."""
    pilot.controller._states.clear()
    delay: float | None = run(pilot.resync())
    return delay


def refusal(pilot: Pilot, spec: dict[str, Any]) -> str:
    """What the API server says to a spec that it must refuse."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        pilot.apply(spec)
    return str(caught.value.stderr)


def test_what_is_fixed_at_creation_is_where_it_was_asked_for(
    pilots: Callable[..., Pilot],
) -> None:
    """Region and names hold in AWS, and the API server refuses another one later."""
    pilot = pilots()
    asked = {
        "stream": f"{pilot.name}-given-stream",
        "archiveBucket": f"{pilot.name}-given-archive",
        "pageMetricsTable": f"{pilot.name}-given-pages",
        "sessionMetricsTable": f"{pilot.name}-given-sessions",
        "countersTable": f"{pilot.name}-given-counters",
    }
    spec = {"region": "eu-west-1", "names": asked}
    pilot.apply(spec)
    run(pilot.converge())

    def client(service: str) -> Any:
        return boto3.client(service, region_name="eu-west-1", **CREDENTIALS)

    assert client("kinesis").list_streams()["StreamNames"] == [asked["stream"]]
    tables = [asked["pageMetricsTable"], asked["sessionMetricsTable"], asked["countersTable"]]
    assert sorted(client("dynamodb").list_tables()["TableNames"]) == sorted(tables)
    place = client("s3").get_bucket_location(Bucket=asked["archiveBucket"])
    assert place["LocationConstraint"] == "eu-west-1"
    functions = client("lambda").list_functions()["Functions"]
    assert {one["FunctionArn"].split(":")[3] for one in functions} == {"eu-west-1"}
    assert len(functions) == 2
    for row in FIXED:
        field_name = row.path.partition(".")[0]
        assert f"{field_name} is fixed at creation" in refusal(pilot, row.changed(spec))
    assert "region is fixed at creation" in refusal(pilot, {"names": asked})
    assert "names is fixed at creation" in refusal(pilot, {"region": "eu-west-1"})


def test_the_account_of_a_role_is_fixed(pilots: Callable[..., Pilot]) -> None:
    """Another role of the same account may follow, one of another account may not."""
    pilot = pilots()

    def role(account: str, name: str) -> dict[str, Any]:
        return {"credentials": {"roleArn": f"arn:aws:iam::{account}:role/{name}"}}

    pilot.apply(role(ACCOUNT, "one"))
    pilot.apply(role(ACCOUNT, "two"))
    assert "the account of credentials.roleArn is fixed" in refusal(
        pilot, role("210987654321", "one")
    )


def test_the_resync_interval_is_the_pause_between_looks(pilots: Callable[..., Pilot]) -> None:
    """At a jitter of half, nine tenths of it."""
    pilot = pilots()
    for spec, pause in (({}, 270.0), ({"resyncIntervalSeconds": 1000}, 900.0), ({}, 270.0)):
        pilot.apply(spec)
        run(pilot.converge())
        assert look_at_everything(pilot) == pytest.approx(pause)


def test_ignored_drift_is_left_alone_in_silence(pilots: Callable[..., Pilot]) -> None:
    """No write and no condition; with Correct again it is put back."""
    pilot = pilots()
    pilot.apply({"driftPolicy": "Ignore"})
    run(pilot.converge())
    name = pilot.resource("stream")["physicalName"]
    kinesis = pilot.client("kinesis")
    kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=72)
    pilot.forget_calls()
    look_at_everything(pilot)
    assert pilot.writes() == {}
    assert pilot.condition("Ready")["status"] == "True"
    assert pilot.condition("DriftDetected")["status"] in {"False", "absent"}
    pilot.apply()
    run(pilot.converge())
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 24


#: What each member of the deletion policy keeps, and the word with which it goes.
KEPT: Final = {
    "archive": ("buckets", "Empty"),
    "tables": ("tables", "Delete"),
    "stream": ("streams", "Delete"),
    "logs": ("log groups", "Delete"),
    "deadLetter": ("queues", "Delete"),
}


def policy_that_keeps(*kept: str) -> dict[str, str]:
    """A deletion policy that says something about every part."""
    return {part: "Retain" if part in kept else KEPT[part][1] for part in KEPT}


@pytest.mark.parametrize(
    ("policy", "kept", "key"),
    [
        pytest.param({}, ("archive", "tables"), {"parameters"}, id="defaults"),
        # No two parts are kept in the same ones of these, so none may follow another's member.
        *(
            pytest.param(policy_that_keeps(*kept), kept, key, id=" ".join(kept))
            for kept, key in (
                (("archive", "stream", "deadLetter"), {"parameters"}),
                (("tables", "stream"), {"parameters"}),
                (("logs", "deadLetter"), set[str]()),
            )
        ),
    ],
)
def test_deletion_leaves_what_the_policy_says(
    pilots: Callable[..., Pilot], policy: dict[str, str], kept: tuple[str, ...], key: set[str]
) -> None:
    """Each part goes by its own member, a full archive too; the key stays with what it hashed."""
    pilot = pilots()
    spec = {"deletionPolicy": policy, "tables": {"deletionProtection": False}}
    pilot.apply(spec)
    run(pilot.converge())
    bucket = pilot.resource("archive")["physicalName"]
    pilot.client("s3").put_object(Bucket=bucket, Key="raw/one", Body=b"kept")
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    left = {kind for kind, names in left_in_aws(pilot).items() if names}
    assert left == {KEPT[part][0] for part in kept} | key


def test_deletion_waits_for_an_archive_that_must_be_empty(pilots: Callable[..., Pilot]) -> None:
    """Delete removes no objects: it is blocked until there are none."""
    pilot = pilots()
    pilot.apply({"deletionPolicy": {"archive": "Delete"}})
    run(pilot.converge())
    bucket = pilot.resource("archive")["physicalName"]
    pilot.client("s3").put_object(Bucket=bucket, Key="raw/one", Body=b"kept")
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.condition("Stalled")["reason"] == "DeletionBlocked"))
    assert pilot.client("s3").get_object(Bucket=bucket, Key="raw/one")["Body"].read() == b"kept"
    versions = pilot.client("s3").list_object_versions(Bucket=bucket)["Versions"]
    for one in versions:
        pilot.client("s3").delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    run(pilot.converge(lambda: pilot.body() is None))
    assert left_in_aws(pilot)["buckets"] == set()


@pytest.mark.parametrize(("adopted", "stays"), [("Retain", True), ("Delete", False)])
def test_what_was_taken_over_stays_unless_the_policy_says_delete(
    pilots: Callable[..., Pilot], adopted: str, *, stays: bool
) -> None:
    """An existing stream is taken over with Always only, and `deletionPolicy.adopted` rules it."""
    pilot = pilots(overrides={"tenants": granted(adopt=("*-*",))})
    name = f"{pilot.name}-legacy"
    pilot.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    spec: dict[str, Any] = {"names": {"stream": name}, "deletionPolicy": {"adopted": adopted}}
    pilot.apply(spec)
    run(pilot.step())
    assert pilot.condition("Stalled")["reason"] == "OwnershipConflict"
    pilot.apply({**spec, "adoptionPolicy": "Always"})
    run(pilot.converge())
    assert pilot.resource("stream")["origin"] == "Adopted"
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    assert (name in pilot.client("kinesis").list_streams()["StreamNames"]) is stays


def test_what_was_retained_is_not_taken_back_when_the_policy_says_never(
    pilots: Callable[..., Pilot],
) -> None:
    """A new object of the same name leaves the tables of the earlier one alone."""
    pilot = pilots()
    pilot.apply()
    run(pilot.converge())
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    pilot.apply({"adoptionPolicy": "Never"})
    run(pilot.step())
    assert pilot.condition("Stalled")["reason"] == "OwnershipConflict"
    assert pilot.resource("counters-table")["reason"] == "OwnershipConflict"


# -- what the functions do ---------------------------------------------------------------------

Probe = Callable[[Pipeline], Any]
PROBES: Final[dict[str, Probe]] = {}


def probe(function: Probe) -> Probe:
    """Register a probe under its name, which rows use."""
    PROBES[function.__name__] = function
    return function


def process(pipeline: Pipeline, *documents: dict[str, Any]) -> None:
    """Give one batch to the processor."""
    pipeline.processor().process(invocation(encode(documents)))


def detect(pipeline: Pipeline, *documents: dict[str, Any]) -> None:
    """Give one batch to the detector."""
    pipeline.detector().process(invocation(encode(documents)))


def archived(pipeline: Pipeline, *documents: dict[str, Any], prefix: str = "raw/") -> list[Any]:
    """The lines that a batch leaves in the archive."""
    process(pipeline, *documents)
    return [
        json.loads(line)
        for key, (body, _) in sorted(pipeline.s3.objects.items())
        if key.startswith(prefix)
        for line in gzip.decompress(body).splitlines()
    ]


def counters(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Counter items, without the lanes and incidents that live beside them."""
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    return [item for item in items if item["metric_name"]["S"].startswith("events_per_minute_")]


def pages(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Page items."""
    return pipeline.dynamodb.items(pipeline.config.tables.page_metrics)


def sessions(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Session items."""
    return pipeline.dynamodb.items(pipeline.config.tables.session_metrics)


def incidents(pipeline: Pipeline) -> list[str]:
    """Rules of the incidents."""
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    return [item["rule"]["S"] for item in items if item["metric_name"]["S"] == "incident"]


def lifetime(item: dict[str, Any], since: str) -> float:
    """Hours from a time to an item's end."""
    return (int(item["ttl"]["N"]) - epoch(since)) / 3600


def levels(pipeline: Pipeline) -> list[str]:
    """Levels of the log lines."""
    return [line["level"] for line in map(json.loads, pipeline.lines) if "level" in line]


@probe
def log_levels(pipeline: Pipeline) -> Any:
    """One good batch is worth one INFO line."""
    process(pipeline, event())
    return levels(pipeline)


@probe
def log_levels_of_incidents(pipeline: Pipeline) -> Any:
    """One incident is worth one WARNING line."""
    detect(pipeline, event(user_agent="Googlebot/2.1"))
    return levels(pipeline)


@probe
def lane_lifetime(pipeline: Pipeline) -> Any:
    """The lane's item counts from the arrival."""
    process(pipeline, event())
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    (lane,) = [item for item in items if item["metric_name"]["S"] == LANE]
    return lifetime(lane, "2026-11-23T12:00:30")


@probe
def counted_types(pipeline: Pipeline) -> Any:
    """Two members could be the type."""
    process(pipeline, event(event_type="click", kind="other_click"))
    return [
        item["metric_name"]["S"].removeprefix("events_per_minute_") for item in counters(pipeline)
    ]


@probe
def counted_sessions(pipeline: Pipeline) -> Any:
    """Two members could be the session."""
    process(pipeline, event(other_session_id="session-2"))
    return [item["session_id"]["S"] for item in sessions(pipeline)]


@probe
def hashed_members(pipeline: Pipeline) -> Any:
    """Two members could be the user id; it is the only one that is hashed."""
    (line,) = archived(pipeline, event(user_id="user-456", other_user_id="user-789"))
    return [name for name, value in line.items() if str(value).startswith("u_")]


@probe
def counted_minutes(pipeline: Pipeline) -> Any:
    """Two members could be the time."""
    process(pipeline, event(other_timestamp="2026-11-23T11:30:00Z"))
    return [item["time_window"]["S"].partition("#")[0] for item in counters(pipeline)]


@probe
def counted_pages(pipeline: Pipeline) -> Any:
    """Two members could be the page."""
    process(pipeline, event(other_page_url="/other"))
    return [item["page_url"]["S"] for item in pages(pipeline)]


@probe
def agents_of_sessions(pipeline: Pipeline) -> Any:
    """Two members could be the user agent."""
    process(pipeline, event(user_agent="agent/1", other_user_agent="agent/2"))
    return [item["user_agent"]["S"] for item in sessions(pipeline)]


@probe
def members_of_addresses(pipeline: Pipeline) -> Any:
    """Two members could be the address; the one that is goes, the other's text is redacted."""
    (line,) = archived(pipeline, event(ip_address="192.168.1.100", other_ip_address="10.1.2.3"))
    return [name for name in line if name.endswith("ip_address")]


@probe
def stripped_members(pipeline: Pipeline) -> Any:
    """Two members could be the referrer; the query goes from the one that is."""
    address = "https://example.com/?q=1"
    (line,) = archived(pipeline, event(referrer=address, other_referrer=address))
    return [name for name in line if line[name] == "https://example.com/"]


@probe
def countries_of_alerts(pipeline: Pipeline) -> Any:
    """Two members could be the country; an incident's message has the one that is."""
    detect(pipeline, event(user_agent="Googlebot/2.1", country="NL", other_country="BE"))
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    details = [
        json.loads(item["message"]["S"])["event_details"] for item in items if "message" in item
    ]
    return [each.get("country") or each.get("other_country") for each in details]


def reasons(pipeline: Pipeline, time: str) -> Any:
    """Why an event of a time is refused."""
    return [row["reason"] for row in archived(pipeline, event(timestamp=time), prefix="bad/")]


@probe
def archived_ids(pipeline: Pipeline) -> Any:
    """Two members could be the id; the archive's own member has the one that is."""
    list(archived(pipeline, event(event_id="first", other_event_id="second")))
    return [each.event_id for each in pipeline.readback().archived_events()]


@probe
def reasons_of_a_late_event(pipeline: Pipeline) -> Any:
    """Two hours before its arrival."""
    return reasons(pipeline, "2026-11-23T10:00:00Z")


@probe
def reasons_of_an_early_event(pipeline: Pipeline) -> Any:
    """Five minutes after its arrival."""
    return reasons(pipeline, "2026-11-23T12:05:00Z")


@probe
def archived_address(pipeline: Pipeline) -> Any:
    """The address as it is archived."""
    (line,) = archived(pipeline, event(ip_address="192.168.1.100"))
    return line.get("ip_address")


@probe
def archived_user(pipeline: Pipeline) -> Any:
    """The user id as it is archived."""
    (line,) = archived(pipeline, event(user_id="user-456"))
    hashed = str(line.get("user_id")).startswith("u_")
    return "a keyed hash" if hashed else line.get("user_id")


@probe
def archived_page(pipeline: Pipeline) -> Any:
    """The page as it is archived."""
    (line,) = archived(pipeline, event(page_url="/products?utm_source=mail&lang=nl"))
    return line["page_url"]


@probe
def archived_plan(pipeline: Pipeline) -> Any:
    """A member that no setting names by default."""
    (line,) = archived(pipeline, event(plan="gold"))
    return line.get("plan")


@probe
def archived_objects(pipeline: Pipeline) -> Any:
    """Objects of one batch."""
    process(pipeline, event())
    return sum(key.startswith("raw/") for key in pipeline.s3.objects)


@probe
def archive_suffixes(pipeline: Pipeline) -> Any:
    """How the keys of one batch end."""
    with pytest.MonkeyPatch.context() as patch:
        provide_zstd(patch)
        process(pipeline, event())
    return [re.sub(r"^.*?(?=\.jsonl)", "", key) for key in pipeline.s3.objects]


@probe
def page_lifetime(pipeline: Pipeline) -> Any:
    """Days from a page item's hour to its end."""
    process(pipeline, event())
    return lifetime(pages(pipeline)[0], "2026-11-23T12:00:00") / 24


@probe
def session_lifetime(pipeline: Pipeline) -> Any:
    """Hours from a session's last event to its end."""
    process(pipeline, event())
    return lifetime(sessions(pipeline)[0], "2026-11-23T12:00:00")


@probe
def counter_lifetime(pipeline: Pipeline) -> Any:
    """Hours from a counter's minute to its end."""
    process(pipeline, event())
    return lifetime(counters(pipeline)[0], "2026-11-23T12:00:00")


def metric_lines(pipeline: Pipeline) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Lines of metrics that are not the pipeline's own, each with its directive."""
    process(
        pipeline,
        event(event_type="purchase", amount=5, product="shoe"),
        event(event_type="purchase", amount=7, product="hat"),
        event(event_type="purchase", amount=9, product="shoe"),
        event(event_type="click", amount=11, product="shoe"),
    )
    lines = [line for line in map(json.loads, pipeline.lines) if "_aws" in line]
    both = [(line, line["_aws"]["CloudWatchMetrics"][0]) for line in lines]
    return [(line, one) for line, one in both if one["Namespace"] != "Clickstream/Events"]


@probe
def metric_names(pipeline: Pipeline) -> Any:
    """By the directive."""
    return [one["Metrics"][0]["Name"] for _, one in metric_lines(pipeline)]


@probe
def metric_namespaces(pipeline: Pipeline) -> Any:
    """By the directive."""
    return [one["Namespace"] for _, one in metric_lines(pipeline)]


@probe
def metric_units(pipeline: Pipeline) -> Any:
    """By the directive."""
    return [one["Metrics"][0]["Unit"] for _, one in metric_lines(pipeline)]


@probe
def metric_dimensions(pipeline: Pipeline) -> Any:
    """By the directive."""
    return [one["Dimensions"][0] for _, one in metric_lines(pipeline)]


@probe
def metric_products(pipeline: Pipeline) -> Any:
    """Values of a dimension."""
    return sorted(line["product"] for line, _ in metric_lines(pipeline))


@probe
def metric_values(pipeline: Pipeline) -> Any:
    """Values of the metric of the rows."""
    found = [line["Sales"] for line, _ in metric_lines(pipeline) if "Sales" in line]
    return [value for one in found for value in (one if isinstance(one, list) else [one])]


@probe
def incidents_of_thirty_events(pipeline: Pipeline) -> Any:
    """One session, one minute."""
    detect(pipeline, *(event(timestamp=f"2026-11-23T11:59:{n:02d}Z") for n in range(30)))
    return incidents(pipeline)


@probe
def ids_of_alerts(pipeline: Pipeline) -> Any:
    """Two members could be the event id; an incident's message has the one that is."""
    detect(pipeline, event(user_agent="Googlebot/2.1", event_id="a", other_id="b"))
    (details,) = [each["event_details"] for each in messages(pipeline)]
    return [details.get("event_id") or details.get("other_id")]


def messages(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Messages of the incidents, as their items hold them."""
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    return [json.loads(item["message"]["S"]) for item in items if "message" in item]


def order(pipeline: Pipeline) -> None:
    """Three orders of one session, of 1, 2 and 3, within a minute; then the ticks judge it."""
    minute(pipeline, 0, 3)
    tick(pipeline, 1)


def minute(pipeline: Pipeline, number: int, count: int) -> None:
    """Some orders in a minute, `number` of them later than others."""
    arrival = MINUTE_0 + number * 60
    batch = invocation(
        encode(
            event(
                timestamp=instant_text(round((arrival + 20 * index) * 1000)),
                event_type="order",
                amount=index + 1,
            )
            for index in range(count)
        ),
        start=number * 10,
        arrival=arrival + 45,
    )
    pipeline.now = arrival + 45
    pipeline.detector().process(batch)


def tick(pipeline: Pipeline, number: int) -> None:
    """Let another minute's event close what came before, and the schedule call."""
    arrival = MINUTE_0 + number * 60 + 130
    closing = event(timestamp=instant_text(round(arrival * 1000)), session_id="closing")
    pipeline.detector().process(
        invocation(encode([closing]), start=number * 10 + 5, arrival=arrival)
    )
    pipeline.now = arrival + 15
    pipeline.detector().process({"source": "clickstream.schedule"})


def warm_up(pipeline: Pipeline) -> None:
    """Let the rules of the site settle in quiet minutes."""
    for number in range(-8, 0):
        tick(pipeline, number)


@probe
def incidents_of_three_orders(pipeline: Pipeline) -> Any:
    """One session, one minute."""
    order(pipeline)
    return incidents(pipeline)


@probe
def subjects_of_three_orders(pipeline: Pipeline) -> Any:
    """One session, one page, one minute."""
    warm_up(pipeline)
    order(pipeline)
    return [message["subject"] for message in messages(pipeline)]


@probe
def severities_of_three_orders(pipeline: Pipeline) -> Any:
    """One session, one minute."""
    order(pipeline)
    return [message["severity"] for message in messages(pipeline)]


@probe
def incidents_of_two_busy_minutes(pipeline: Pipeline) -> Any:
    """Three orders in each of two minutes."""
    warm_up(pipeline)
    minute(pipeline, 0, 3)
    minute(pipeline, 1, 3)
    tick(pipeline, 2)
    return incidents(pipeline)


@probe
def incidents_of_two_bursts(pipeline: Pipeline) -> Any:
    """Three orders of one session, and ten minutes later three more."""
    minute(pipeline, 0, 3)
    minute(pipeline, 10, 3)
    return incidents(pipeline)


@probe
def incidents_of_a_bot(pipeline: Pipeline) -> Any:
    """One event of a robot."""
    detect(pipeline, event(user_agent="Googlebot/2.1"))
    return incidents(pipeline)


@probe
def topics_of_alerts(pipeline: Pipeline) -> Any:
    """Where the message of an incident goes."""
    detect(pipeline, event(user_agent="Googlebot/2.1"))
    return [message["TopicArn"] for message in pipeline.sns.messages]
