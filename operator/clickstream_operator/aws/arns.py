"""ARNs derived from names, so that resources can be referred to before they exist.

Formats: Service Authorization Reference, "Actions, resources, and condition keys for AWS services".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Domains by partition, as botocore's partitions have them (a test compares).
DNS_SUFFIXES: Final = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-us-gov": "amazonaws.com",
}
#: The isolated partitions publish no address of their console.
_CONSOLES: Final = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


@dataclass(frozen=True, slots=True)
class AwsLocation:
    """AWS location of a pipeline: partition (``aws``), region, account (12 digits)."""

    partition: str
    region: str
    account: str

    def _arn(self, service: str, rest: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{rest}"

    def stream(self, name: str) -> str:
        """Kinesis data stream."""
        return self._arn("kinesis", f"stream/{name}")

    def table(self, name: str) -> str:
        """DynamoDB table."""
        return self._arn("dynamodb", f"table/{name}")

    def bucket(self, name: str) -> str:
        """S3 bucket."""
        return f"arn:{self.partition}:s3:::{name}"

    def queue(self, name: str) -> str:
        """SQS queue."""
        return self._arn("sqs", name)

    def topic(self, name: str) -> str:
        """SNS topic."""
        return self._arn("sns", name)

    def function(self, name: str) -> str:
        """Lambda function, unqualified."""
        return self._arn("lambda", f"function:{name}")

    def event_source_mapping(self, uuid: str) -> str:
        """Lambda event source mapping."""
        return self._arn("lambda", f"event-source-mapping:{uuid}")

    def log_group(self, name: str) -> str:
        """CloudWatch Logs group, without the trailing ``:*``."""
        return self._arn("logs", f"log-group:{name}")

    def role(self, name: str, *, path: str = "/clickstream/") -> str:
        """IAM role."""
        return f"arn:{self.partition}:iam::{self.account}:role{path}{name}"

    def parameter(self, name: str) -> str:
        """SSM parameter; `name` starts with a slash."""
        return self._arn("ssm", f"parameter{name}")

    def schedule(self, name: str, *, group: str = "default") -> str:
        """EventBridge Scheduler schedule."""
        return self._arn("scheduler", f"schedule/{group}/{name}")

    def alarm(self, name: str) -> str:
        """CloudWatch alarm."""
        return self._arn("cloudwatch", f"alarm:{name}")

    def dashboard(self, name: str) -> str:
        """CloudWatch dashboard, which has no region."""
        return f"arn:{self.partition}:cloudwatch::{self.account}:dashboard/{name}"

    def kms_key(self, key: str) -> str:
        """KMS key or alias, from an ARN, an ``alias/...`` or a key id."""
        if key.startswith("arn:"):
            return key
        return self._arn("kms", key if key.startswith("alias/") else f"key/{key}")

    def dns_suffix(self) -> str:
        """Domain of the partition's endpoints."""
        return DNS_SUFFIXES[self.partition]

    def console(self) -> str:
        """Address of the region's console; empty where AWS publishes none."""
        host = _CONSOLES.get(self.partition, "")
        return f"https://{self.region}.{host}" if host else ""
