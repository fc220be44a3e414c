"""Lambda function."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Unpack

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.permissions import FUNCTIONS, PASS_ROLES, Grant
from clickstream_operator.aws.readings import Reading
from clickstream_operator.engine.resource import (
    READY,
    Diff,
    Observed,
    Outputs,
    Properties,
    Readiness,
    Resource,
    ResourceArguments,
    deleting,
    failed,
    progressing,
)

GRANTS: Final = (
    PASS_ROLES,
    Grant(
        "LambdaTags",
        ("arn:aws:lambda:*:*:event-source-mapping:*", *FUNCTIONS),
        ("lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"),
        by_tag=True,
    ),
    Grant("Functions", FUNCTIONS, by_tag=True),
)
BESIDES: Final = {"lambda:create_function": ("iam:PassRole", "lambda:TagResource")}
READINGS: Final = (
    Reading(
        "lambda",
        "get_function",
        {"FunctionName": "<name>"},
        {
            "roleArn": "Configuration.Role",
            "handler": "Configuration.Handler",
            "runtime": "Configuration.Runtime",
            "architecture": "Configuration.Architectures",
            "memoryMiB": "Configuration.MemorySize",
            "timeoutSeconds": "Configuration.Timeout",
            "description": "Configuration.Description",
            "environment": "Configuration.Environment.Variables",
            "codeSha256": "Configuration.CodeSha256",
            "reservedConcurrency": "Concurrency.ReservedConcurrentExecutions",
            "logging.format": "Configuration.LoggingConfig.LogFormat",
            "logging.group": "Configuration.LoggingConfig.LogGroup",
            "logging.level": "Configuration.LoggingConfig.ApplicationLogLevel",
            "tags": "Tags",
        },
    ),
)


_LEVELS: Final = {"WARNING": "WARN"}
#: Seconds; Lambda prepares a function of some 100 KB in about one.
_SOON: Final = 1.0
_CODE: Final = ("codeSha256", "architecture")
_CONFIGURATION: Final = (
    "roleArn",
    "handler",
    "runtime",
    "memoryMiB",
    "timeoutSeconds",
    "description",
    "environment",
    "logging",
)


@dataclass(frozen=True, slots=True)
class FunctionPackage:
    """A zip: `sha256` is base64 of its SHA-256 (Lambda's CodeSha256); `load` reads its bytes."""

    sha256: str
    load: Callable[[], bytes]

    @classmethod
    def at(cls, path: Path) -> FunctionPackage:
        """The package in a file. Reads the file once now, and once more at each upload."""
        digest = hashlib.sha256(path.read_bytes()).digest()
        return cls(base64.b64encode(digest).decode(), path.read_bytes)


class LambdaFunction(Resource):
    """Lambda function from a zip package.

    `environment`: variables, or a function of the dependencies' outputs. `log_level`: DEBUG, INFO,
    WARNING, ERROR; means something with the JSON format only. `log_group`: name, None for Lambda's
    default. `reserved_concurrency` None: none. Outputs: ``arn, name, codeSha256``.

    The code is compared by Lambda's own CodeSha256, so that code changed by hand is seen as well; a
    hash of ours in a tag or variable would only tell what was once uploaded.
    """

    kind = "LambdaFunction"
    fast_is_complete = True
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        role_arn: str,
        handler: str,
        runtime: str,
        architecture: str,
        memory_mib: int,
        timeout_seconds: int,
        environment: Mapping[str, str] | Callable[[Outputs], Mapping[str, str]],
        package: FunctionPackage,
        description: str,
        log_level: str = "INFO",
        log_format: str = "JSON",
        log_group: str | None = None,
        reserved_concurrency: int | None = None,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._arn = place.function(self.physical_name)
        self._role_arn = role_arn
        self._handler = handler
        self._runtime = runtime
        self._architecture = architecture
        self._memory_mib = memory_mib
        self._timeout_seconds = timeout_seconds
        self._environment = environment
        self._package = package
        self._description = description
        self._log_level = _LEVELS.get(log_level, log_level)
        self._log_format = log_format
        self._log_group = log_group or f"/aws/lambda/{self.physical_name}"
        self._reserved_concurrency = reserved_concurrency

    def desired(self, outputs: Outputs) -> Properties:
        """Code, configuration and concurrency."""
        environment = self._environment
        variables = environment(outputs) if callable(environment) else environment
        properties = {
            "roleArn": self._role_arn,
            "handler": self._handler,
            "runtime": self._runtime,
            "architecture": self._architecture,
            "memoryMiB": self._memory_mib,
            "timeoutSeconds": self._timeout_seconds,
            "description": self._description,
            "environment": dict(variables),
            "codeSha256": self._package.sha256,
            "reservedConcurrency": self._reserved_concurrency,
            "logging.format": self._log_format,
            "logging.group": self._log_group,
        }
        if self._log_format == "JSON":
            properties["logging.level"] = self._log_level
        return properties

    async def observe(self, *, full: bool) -> Observed | None:
        """One GetFunction, which brings configuration, concurrency and tags, if it could read them.

        Without the right to the tags it succeeds, and says so in ``TagsError``.
        """
        answer = await ignore_not_found(
            self._calls.read("lambda", "get_function", FunctionName=self.physical_name)
        )
        if answer is None:
            return None
        properties = _configuration_properties(answer["Configuration"])
        properties["reservedConcurrency"] = answer.get("Concurrency", {}).get(
            "ReservedConcurrentExecutions"
        )
        tags = None if "TagsError" in answer else answer.get("Tags", {})
        return self._observed(answer["Configuration"], properties, tags)

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListTags, which tells why GetFunction could not read them."""
        answer = await self._calls.read("lambda", "list_tags", Resource=observed.arn)
        tags: Mapping[str, str] = answer.get("Tags", {})
        return tags

    async def create(self, desired: Properties) -> Observed:
        """CreateFunction, with tags. A role made seconds ago is a transient error."""
        code = await asyncio.to_thread(self._package.load)
        answer = await self._write(
            "create_function",
            Code={"ZipFile": code},
            PackageType="Zip",
            Architectures=[self._architecture],
            Tags=dict(self.tags),
            **self._configuration(desired),
        )
        properties = _configuration_properties(answer) | {"reservedConcurrency": None}
        return self._observed(answer, properties, self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> Observed | None:
        """Code first, the configuration in a later reconcile: both make the function busy.

        Their answers are the configuration that now is.
        """
        if "reservedConcurrency" in diff:
            await self._change_concurrency()
        answer: dict[str, Any] = {}
        if any(path in diff for path in _CODE):
            code = await asyncio.to_thread(self._package.load)
            answer = await self._write(
                "update_function_code", ZipFile=code, Architectures=[self._architecture]
            )
        elif any(path in diff for path in _CONFIGURATION):
            answer = await self._write(
                "update_function_configuration", **self._configuration(desired)
            )
        if not answer or "reservedConcurrency" in diff:
            return None
        properties = {**observed.properties, **_configuration_properties(answer)}
        return self._observed(answer, properties, observed.tags)

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagResource."""
        await self._calls.write("lambda", "tag_resource", Resource=observed.arn, Tags=dict(tags))

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagResource."""
        await self._calls.write(
            "lambda", "untag_resource", Resource=observed.arn, TagKeys=list(keys)
        )

    async def delete(self, observed: Observed) -> None:
        """DeleteFunction."""
        await ignore_not_found(self._write("delete_function"))

    async def _change_concurrency(self) -> None:
        if self._reserved_concurrency is None:
            await self._write("delete_function_concurrency")
        else:
            await self._write(
                "put_function_concurrency",
                ReservedConcurrentExecutions=self._reserved_concurrency,
            )

    def _configuration(self, desired: Properties) -> dict[str, Any]:
        logging = {"LogFormat": self._log_format, "LogGroup": self._log_group}
        if self._log_format == "JSON":
            logging["ApplicationLogLevel"] = self._log_level
        return {
            "Role": self._role_arn,
            "Handler": self._handler,
            "Runtime": self._runtime,
            "MemorySize": self._memory_mib,
            "Timeout": self._timeout_seconds,
            "Description": self._description,
            "Environment": {"Variables": desired["environment"]},
            "LoggingConfig": logging,
        }

    def _observed(
        self,
        configuration: Mapping[str, Any],
        properties: Properties,
        tags: Mapping[str, str] | None,
    ) -> Observed:
        return Observed(
            arn=self._arn,
            properties=properties,
            readiness=_readiness(configuration),
            outputs={
                "arn": self._arn,
                "name": self.physical_name,
                "codeSha256": properties["codeSha256"],
            },
            tags=tags,
        )

    async def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.write(
            "lambda", operation, FunctionName=self.physical_name, **parameters
        )


def _configuration_properties(configuration: Mapping[str, Any]) -> dict[str, Any]:
    properties = {
        "roleArn": configuration["Role"],
        "handler": configuration.get("Handler", ""),
        "runtime": configuration.get("Runtime", ""),
        "architecture": configuration.get("Architectures", ["x86_64"])[0],
        "memoryMiB": configuration["MemorySize"],
        "timeoutSeconds": configuration["Timeout"],
        "description": configuration.get("Description", ""),
        "environment": dict(configuration.get("Environment", {}).get("Variables", {})),
        "codeSha256": configuration["CodeSha256"],
    }
    # AWS always tells; without it the function has not been observed.
    logging = configuration.get("LoggingConfig")
    if logging:
        properties["logging.format"] = logging.get("LogFormat", "Text")
        properties["logging.group"] = logging.get("LogGroup", "")
        properties["logging.level"] = logging.get("ApplicationLogLevel", "INFO")
    return properties


def _readiness(configuration: Mapping[str, Any]) -> Readiness:
    """By State and LastUpdateStatus (Lambda developer guide, "Lambda function states")."""
    state = configuration.get("State", "Active")
    update = configuration.get("LastUpdateStatus", "Successful")
    if state in {"Deleting", "Deactivating"}:
        return deleting(f"the function is {state}")
    if state == "Pending":
        return progressing("FunctionPending", "Lambda is preparing the function", seconds=_SOON)
    if state in {"Failed", "ActiveNonInvocable"}:
        why = configuration.get("StateReason") or configuration.get("StateReasonCode", "")
        return failed("FunctionFailed", f"the function is {state}: {why}")
    if update == "InProgress":
        return progressing("FunctionUpdating", "Lambda is updating the function", seconds=_SOON)
    if update == "Failed":
        why = configuration.get("LastUpdateStatusReason") or configuration.get(
            "LastUpdateStatusReasonCode", ""
        )
        return failed("FunctionUpdateFailed", f"the last update failed: {why}")
    # Inactive: Lambda took an idle function's resources back; the next invocation wakes it.
    return READY
