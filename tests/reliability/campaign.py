"""One pipeline over all rows of the property map: changed, compared, reverted, compared again."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import jmespath  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.session import is_read
from shared.config import load_config
from tests.integration.pilot import ACCOUNT, Pilot, run
from tests.lambdas.memory_aws import MemoryDynamoDB
from tests.lambdas.pipelines import Pipeline
from tests.reliability import attributes
from tests.reliability.probes import PROBES
from tests.reliability.property_map import QUESTIONS, ROWS, Row, rounds
from tests.reliability.strict_aws.probes import client

REGION: Final = "us-east-1"
MOST_RECONCILES: Final = 20
DAY: Final = 86_400.0
CAMPAIGN: Final = [row for row in ROWS if row.kind in {"aws", "function"}]
_ABSENT: Final = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist")
_PLACE: Final = re.compile(r"<([a-z-]+)>")


@dataclass
class Seen:
    """A row's attribute before, after and reverted, and the writes of full observations."""

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
        self._rounds = rounds(CAMPAIGN)
        self.status: dict[str, Any] = {}
        # Of what is gone too: AWS is asked for that as well.
        self._seen_resources: dict[str, Mapping[str, Any]] = {}
        key = self.client("kms").create_key()["KeyMetadata"]
        self.client("kms").create_alias(AliasName="alias/campaign", TargetKeyId=key["KeyId"])
        self.client("iam").create_role(RoleName="external", AssumeRolePolicyDocument="{}")
        managed = self.client("kms").describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]
        topic = self.client("sns").create_topic(Name="other")["TopicArn"]
        # Without it AWS takes no warm throughput.
        self.client("kinesis").update_account_settings(
            MinimumThroughputBillingCommitment={"Status": "ENABLED"}
        )
        self._places = {
            "account": ACCOUNT,
            "region": REGION,
            "kms-key-arn": key["Arn"],
            "managed-dynamodb-key": managed["Arn"],
            "other-topic": topic,
        }

    def client(self, service: str) -> Any:
        """A boto3 client, of what the emulator lacks too; making one is slow."""
        if service not in self._clients:
            endpoint = self.pilot.sandbox.aws_endpoint
            self._clients[service] = client(service, endpoint)
        return self._clients[service]

    def see(self, row: Row) -> Seen:
        """The values of a row; its round's failure is raised for each of its rows."""
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
        """Apply a spec and reconcile until nothing is left to do."""
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
        """Writes of a full observation."""
        self.pilot.forget_calls()
        # A process that remembers nothing observes in full.
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
