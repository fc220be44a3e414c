"""From an HTTP request to the AWS call that it is: service, operation, parameters.

Services, operations and their HTTP bindings come from botocore's own service models. Parameters are
the names of the API reference with plain JSON values; of the query and REST-XML protocols only
those are read that stand in the form, the path, the query string or a header.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from sandbox.aws.strict import cbor

UNKNOWN: Final = "unknown"
WITNESS: Final = "x-sandbox-witness"
"""Header of a reader that sees AWS as it is: no fault, no delay, no record of its calls."""

_CREDENTIAL: Final = re.compile(r"([^/=\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_CBOR_PATH: Final = re.compile(r"/service/([^/]+)/operation/([^/?]+)")
_SIGNED_AS: Final = {"monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
_ACCOUNT: Final = re.compile(r"\d{12}")
_LABEL: Final = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; `target` is the path with its query string as it was sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call. `protocol`: json, query, cbor, rest-json, rest-xml, or unknown."""

    service: str
    operation: str
    protocol: str
    parameters: Mapping[str, Any]
    access_key: str
    account: str
    region: str
    request: Request
    model: OperationModel | None = field(repr=False)

    def text(self, *names: str) -> str:
        """The first of these parameters that the call has; an ARN is cut to the name in it."""
        for name in names:
            value = self.parameters.get(name)
            if isinstance(value, str):
                return name_in(value)
        return ""

    def key(self, name: str) -> tuple[str, str, str]:
        """Key of the resource `name`, apart from those of other accounts and regions."""
        return (self.account, self.region, name)


def name_in(arn: str) -> str:
    """The last part of an ARN or of a queue's URL; any other text as it is."""
    if arn.startswith(("arn:", "http:", "https:")):
        return re.split("[:/]", arn)[-1]
    return arn


def parse(request: Request, accounts: Mapping[str, str], default_account: str) -> Call:
    """Recognise a call. `accounts`: account by access key, for keys that STS handed out."""
    access_key, region, signed_as = _credential(request)
    service = _SIGNED_AS.get(signed_as, signed_as)
    protocol, service, operation, parameters = _recognise(request, service)
    model = _operation(service, operation)
    if access_key in accounts:
        account = accounts[access_key]
    else:
        account = access_key if _ACCOUNT.fullmatch(access_key) else default_account
    return Call(
        service=service,
        operation=operation,
        protocol=protocol if model else UNKNOWN,
        parameters=parameters,
        access_key=access_key,
        account=account,
        region=region,
        request=request,
        model=model,
    )


@cache
def service_model(service: str) -> ServiceModel | None:
    """The service's model; None when botocore knows no such service."""
    try:
        return ServiceModel(_loader().load_service_model(service, "service-2"), service)
    except UnknownServiceError:
        return None


@cache
def _loader() -> Loader:
    return Loader()


def _operation(service: str, operation: str) -> OperationModel | None:
    model = service_model(service)
    if model is None or operation not in model.operation_names:
        return None
    return model.operation_model(operation)


def _credential(request: Request) -> tuple[str, str, str]:
    """Access key, region and service of the signature; a presigned URL carries them as well."""
    found = _CREDENTIAL.search(request.headers.get("authorization", ""))
    found = found or _CREDENTIAL.search(unquote(urlsplit(request.target).query))
    return (found[1], found[2], found[3]) if found else ("", "us-east-1", UNKNOWN)


def _recognise(request: Request, service: str) -> tuple[str, str, str, dict[str, Any]]:
    path = urlsplit(request.target).path
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor" and (
        found := _CBOR_PATH.search(path)
    ):
        return "cbor", service, found[2], cbor.decode(request.body) if request.body else {}
    if target := request.headers.get("x-amz-target"):
        return "json", service, target.rpartition(".")[2], _json(request.body)
    if "x-www-form-urlencoded" in request.headers.get("content-type", ""):
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        # Only AssumeRoleWithWebIdentity comes without a signature.
        owner = "sts" if service == UNKNOWN else service
        return "query", owner, form.get("Action", UNKNOWN), form
    bindings = _bindings(service)
    for binding in bindings:
        parameters = binding.match(request)
        if parameters is not None:
            protocol = str(binding.model.service_model.metadata["protocol"])
            if protocol == "rest-json":
                parameters = _json(request.body) | parameters
            return protocol, service, binding.model.name, parameters
    return UNKNOWN, service, f"{request.method} {path}", {}


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


class _Binding:
    """The HTTP binding of one operation of a REST service."""

    def __init__(self, model: OperationModel) -> None:
        self.model = model
        path, _, query = model.http["requestUri"].partition("?")
        self._path = re.compile(_LABEL.sub(_as_group, path.rstrip("/")) + "/?")
        self._query = dict(parse_qsl(query, keep_blank_values=True))
        self._members: dict[str, tuple[str, str]] = {}
        required = set()
        if model.input_shape is not None:
            for name, shape in model.input_shape.members.items():
                location = shape.serialization.get("location", "")
                self._members[name] = (location, shape.serialization.get("name", name))
                if name in model.input_shape.required_members and location in (
                    "querystring",
                    "header",
                ):
                    required.add(name)
        self._required = required
        # The more a binding asks for, the earlier it is tried.
        self.rank = (
            not model.deprecated,
            len(self._query) + len(required),
            path.count("/"),
            -path.count("{"),
        )

    def match(self, request: Request) -> dict[str, Any] | None:
        """The parameters outside the body, None when the request is for another operation."""
        parts = urlsplit(request.target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        path = self._path.fullmatch(parts.path)
        if request.method != self.model.http["method"] or path is None:
            return None
        if any(
            name not in query or value not in ("", query[name])
            for name, value in self._query.items()
        ):
            return None
        found: dict[str, Any] = {}
        labels = path.groupdict()
        for name, (location, wire_name) in self._members.items():
            value = {
                "uri": labels.get(wire_name),
                "querystring": query.get(wire_name),
                "header": request.headers.get(wire_name.lower()),
            }.get(location)
            if value is not None:
                found[name] = unquote(value) if location == "uri" else value
        return found if self._required <= found.keys() else None


def _as_group(label: re.Match[str]) -> str:
    return f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})"


@cache
def _bindings(service: str) -> tuple[_Binding, ...]:
    model = service_model(service)
    if model is None or not str(model.metadata["protocol"]).startswith("rest-"):
        return ()
    bindings = [_Binding(model.operation_model(name)) for name in model.operation_names]
    return tuple(sorted(bindings, key=lambda one: one.rank, reverse=True))
