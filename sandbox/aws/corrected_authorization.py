"""Corrections of how ministack 1.5.33 decides whether a call is allowed.

Run by `corrected_emulator`, in the emulator's own interpreter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import (
    cloudwatch,
    cloudwatch_logs,
    iam,
    kinesis,
    lambda_svc,
    ssm,
    tagging,
)


def over_tls(resolve: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """Global condition keys, aws:SecureTransport: the loopback's HTTP stands for AWS's TLS."""

    def resolve_condition_key(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    return resolve_condition_key


def with_variables(met: Callable[..., bool]) -> Callable[..., bool]:
    """IAM user guide, "IAM policy elements: Variables and tags", the one that our policies have."""

    def conditions_met(conditions: dict[str, Any], context: Any) -> bool:
        text = json.dumps(conditions)
        account = context.principal_account
        return met(json.loads(text.replace("${aws:PrincipalAccount}", account)), context)

    return conditions_met


class Resources:
    """ARN of the resource of a call, where the emulator's differs from AWS's.

    Service authorization reference, IAM: a role's ARN holds its path.
    Amazon Kinesis: GetRecords is about the stream of its iterator.
    AWS Lambda: CreateFunction is about the function; calls about event source mappings carry
    lambda:FunctionArn, and changes of one are about its ARN. Amazon CloudWatch: alarms and
    dashboards, which have no region; cloudwatch:AlarmActions of an alarm. Amazon SNS: sns:Protocol.
    """

    def __init__(self, extract: Callable[..., str], context: Callable[..., dict[str, Any]]) -> None:
        self._extract = extract
        self._context = context
        self._function = ""
        self._watch: dict[str, Any] = {}

    def arn(  # noqa: PLR0917 - as it is called
        self,
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account: str,
    ) -> str:
        """In the place of iam_actions.extract_resource_arn."""
        arn = self._extract(service, method, path, headers, body, query, region, account)
        if service == "iam" and ":role/" in arn:
            known = iam._roles.get(arn.rpartition("/")[2])  # noqa: SLF001
            new = query.get("Path", "/")
            new = new[0] if isinstance(new, list) else new
            return str(known["Arn"]) if known else arn.replace(":role/", f":role{new}", 1)
        if service == "kinesis" and b"ShardIterator" in body:
            iterator = kinesis._shard_iterators.get(json.loads(body).get("ShardIterator"))  # noqa: SLF001
            return str(iterator["stream_arn"]) if iterator else arn
        if service == "monitoring":
            return self._watched(headers, body, query, f"{region}:{account}") or arn
        if service == "lambda":
            self._function = self._function_of(method, path, body, f"{region}:{account}")
            if method == "POST" and path.rstrip("/").endswith("/functions"):
                return self._function
            *_, kind, last = ("", *path.strip("/").split("/"))
            if kind == "event-source-mappings":
                return f"arn:aws:lambda:{region}:{account}:event-source-mapping:{last}"
        return self._named(body, query) if arn == "*" else arn

    def context(
        self, service: str, action: str, body: bytes, query: dict[str, Any]
    ) -> dict[str, Any]:
        """In the place of iam_actions.request_tag_context, which is asked right after."""
        found = self._context(service, action, body, query)
        if service == "lambda" and action.endswith("EventSourceMapping") and self._function:
            return {**found, "lambda:functionarn": self._function}
        if service == "iam" and (boundary := self._boundary(query)):
            return {**found, "iam:permissionsboundary": boundary}
        if action == "sns:Subscribe":
            protocol = query.get("Protocol", "")
            protocol = protocol[0] if isinstance(protocol, list) else protocol
            return {**found, "sns:protocol": protocol}
        if action == "cloudwatch:PutMetricAlarm" and self._watch:
            return {**found, "cloudwatch:alarmactions": _alarm_actions(self._watch)}
        return found

    def _boundary(self, query: dict[str, Any]) -> str:
        """The boundary that a call sets, else the one that its role has."""
        name, given = query.get("RoleName"), query.get("PermissionsBoundary")
        name, given = (one[0] if isinstance(one, list) else one for one in (name, given))
        known = iam._roles.get(name) or {}  # noqa: SLF001
        has = known.get("PermissionsBoundary") or ""
        if isinstance(has, dict):
            has = has.get("PermissionsBoundaryArn", "")
        return str(given or has)

    def _named(self, body: bytes, query: dict[str, Any]) -> str:
        """The ARN that a call about tags names."""
        call = json.loads(body) if body.startswith(b"{") else query
        for member in ("ResourceArn", "ResourceARN", "resourceArn", "SubscriptionArn"):
            name = call.get(member) or "*"
            name = name[0] if isinstance(name, list) else name
            if name != "*":
                return str(name)
        return "*"

    def _watched(
        self, headers: dict[str, str], body: bytes, query: dict[str, Any], place: str
    ) -> str:
        if headers.get("smithy-protocol") == "rpc-v2-cbor":
            import cbor2  # type: ignore[import-not-found]  # noqa: PLC0415 - the emulator's own

            call = cbor2.loads(body) if body else {}
        else:
            call = json.loads(body) if body.startswith(b"{") else query
        self._watch = dict(call)
        for member in ("AlarmName", "AlarmNames", "DashboardName", "DashboardNames", "ResourceARN"):
            name = call.get(member)
            name = name[0] if isinstance(name, list) and name else name
            if not name:
                continue
            if member == "ResourceARN":
                return str(name)
            if member.startswith("Dashboard"):
                return f"arn:aws:cloudwatch::{place.partition(':')[2]}:dashboard/{name}"
            return f"arn:aws:cloudwatch:{place}:alarm:{name}"
        return ""

    def _function_of(self, method: str, path: str, body: bytes, place: str) -> str:
        parts = path.strip("/").split("/")
        if "event-source-mappings" in parts[:-1]:
            mapping = lambda_svc._esms.get(parts[-1]) or {}  # noqa: SLF001
            return str(mapping.get("FunctionArn", ""))
        if method != "POST" or not body.startswith(b"{"):
            return ""
        name = str(json.loads(body).get("FunctionName", ""))
        return name if ":" in name or not name else f"arn:aws:lambda:{place}:function:{name}"


def _alarm_actions(call: Mapping[str, Any]) -> list[str]:
    """What an alarm does, of a call in any of the protocols."""
    members = ("AlarmActions", "OKActions", "InsufficientDataActions")
    found: list[str] = []
    for name, value in call.items():
        if name.partition(".")[0] in members:
            found += value if isinstance(value, list) else [str(value)]
    return found


resources = Resources(iam_actions.extract_resource_arn, iam_actions.request_tag_context)
iam_actions.extract_resource_arn = resources.arn
iam_actions.request_tag_context = resources.context
iam_evaluator._conditions_met = with_variables(iam_evaluator._conditions_met)  # noqa: SLF001
iam_evaluator._resolve_condition_key = over_tls(  # noqa: SLF001
    iam_evaluator._resolve_condition_key  # noqa: SLF001
)


def all_tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """GetResources: "support all resource types", so also those that the emulator leaves out."""
    here = f"{cloudwatch.get_region()}:{cloudwatch.get_account_id()}"
    found: list[tuple[str, Mapping[str, str]]] = [
        *((one["StreamARN"], one["tags"]) for one in kinesis._streams.values()),  # noqa: SLF001
        *((arn, tags) for arn, tags in ssm._tags.items()),  # noqa: SLF001
        *(
            (one["arn"].removesuffix(":*"), one["tags"])
            for one in cloudwatch_logs._log_groups.values()  # noqa: SLF001
        ),
        *(
            (f"arn:aws:lambda:{here}:event-source-mapping:{one['UUID']}", one.get("Tags", {}))
            for one in lambda_svc._esms.values()  # noqa: SLF001
        ),
        *(
            (arn, tags)
            for arn, tags in cloudwatch._resource_tags.items()  # noqa: SLF001
            # A dashboard is of no region, and the index is of one.
            if ":dashboard/" not in arn
        ),
    ]
    for arn, tags in found:
        yield arn, [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of_any(tags_of: Callable[[str], Any]) -> Callable[[str], Any]:
    """aws:ResourceTag: also of the kinds that the emulator leaves out."""

    def resource_tags(arn: str) -> Any:
        for found, tags in all_tagged():
            if found == arn.removesuffix(":*"):
                return {one["Key"]: one["Value"] for one in tags}
        return tags_of(arn)

    return resource_tags


tagging._COLLECTORS["all"] = all_tagged  # noqa: SLF001
tagging.resource_tags = tags_of_any(tagging.resource_tags)
