"""Starts ministack with what AWS does and ministack 1.5.33 does not, where a pipeline needs it.

Run by the emulator's own interpreter, never imported. Each correction names the AWS API reference
page that it follows.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ministack import app as ministack_app
from ministack.core.responses import error_response_json
from ministack.services import (
    cloudwatch,
    cloudwatch_logs,
    dynamodb,
    kinesis,
    kms,
    lambda_svc,
)

Answer = tuple[int, dict[str, str], Any]
Handler = Callable[[dict[str, Any]], Answer]
Service = Callable[..., Awaitable[Answer]]
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost"})
is_of_this_user: Callable[[tuple[str, int]], bool] = runpy.run_path(
    str(Path(__file__).parents[1] / "processes" / "peers.py")
)["is_of_this_user"]


def tag_at_creation(create: Handler) -> Handler:
    """CreateStream: "A set of up to 50 key-value pairs to use to create the tags"."""

    def create_stream(data: dict[str, Any]) -> Answer:
        answer = create(data)
        if answer[0] < 300:  # noqa: PLR2004 - an HTTP success
            kinesis._streams[data["StreamName"]]["tags"].update(data.get("Tags") or {})  # noqa: SLF001
        return answer

    return create_stream


def tell_shard_level_metrics(describe: Handler, wrapper: str) -> Handler:
    """DescribeStreamSummary: "EnhancedMonitoring: the current enhanced monitoring settings"."""

    def describe_stream(data: dict[str, Any]) -> Answer:
        status, headers, body = describe(data)
        if status >= 300:  # noqa: PLR2004 - not an HTTP success
            return status, headers, body
        answer = json.loads(body)
        stream = kinesis._streams[answer[wrapper]["StreamName"]]  # noqa: SLF001
        metrics = sorted(stream.get("ShardLevelMetrics", []))
        answer[wrapper]["EnhancedMonitoring"] = [{"ShardLevelMetrics": metrics}]
        return status, headers, json.dumps(answer).encode()

    return describe_stream


def refuse_second_mapping(create: Handler) -> Handler:
    """CreateEventSourceMapping: "ResourceConflictException: The resource already exists"."""

    def create_mapping(data: dict[str, Any]) -> Answer:
        function = data["FunctionName"].rpartition(":")[2]
        for mapping in lambda_svc._esms.values():  # noqa: SLF001
            same = (data["EventSourceArn"], function)
            if (mapping["EventSourceArn"], mapping["FunctionName"]) == same:
                message = (
                    f'The event source arn (" {same[0]} ") and function (" {function} ") provided '
                    "mapping already exists. Please update or delete the existing mapping with "
                    f"UUID {mapping['UUID']}"
                )
                answer: Answer = error_response_json("ResourceConflictException", message, 409)
                return answer
        return create(data)

    return create_mapping


def begin_at_time(create: Handler) -> Handler:
    """CreateEventSourceMapping: "StartingPositionTimestamp" is told, and is where reading begins.

    The emulator would begin at the end of each shard, as it is when it first polls.
    """

    def create_mapping(data: dict[str, Any]) -> Answer:
        status, headers, body = create(data)
        if status < 300 and "StartingPositionTimestamp" in data:  # noqa: PLR2004 - a success
            told = {"StartingPositionTimestamp": data["StartingPositionTimestamp"]}
            answer = json.loads(body) | told
            lambda_svc._esms[answer["UUID"]].update(told)  # noqa: SLF001
            stream = kinesis._streams[data["EventSourceArn"].partition("/")[2]]  # noqa: SLF001
            lambda_svc._kinesis_positions[answer["UUID"]] = {  # noqa: SLF001
                shard_id: kinesis._start_position(  # noqa: SLF001
                    shard["records"], "AT_TIMESTAMP", "", told["StartingPositionTimestamp"]
                )
                for shard_id, shard in stream["shards"].items()
            }
            body = json.dumps(answer).encode()
        return status, headers, body

    return create_mapping


def have_managed_keys(resolve: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """DescribeKey: with a predefined alias KMS "associates the alias with an AWS managed key"."""

    def resolve_key(given: Any) -> Any:
        alias = str(given).rpartition(":")[2]
        if resolve(given) is None and alias.startswith("alias/aws/"):
            created = json.loads(kms._create_key({})[2])  # noqa: SLF001
            kms._create_alias(  # noqa: SLF001
                {"AliasName": alias, "TargetKeyId": created["KeyMetadata"]["KeyId"]}
            )
        return resolve(given)

    return resolve_key


def name_keys_by_arn(describe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """SSEDescription: "KMSMasterKeyArn: The AWS KMS key ARN", whatever named the key."""

    def sse_description(given: Any) -> Any:
        described = describe(given)
        key = kms._resolve_key((described or {}).get("KMSMasterKeyArn"))  # noqa: SLF001
        return described | {"KMSMasterKeyArn": key["Arn"]} if key else described

    return sse_description


def with_actions(serve: Service, actions: dict[str, Handler]) -> Service:
    """A service that knows more actions than the emulator gave it."""

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Any
    ) -> Answer:
        handler = actions.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if handler is None:
            return await serve(method, path, headers, body, query)
        kind = headers.get("content-type", "")
        if "cbor" in kind:
            import cbor2  # type: ignore[import-not-found]  # noqa: PLC0415 - the emulator's own

            status, more, answer = handler(cbor2.loads(body))
            return status, {**more, "Content-Type": kind}, cbor2.dumps(json.loads(answer))
        return handler(json.loads(body))

    return handle_request


def update_stream_mode(data: dict[str, Any]) -> Answer:
    """UpdateStreamMode: "Updates the capacity mode of the data stream"."""
    name, stream = kinesis._resolve_stream(data)  # noqa: SLF001
    if stream is None:
        refused: Answer = error_response_json(
            "ResourceNotFoundException", f"Stream {name} not found.", 400
        )
        return refused
    stream["StreamModeDetails"] = dict(data["StreamModeDetails"])
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"


def change_log_key(data: dict[str, Any]) -> Answer:
    """AssociateKmsKey and DisassociateKmsKey, of a log group."""
    name = data["logGroupName"]
    group = cloudwatch_logs._log_groups.get(name)  # noqa: SLF001
    if group is None:
        refused: Answer = error_response_json(
            "ResourceNotFoundException", "The specified log group does not exist.", 400
        )
        return refused
    group["kmsKeyId"] = data.get("kmsKeyId")
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"


def take_tags_of_dashboards(validate: Callable[..., Any]) -> Callable[..., Any]:
    """TagResource: "The ARN format of a dashboard is [...]"."""

    def validate_arn(arn: str, **form: Any) -> Any:
        _, is_dashboard, name = arn.partition(":dashboard/")
        known = is_dashboard and name in cloudwatch._dashboards  # noqa: SLF001
        return None if known else validate(arn, **form)

    return validate_arn


def tag_new_dashboards(put: Callable[..., Any]) -> Callable[..., Any]:
    """PutDashboard: "You can use this parameter only when creating a new dashboard"."""

    def put_dashboard(params: Any, data: dict[str, Any], *form: Any) -> Any:
        is_new = data.get("DashboardName") not in cloudwatch._dashboards  # noqa: SLF001
        answer = put(params, data, *form)
        if is_new and data.get("Tags"):
            account = cloudwatch.get_account_id()
            arn = f"arn:aws:cloudwatch::{account}:dashboard/{data['DashboardName']}"
            tags = {one["Key"]: one["Value"] for one in data["Tags"]}
            cloudwatch._resource_tags[arn] = tags  # noqa: SLF001
        return answer

    return put_dashboard


def refuse_strangers(serve: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Refuse what a browser sends, names that may be rebound, and other users: it runs code.

    An SDK sends no Origin, and names the loopback address. No answer lets another origin read it.
    """

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await serve(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").rpartition(":")[0]
        refused = b""
        if b"origin" in headers or host not in LOOPBACK_NAMES:
            refused = b"not for web pages\n"
        elif scope["client"] is None or not is_of_this_user(tuple(scope["client"])):
            refused = b"not for other users of this machine\n"
        if refused:
            start = {"type": "http.response.start", "status": 403, "headers": []}
            await send(start)
            await send({"type": "http.response.body", "body": refused})
            return

        async def send_without_cors(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [
                    (name, value)
                    for name, value in message.get("headers", ())
                    if not name.lower().startswith(b"access-control-")
                ]
                message = {**message, "headers": kept}
            await send(message)

        await serve(scope, receive, send_without_cors)

    return guarded


ministack_app.app = refuse_strangers(ministack_app.app)
runpy.run_path(str(Path(__file__).with_name("corrected_authorization.py")))
cloudwatch._validate_alarm_tag_arn = take_tags_of_dashboards(  # noqa: SLF001
    cloudwatch._validate_alarm_tag_arn  # noqa: SLF001
)
cloudwatch._put_dashboard = tag_new_dashboards(cloudwatch._put_dashboard)  # noqa: SLF001
kms._resolve_key = have_managed_keys(kms._resolve_key)  # noqa: SLF001
dynamodb._sse_description_from_spec = name_keys_by_arn(  # noqa: SLF001
    dynamodb._sse_description_from_spec  # noqa: SLF001
)
kinesis.handle_request = with_actions(
    kinesis.handle_request, {"UpdateStreamMode": update_stream_mode}
)
cloudwatch_logs.handle_request = with_actions(
    cloudwatch_logs.handle_request,
    {"AssociateKmsKey": change_log_key, "DisassociateKmsKey": change_log_key},
)
lambda_svc._create_esm = refuse_second_mapping(  # noqa: SLF001
    begin_at_time(lambda_svc._create_esm)  # noqa: SLF001
)
kinesis._create_stream = tag_at_creation(kinesis._create_stream)  # noqa: SLF001
kinesis._describe_stream_summary = tell_shard_level_metrics(  # noqa: SLF001
    kinesis._describe_stream_summary,  # noqa: SLF001
    "StreamDescriptionSummary",
)
kinesis._describe_stream = tell_shard_level_metrics(  # noqa: SLF001
    kinesis._describe_stream,  # noqa: SLF001
    "StreamDescription",
)

if __name__ == "__main__":
    ministack_app.main()
