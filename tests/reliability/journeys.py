"""A pilot that travels fast: no kubectl, a death at any external write, a picture of what AWS has.

A sweep makes hundreds of pipelines; each kubectl process would take longer than a whole reconcile.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from clickstream_operator.aws.session import CallRecord
from clickstream_operator.kube.connection import connect
from tests.integration import specs
from tests.integration.aws_inventory import base_of, left_in_aws
from tests.integration.pilot import Crash, Pilot, run
from tests.kstatus import Verdict, verdict

Spec = dict[str, Any]
Body = dict[str, Any]
_WHERE = ("clickstream.dev", "v1alpha1")
_PLURAL = "clickstreampipelines"
MOST_RECONCILES = 80

#: A whole pipeline without what only watches it, of which nothing stays when it goes.
LEAN: Spec = specs.LEAN | {
    "deletionPolicy": {"archive": "Empty", "tables": "Delete"},
    "tables": {"deletionProtection": False},
}
#: Each kind of update at once: values of every service, a feature that comes, tags on everything.
CHANGED: Spec = LEAN | {
    "environment": "prod",
    "tags": {"team": "data"},
    "dashboard": {"enabled": True},
    "alerts": {"enabled": True},
    "stream": {"shards": 4, "retentionHours": 30, "shardLevelMetrics": ["IncomingBytes"]},
    "processor": {"memoryMiB": 512, "batchSize": 10, "architecture": "x86_64"},
    "tables": {
        "deletionProtection": False,
        "pointInTimeRecovery": False,
        "ttl": {"sessionMetricsHours": 60, "countersHours": 60},
    },
    "archive": {"expirationDays": 400},
    "deadLetter": {"retentionDays": 3},
    "logs": {"retentionDays": 30},
}


class _Noted(list[str]):
    """The Kubernetes writes, each told to whoever wants to die at it."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def append(self, target: str) -> None:
        """Note it."""
        super().append(target)
        if target != "event":
            self._tell()


