"""One pipeline's life in any order: its AWS as others see and change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from tests.integration.aws_inventory import base_of
from tests.reliability.journeys import Journey

OBJECT: Final = "raw/planted.json"
CONTENT: Final = b'{"planted": true}'
HANDS: Final = ("queue", "memory", "log retention", "role policy", "mapping", "versioning")


class Life(Journey):
    """A journey whose clients are made once: that takes longer than most calls."""

    made: ClassVar[dict[str, Any]] = {}

    def client(self, service: str) -> Any:
        """A boto3 client of the pipeline's account."""
        if service not in self.made:
            self.made[service] = super().client(service)
        return self.made[service]

    @property
    def base(self) -> str:
        """Base of the names of its resources."""
        return base_of(self)

    def put_queue(self, name: str, owner: dict[str, str]) -> None:
        """A queue of another hand."""
        self.client("sqs").create_queue(
            QueueName=name, Attributes={"VisibilityTimeout": "77"}, tags=owner
        )

    def shown_beside(self, beside: str) -> list[Any]:
        """Bucket, table and queue of that name, as AWS shows them."""
        s3, dynamodb = self.client("s3"), self.client("dynamodb")
        return [
            [one["Key"] for one in s3.list_objects_v2(Bucket=beside)["Contents"]],
            s3.get_bucket_versioning(Bucket=beside).get("Status"),
            dynamodb.scan(TableName=beside)["Items"],
            self.shown_queue(beside),
        ]

    def shown_queue(self, name: str) -> list[Any]:
        """Attributes and tags of a queue."""
        url = self.queue_url(name)
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        kept = ("VisibilityTimeout", "MessageRetentionPeriod", "CreatedTimestamp")
        owner = self.client("sqs").list_queue_tags(QueueUrl=url).get("Tags", {})
        return [[found["Attributes"][key] for key in kept], owner]

    def queue_url(self, name: str) -> str:
        """URL of a queue."""
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    def change(self, what: str) -> None:
        """Change or delete a resource of the pipeline as another hand: one of `HANDS`."""
        processor = f"{self.base}-processor"
        functions, iam = self.client("lambda"), self.client("iam")
        match what:
            case "queue":
                self.client("sqs").set_queue_attributes(
                    QueueUrl=self.queue_url(f"{self.base}-dead-letter"),
                    Attributes={"MessageRetentionPeriod": "86400"},
                )
            case "memory":
                functions.update_function_configuration(FunctionName=processor, MemorySize=1024)
            case "log retention":
                self.client("logs").put_retention_policy(
                    logGroupName=f"/aws/lambda/{processor}", retentionInDays=1
                )
            case "role policy":
                for name in iam.list_role_policies(RoleName=processor)["PolicyNames"]:
                    iam.delete_role_policy(RoleName=processor, PolicyName=name)
            case "mapping":
                for one in self.mappings():
                    functions.delete_event_source_mapping(UUID=one["UUID"])
            case "versioning":
                self.client("s3").put_bucket_versioning(
                    Bucket=self.resource("archive")["physicalName"],
                    VersioningConfiguration={"Status": "Suspended"},
                )

    def mappings(self) -> list[dict[str, Any]]:
        """The processor's event source mappings."""
        found: list[dict[str, Any]] = self.client("lambda").list_event_source_mappings(
            FunctionName=f"{self.base}-processor"
        )["EventSourceMappings"]
        return found

    def differences(
        self, spec: Mapping[str, Any], left: Mapping[str, set[str]]
    ) -> list[tuple[str, Any, Any]]:
        """Differences between AWS and a spec, asked of AWS itself: name, found, wanted."""
        processor = f"{self.base}-processor"
        bucket = self.resource("archive")["physicalName"]
        asked = {
            "streams": (len(left["streams"]), 1),
            "tables": (len(left["tables"]), 3),
            "buckets": (left["buckets"], {bucket}),
            "queues": (left["queues"], {f"{self.base}-dead-letter"}),
            "functions": (left["functions"], {processor}),
            "mappings": (left["mappings"], {processor}),
            "dashboards": (len(left["dashboards"]), int(spec["dashboard"]["enabled"])),
        }
        missing = [(name, *pair) for name, pair in asked.items() if pair[0] != pair[1]]
        if missing:
            return missing
        function = self.client("lambda").get_function_configuration(FunctionName=processor)
        stream = self.client("kinesis").describe_stream_summary(StreamName=f"{self.base}-events")
        (group,) = self.client("logs").describe_log_groups(
            logGroupNamePrefix=f"/aws/lambda/{processor}"
        )["logGroups"]
        (_, retention, _), _ = self.shown_queue(f"{self.base}-dead-letter")
        values = {
            "memory": (function["MemorySize"], spec["processor"]["memoryMiB"]),
            "stream retention": (
                stream["StreamDescriptionSummary"]["RetentionPeriodHours"],
                spec["stream"]["retentionHours"],
            ),
            "log retention": (group["retentionInDays"], 14),
            "queue retention": (
                int(retention),
                spec["deadLetter"]["retentionDays"] * 86400,
            ),
            "mappings": (len(self.mappings()), 1),
            "role policies": (
                self.client("iam").list_role_policies(RoleName=processor)["PolicyNames"],
                ["clickstream"],
            ),
            "versioning": (
                self.client("s3").get_bucket_versioning(Bucket=bucket).get("Status"),
                "Enabled",
            ),
        }
        return [(name, *pair) for name, pair in values.items() if pair[0] != pair[1]]
