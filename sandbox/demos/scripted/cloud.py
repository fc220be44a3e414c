"""Reads of AWS by the session, and changes as a person might make them by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import boto3
from botocore.exceptions import ClientError

from clickstream_layout.tables import SITE
from sandbox.instance import Sandbox

_GONE: Final = "-"
_SITE: Final = {"S": SITE}
_Answer = TypeVar("_Answer")


class Cloud:
    """AWS as a person sees it: through the strict AWS, with its states and refusals."""

    def __init__(self, sandbox: Sandbox) -> None:
        settings = sandbox.aws_environment()
        self._endpoint = sandbox.aws_endpoint
        self._session = boto3.Session(
            aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
            region_name=settings["AWS_REGION"],
        )

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self._session.client(service, endpoint_url=self._endpoint)

    # -- reads ---------------------------------------------------------------------------------

    def stream(self, name: str) -> dict[str, str]:
        """Shards, retention and status of a stream."""

        def read() -> dict[str, str]:
            answer = self.client("kinesis").describe_stream_summary(StreamName=name)
            found = answer["StreamDescriptionSummary"]
            return {
                "shards": str(found["OpenShardCount"]),
                "retention": f"{found['RetentionPeriodHours']} h",
                "status": found["StreamStatus"],
            }

        return _there(read, {"shards": _GONE, "retention": _GONE, "status": "gone"})

    def memory(self, function: str) -> str:
        """Memory of a function."""
        found = self.client("lambda").get_function_configuration(FunctionName=function)
        return f"{found['MemorySize']} MiB"

    def log_retention(self, group: str) -> str:
        """Days that a log group keeps."""
        groups = self.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return f"{groups[0].get('retentionInDays', 'unlimited')} days" if groups else "gone"

    def alarm(self, name: str) -> str:
        """Whether an alarm is there."""
        found = self.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return "there" if found else "gone"

    def dashboard(self, name: str) -> str:
        """Whether a dashboard is there."""
        entries = self.client("cloudwatch").list_dashboards()["DashboardEntries"]
        return "there" if name in {one["DashboardName"] for one in entries} else "gone"

    def queue(self, name: str) -> str:
        """Days that a queue keeps messages."""

        def read() -> str:
            sqs = self.client("sqs")
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            asked = ["MessageRetentionPeriod"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
            return f"keeps {int(found['MessageRetentionPeriod']) // 86400} days"

        return _there(read, "gone")

    def expiry(self, bucket: str) -> str:
        """Days after which our rule lets raw events go."""

        def read() -> str:
            found = self.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
            days = {one["ID"]: one["Expiration"]["Days"] for one in found if "Expiration" in one}
            return f"raw/ after {days['clickstream-raw']} days"

        return _there(read, "gone")

    def data(self, bucket: str, tables: Mapping[str, str]) -> dict[str, set[str]]:
        """Every object version and every item, as texts; not what the detector knows of the site.

        That item is not data: the schedule has the detector write it every minute.
        """
        versions = self.client("s3").list_object_versions(Bucket=bucket).get("Versions", [])
        found = {"archive": {f"{one['Key']} {one['VersionId']} {one['ETag']}" for one in versions}}
        for name, table in sorted(tables.items()):
            items = self.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
            kept = (item for item in items if item.get("metric_name") != _SITE)
            found[name] = {json.dumps(item, sort_keys=True, default=str) for item in kept}
        return found

    def owned(self, base: str) -> set[str]:
        """Everything whose name begins with the pipeline's stem, over all services."""
        lists: Mapping[str, Callable[[], list[str]]] = {
            "stream": lambda: self.client("kinesis").list_streams()["StreamNames"],
            "table": lambda: self.client("dynamodb").list_tables()["TableNames"],
            "bucket": lambda: [one["Name"] for one in self.client("s3").list_buckets()["Buckets"]],
            "function": lambda: [
                one["FunctionName"] for one in self.client("lambda").list_functions()["Functions"]
            ],
            "queue": lambda: [
                url.rpartition("/")[2]
                for url in self.client("sqs").list_queues().get("QueueUrls", [])
            ],
            "role": lambda: [
                one["RoleName"]
                for one in self.client("iam").list_roles(PathPrefix="/clickstream/")["Roles"]
            ],
            "alarm": lambda: [
                one["AlarmName"]
                for one in self.client("cloudwatch").describe_alarms()["MetricAlarms"]
            ],
            "dashboard": lambda: [
                one["DashboardName"]
                for one in self.client("cloudwatch").list_dashboards()["DashboardEntries"]
            ],
            "log group": lambda: [
                one["logGroupName"].removeprefix("/aws/lambda/")
                for one in self.client("logs").describe_log_groups()["logGroups"]
            ],
            "parameter": lambda: [
                one["Name"].removeprefix("/clickstream/")
                for one in self.client("ssm").describe_parameters()["Parameters"]
            ],
        }
        return {
            f"{kind} {name}"
            for kind, read in lists.items()
            for name in read()
            if name.startswith(base)
        }

    # -- breakage ------------------------------------------------------------------------------

    def delete_alarm(self, name: str) -> str:
        """Delete an alarm; returns the command for it."""
        self.client("cloudwatch").delete_alarms(AlarmNames=[name])
        return f"aws cloudwatch delete-alarms --alarm-names {name}"

    def delete_queue(self, name: str) -> str:
        """Delete a queue; its name rests for 60 s."""
        sqs = self.client("sqs")
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
        return f"aws sqs delete-queue --queue-url .../{name}"

    def change_retention(self, stream: str, hours: int) -> str:
        """Lower a stream's retention."""
        self.client("kinesis").decrease_stream_retention_period(
            StreamName=stream, RetentionPeriodHours=hours
        )
        return (
            f"aws kinesis decrease-stream-retention-period --stream-name {stream} "
            f"--retention-period-hours {hours}"
        )

    def change_expiry(self, bucket: str, days: int) -> str:
        """Change one of our lifecycle rules."""
        s3 = self.client("s3")
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        for one in rules:
            if one["ID"] == "clickstream-raw":
                one["Expiration"] = {"Days": days}
                one.pop("Transitions", None)
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": rules}
        )
        return (
            f"aws s3api put-bucket-lifecycle-configuration --bucket {bucket} ... "
            f"(clickstream-raw: {days} days)"
        )

    def change_log_retention(self, group: str, days: int) -> str:
        """Change how long a log group keeps."""
        self.client("logs").put_retention_policy(logGroupName=group, retentionInDays=days)
        return f"aws logs put-retention-policy --log-group-name {group} --retention-in-days {days}"

    def change_memory(self, function: str, mib: int) -> str:
        """Change the memory of a function."""
        self.client("lambda").update_function_configuration(FunctionName=function, MemorySize=mib)
        return (
            f"aws lambda update-function-configuration --function-name {function} "
            f"--memory-size {mib}"
        )


def _there(read: Callable[[], _Answer], otherwise: _Answer) -> _Answer:
    try:
        return read()
    except ClientError as error:
        # NoSuchBucket, ResourceNotFoundException, QueueDoesNotExist
        code = error.response["Error"]["Code"]
        if "NotFound" in code or "NoSuch" in code or "NonExistent" in code or "NotExist" in code:
            return otherwise
        raise
