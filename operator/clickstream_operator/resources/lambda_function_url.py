"""URL of a Lambda function, open to everybody, with the permissions that AWS asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack

from clickstream_operator.aws import policies
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.permissions import FUNCTIONS, Grant
from clickstream_operator.aws.readings import Reading
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

GRANTS: Final = (Grant("Functions", FUNCTIONS, by_tag=True),)
READINGS: Final = (
    Reading(
        "lambda",
        "get_function_url_config",
        {"FunctionName": "<name>"},
        {
            "authorization": "AuthType",
            "invokeMode": "InvokeMode",
            "cors.allowOrigins": "Cors.AllowOrigins",
            "cors.allowMethods": "Cors.AllowMethods",
            "cors.allowHeaders": "Cors.AllowHeaders",
            "cors.allowCredentials": "Cors.AllowCredentials",
            "cors.maxAgeSeconds": "Cors.MaxAge",
        },
    ),
    Reading("lambda", "get_policy", {"FunctionName": "<name>"}, {"permissions": "Policy"}),
)

_PREFIX: Final = "clickstream-"
#: Since October 2025 a URL needs both (Lambda developer guide, "Control access to Lambda function
#: URLs"); the second one lets nobody invoke the function but through its URL.
_PERMISSIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    f"{_PREFIX}url": {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
    f"{_PREFIX}function": {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
}
_METHODS: Final = ("GET", "POST")
_HEADERS: Final = ("content-type",)
_MAX_AGE_SECONDS: Final = 86_400


class FunctionUrl(Resource):
    """URL of a function that needs no credential, and whose pages may read its answers.

    `origins`: allowed ones; a pattern is none for Lambda, so that with one among them CORS allows
    every origin, and the function itself refuses others. Statements of the function's policy with
    other ids than ours stay. Outputs: ``arn, url``.

    It carries no tags and is owned through its function.
    """

    kind = "FunctionUrl"
    fast_is_complete = True
    create_first = True
    taggable = False

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        origins: Sequence[str],
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._arn = place.function(self.physical_name)
        exact = sorted(set(origins))
        self._origins = ("*",) if any("*" in one for one in exact) else tuple(exact)

    def desired(self, outputs: Outputs) -> Properties:
        """Authorization, CORS and permissions."""
        return {
            "authorization": "NONE",
            "invokeMode": "BUFFERED",
            "cors.allowOrigins": self._origins,
            "cors.allowMethods": _METHODS,
            "cors.allowHeaders": _HEADERS,
            "cors.allowCredentials": False,
            "cors.maxAgeSeconds": _MAX_AGE_SECONDS,
            "permissions": {sid: self._statement(sid) for sid in sorted(_PERMISSIONS)},
        }

    async def observe(self, *, full: bool) -> Observed | None:
        """GetFunctionUrlConfig, and GetPolicy for the permissions."""
        answer = await ignore_not_found(self._read("get_function_url_config"))
        if answer is None:
            return None
        policy = await ignore_not_found(self._read("get_policy"))
        statements = json.loads(policy["Policy"])["Statement"] if policy else ()
        properties = {
            **_url_properties(answer),
            "permissions": {
                one["Sid"]: policies.canonical({"Statement": [one]})
                for one in sorted(statements, key=lambda each: str(each.get("Sid")))
                if str(one.get("Sid")).startswith(_PREFIX)
            },
        }
        return self._observed(answer["FunctionUrl"], properties)

    async def create(self, desired: Properties) -> None:
        """CreateFunctionUrlConfig; the permissions follow as of an URL that lacks them."""
        await self._write(
            "create_function_url_config",
            AuthType=desired["authorization"],
            InvokeMode=desired["invokeMode"],
            Cors=_cors(desired),
        )

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Everything that differs."""
        if any(path != "permissions" for path in diff.fields):
            await self._write(
                "update_function_url_config",
                AuthType=desired["authorization"],
                InvokeMode=desired["invokeMode"],
                Cors=_cors(desired),
            )
        if "permissions" not in diff:
            return
        present, wanted = observed.properties["permissions"], desired["permissions"]
        for sid in sorted(present):
            if present[sid] != wanted.get(sid):
                await ignore_not_found(self._write("remove_permission", StatementId=sid))
        for sid in sorted(wanted):
            if present.get(sid) != wanted[sid]:
                await self._write(
                    "add_permission", StatementId=sid, Principal="*", **_PERMISSIONS[sid]
                )

    async def delete(self, observed: Observed) -> None:
        """DeleteFunctionUrlConfig, after the permissions."""
        for sid in sorted(observed.properties["permissions"]):
            await ignore_not_found(self._write("remove_permission", StatementId=sid))
        await ignore_not_found(self._write("delete_function_url_config"))

    def _statement(self, sid: str) -> Any:
        permission = _PERMISSIONS[sid]
        condition = (
            {"StringEquals": {"lambda:FunctionUrlAuthType": permission["FunctionUrlAuthType"]}}
            if "FunctionUrlAuthType" in permission
            else {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
        )
        statement = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": "*",
            "Action": permission["Action"],
            "Resource": self._arn,
            "Condition": condition,
        }
        return policies.canonical({"Statement": [statement]})

    def _observed(self, url: str, properties: Properties) -> Observed:
        return Observed(
            arn=f"{self._arn}:url",
            properties=properties,
            outputs={"arn": f"{self._arn}:url", "url": url},
        )

    async def _read(self, operation: str) -> dict[str, Any]:
        return await self._calls.read("lambda", operation, FunctionName=self.physical_name)

    async def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.write(
            "lambda", operation, FunctionName=self.physical_name, **parameters
        )


def _cors(desired: Properties) -> dict[str, Any]:
    return {
        "AllowOrigins": list(desired["cors.allowOrigins"]),
        "AllowMethods": list(desired["cors.allowMethods"]),
        "AllowHeaders": list(desired["cors.allowHeaders"]),
        "AllowCredentials": desired["cors.allowCredentials"],
        "MaxAge": desired["cors.maxAgeSeconds"],
    }


def _url_properties(answer: Mapping[str, Any]) -> dict[str, Any]:
    cors = answer.get("Cors") or {}
    return {
        "authorization": answer["AuthType"],
        "invokeMode": answer.get("InvokeMode", "BUFFERED"),
        "cors.allowOrigins": tuple(sorted(cors.get("AllowOrigins") or ())),
        "cors.allowMethods": tuple(sorted(cors.get("AllowMethods") or ())),
        "cors.allowHeaders": tuple(sorted(one.lower() for one in cors.get("AllowHeaders") or ())),
        "cors.allowCredentials": cors.get("AllowCredentials", False),
        "cors.maxAgeSeconds": cors.get("MaxAge", 0),
    }
