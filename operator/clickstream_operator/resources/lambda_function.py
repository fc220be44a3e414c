"""Lambda function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Outputs, Resource, ResourceArguments


@dataclass(frozen=True, slots=True)
class FunctionPackage:
    """A zip: `sha256` is base64 of its SHA-256 (Lambda's CodeSha256); `load` reads its bytes."""

    sha256: str
    load: Callable[[], bytes]


class LambdaFunction(Resource):
    """Lambda function.

    `environment`: variables, or a function of the dependencies' outputs. `log_group`: name, None
    for Lambda's default. `reserved_concurrency` None: none. Outputs: ``arn, name, codeSha256``.
    """

    kind = "LambdaFunction"
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
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
        self._place = place
        self._role_arn = role_arn
        self._handler = handler
        self._runtime = runtime
        self._architecture = architecture
        self._memory_mib = memory_mib
        self._timeout_seconds = timeout_seconds
        self._environment = environment
        self._package = package
        self._description = description
        self._log_level = log_level
        self._log_format = log_format
        self._log_group = log_group
        self._reserved_concurrency = reserved_concurrency