@dataclass
class Journey(Pilot):
    """One pipeline from its creation to its end. `deadly`: the external write to die after."""

    deadly: int = 0
    counted: int = 0

    def __post_init__(self) -> None:
        self.kube_writes = _Noted(self._count)
        self.on_write = self._count_aws
        self._objects = client.CustomObjectsApi(connect(self.sandbox.kubeconfig))
        super().__post_init__()

    def _count_aws(self, _record: CallRecord) -> None:
        self._count()

    def _count(self) -> None:
        self.counted += 1
        if self.counted == self.deadly:
            raise Crash

    @contextmanager
    def dying_after(self, number: int) -> Iterator[None]:
        """The process dies after the `number`-th write of the block, AWS's or Kubernetes's.

        With 0, or with fewer writes than that, it lives.
        """
        self.counted, self.deadly = 0, number
        try:
            yield
        except Crash:
            self.restart()
        finally:
            self.deadly = 0

    def apply(self, spec: Spec | None = None, **metadata: Any) -> None:
        """Apply the pipeline, as ``kubectl apply --server-side`` does."""
        manifest = {
            "apiVersion": "/".join(_WHERE),
            "kind": "ClickstreamPipeline",
            "metadata": {"name": self.name, "namespace": self.namespace, **metadata},
            "spec": spec or {},
        }
        self._objects.patch_namespaced_custom_object(
            *_WHERE,
            self.namespace,
            _PLURAL,
            self.name,
            manifest,
            field_manager="user",
            force=True,
            _content_type="application/apply-patch+yaml",
        )

    def request_deletion(self) -> None:
        """Ask for deletion."""
        self._objects.delete_namespaced_custom_object(*_WHERE, self.namespace, _PLURAL, self.name)

    def body(self) -> Body | None:
        """The object, None when it is gone."""
        try:
            body: Any = self._objects.get_namespaced_custom_object(
                *_WHERE, self.namespace, _PLURAL, self.name
            )
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return dict(body)

    def travel(
        self,
        until: Callable[[Body], bool] | None = None,
        *,
        die_after: int = 0,
        seconds: float = 48 * 3600.0,
    ) -> list[Body]:
        """Reconcile, each time when it is due, until the object is current (or `until`), or gone.

        Returns the object after each reconcile.
        """
        arrived = until or (lambda body: verdict(body) is Verdict.CURRENT)
        seen: list[Body] = []
        end = self.time + seconds
        with self.dying_after(die_after):
            self._advance(arrived, seen, end)
            return seen
        self._advance(arrived, seen, end)
        return seen

    def _advance(self, arrived: Callable[[Body], bool], seen: list[Body], end: float) -> None:
        for _ in range(MOST_RECONCILES):
            delay = run(self.step())
            body = self.body()
            if body is None or delay is None:
                return
            seen.append(body)
            if arrived(body) or self.time + delay > end:
                return
            self.time += delay
        raise AssertionError(f"not there after {MOST_RECONCILES} reconciles: {seen[-1]['status']}")

    def vanish(self, *, die_after: int = 0) -> list[Body]:
        """Delete it and travel until it is gone."""
        self.request_deletion()
        seen = self.travel(lambda _body: False, die_after=die_after)
        assert self.body() is None
        return seen

    def made_and_removed(self) -> Counter[str]:
        """How often AWS made or removed something, by operation."""
        return Counter(
            {
                name: count
                for name, count in self.accepted.items()
                if re.search(r":(create|delete|put_parameter|put_dashboard|subscribe)", name)
            }
        )

    def inventory(self) -> dict[str, Any]:
        """What the status says of each resource, without times."""
        kept = ("kind", "state", "reason", "origin", "physicalName", "arn")
        entries = {
            one["name"]: {key: one.get(key, "") for key in kept}
            | {"applied": bool(one.get("appliedHash"))}
            for one in self.status()["resources"]
        }
        return dict(self._nameless(entries))

    def picture(self) -> dict[str, Any]:
        """What AWS has of the pipeline, asked of AWS itself, without names and times."""
        base = base_of(self)
        found: dict[str, Any] = {
            kind: sorted(names) for kind, names in left_in_aws(self).items() if names
        }
        for name in found.get("streams", ()):
            kinesis = self.client("kinesis")
            summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            found[name] = [summary, kinesis.list_tags_for_stream(StreamName=name)["Tags"]]
        for name in found.get("tables", ()):
            dynamodb = self.client("dynamodb")
            found[name] = [
                dynamodb.describe_table(TableName=name)["Table"],
                dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
                dynamodb.describe_continuous_backups(TableName=name)[
                    "ContinuousBackupsDescription"
                ],
            ]
        for name in found.get("functions", ()):
            function = self.client("lambda").get_function(FunctionName=name)
            found[name] = [function["Configuration"], function["Tags"]]
            mappings = self.client("lambda").list_event_source_mappings(FunctionName=name)
            found[f"{name} mapping"] = mappings["EventSourceMappings"]
        for name in found.get("buckets", ()):
            s3 = self.client("s3")
            found[name] = [
                s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"],
                s3.get_bucket_versioning(Bucket=name)["Status"],
                s3.get_bucket_policy(Bucket=name)["Policy"],
                s3.get_bucket_tagging(Bucket=name)["TagSet"],
            ]
        for name in found.get("roles", ()):
            iam = self.client("iam")
            found[name] = [
                iam.get_role(RoleName=name)["Role"],
                iam.get_role_policy(RoleName=name, PolicyName="clickstream")["PolicyDocument"],
            ]
        groups = self.client("logs").describe_log_groups()["logGroups"]
        found["retention"] = [
            one.get("retentionInDays") for one in groups if base in one["logGroupName"]
        ]
        for name in found.get("queues", ()):
            sqs = self.client("sqs")
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            found[name] = attributes["Attributes"]["MessageRetentionPeriod"]
        return dict(self._nameless(found))

    def _nameless(self, found: Any) -> Any:
        """What does not differ from one pipeline to the next."""
        text = json.dumps(_settled(found), sort_keys=True, default=str)
        for name, stands in ((base_of(self), "<base>"), (self.name, "<name>")):
            text = text.replace(name, stands)
        return json.loads(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<uid>", text))


_PASSING = re.compile(
    r"Date|Time|Revision|UUID|Modified|LatestStream|Reason|RoleId|ResponseMetadata|CodeSha"
)


def _settled(value: Any) -> Any:
    """Without members that tell when, or which time, something was made."""
    if isinstance(value, dict):
        kept = {key: _settled(one) for key, one in value.items() if not _PASSING.search(str(key))}
        if "Key" in kept and kept["Key"].endswith("/uid"):
            return "uid"
        return {key: one for key, one in kept.items() if not str(key).endswith("/uid")}
    if isinstance(value, list):
        return sorted(
            (_settled(one) for one in value), key=lambda one: json.dumps(one, default=str)
        )
    return value
