"""Answers in the form of the call's protocol: read, changed, or made from nothing.

Data has the names of the API reference. Of the JSON protocols it is what stands on the wire (a time
is a number), of the XML protocols what botocore's own parser makes of it.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final
from xml.etree import ElementTree as ET

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import create_parser

from sandbox.aws.strict import cbor
from sandbox.aws.strict.wire import Call, service_model

_OK: Final = range(200, 300)
_SERVER_ERROR: Final = 500
_XML_CODE: Final = re.compile(rb"<Code>([^<]+)</Code>")
_HOP: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
)
_CONTENT: Final = {
    "cbor": "application/cbor",
    "query": "text/xml",
    "rest-json": "application/json",
    "rest-xml": "application/xml",
}


class Refusal(Exception):
    """An error answer: `code` as AWS names it; `status` None leaves it to the service's model."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Answer:
    """One HTTP answer to a call; `data` is read when somebody asks, written when it changed."""

    def __init__(self, call: Call, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.call = call
        self.status = status
        # Of an answer to HEAD it tells the size of what GET would bring.
        self.length = next((v for k, v in headers.items() if k.lower() == "content-length"), None)
        self.headers = {
            key.lower(): value for key, value in headers.items() if key.lower() not in _HOP
        }
        self._body = body
        self._data: dict[str, Any] | None = None
        self._changed = False

    @classmethod
    def made(cls, call: Call, data: Mapping[str, Any]) -> Answer:
        """A success with `data`."""
        status = int(call.model.http.get("responseCode", 200)) if call.model else 200
        answer = cls(call, status, _headers(call), b"")
        answer._data, answer._changed = dict(data), True
        return answer

    @classmethod
    def refused(cls, call: Call, refusal: Refusal) -> Answer:
        """An error in the form that the call's protocol gives it."""
        status, name, sender = _error(call, refusal)
        headers = _headers(call)
        body = b""
        if call.protocol in ("json", "cbor", "rest-json", "unknown"):
            # Smithy names the shape, old query clients the code of the query protocol.
            named = {"__type": name, "message": refusal.message}
            headers["x-amzn-errortype"] = name
            if call.model and "awsQueryCompatible" in call.model.service_model.metadata:
                fault = "Sender" if sender else "Receiver"
                headers["x-amzn-query-error"] = f"{refusal.code};{fault}"
            body = cbor.encode(named) if call.protocol == "cbor" else json.dumps(named).encode()
        elif call.request.method != "HEAD":
            body = _xml_error(call, refusal, sender=sender)
        return cls(call, status, headers, body)

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.status in _OK

    @property
    def data(self) -> dict[str, Any]:
        """Its body; empty for an answer without one."""
        if self._data is None:
            self._data = _read(self.call, self.status, self.headers, self._body)
        return self._data

    def edit(self) -> dict[str, Any]:
        """`data`, to be changed in place."""
        self._changed = True
        # DynamoDB's checksum is of the body as it was: with it a client would ask again.
        self.headers.pop("x-amz-crc32", None)
        return self.data

    def replace(self, body: bytes) -> None:
        """Send `body`; REST services that speak XML can't be written from data."""
        self._body, self._data, self._changed = body, None, False

    @property
    def body(self) -> bytes:
        """The bytes to send."""
        return _written(self.call, self.data) if self._changed else self._body

    @property
    def outcome(self) -> str:
        """``OK``, or the error code."""
        if self.ok:
            return "OK"
        if compatible := self.headers.get("x-amzn-query-error"):
            return compatible.partition(";")[0]
        code = self.headers.get("x-amzn-errortype", "")
        if not code and (found := _XML_CODE.search(self._body)):
            code = found[1].decode()
        if not code and self._body.startswith(b"{"):
            code = str(self.data.get("__type", ""))
        return code.rpartition("#")[2].partition(":")[0] or str(self.status)


def _headers(call: Call) -> dict[str, str]:
    content = _CONTENT.get(call.protocol) or call.request.headers.get(
        "content-type", "application/json"
    )
    headers = {"content-type": content, "x-amzn-requestid": str(uuid.uuid4())}
    if call.protocol == "cbor":
        headers["smithy-protocol"] = "rpc-v2-cbor"
    return headers


def _error(call: Call, refusal: Refusal) -> tuple[int, str, bool]:
    """HTTP status, shape name and whether the caller is to blame, from the service's model."""
    model = service_model(call.service)
    status, name = 400, refusal.code.rpartition(".")[2]
    for shape in model.error_shapes if model else ():
        error = shape.metadata.get("error", {})
        if refusal.code in (shape.name, error.get("code")):
            status, name = int(error.get("httpStatusCode", 400)), shape.name
            break
    status = refusal.status or status
    return status, name, status < _SERVER_ERROR


def _read(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    if call.protocol == "cbor":
        return cbor.decode(body) if body else {}
    if call.protocol in ("query", "rest-xml") and call.model is not None:
        parser = create_parser(str(call.model.service_model.metadata["protocol"]))
        parsed: dict[str, Any] = parser.parse(
            {"status_code": status, "headers": dict(headers), "body": body},
            call.model.output_shape,
        )
        parsed.pop("ResponseMetadata", None)
        return parsed
    data = json.loads(body) if body.strip() else {}
    return data if isinstance(data, dict) else {}


def _written(call: Call, data: Mapping[str, Any]) -> bytes:
    if call.protocol == "cbor":
        return cbor.encode(data)
    if call.protocol != "query":
        return json.dumps(data).encode()
    root = ET.Element(f"{call.operation}Response")
    if call.model is not None and call.model.output_shape is not None:
        shape = call.model.output_shape
        wrapper = shape.serialization.get("resultWrapper", f"{call.operation}Result")
        _write_xml(ET.SubElement(root, wrapper), data, shape)
    metadata = ET.SubElement(root, "ResponseMetadata")
    ET.SubElement(metadata, "RequestId").text = str(uuid.uuid4())
    return ET.tostring(root)


def _write_xml(parent: ET.Element, value: Any, shape: Shape) -> None:
    """AWS Query protocol: members, lists of `member`, maps of `entry`."""
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                tag = member.serialization.get("name", name)
                _write_xml(ET.SubElement(parent, tag), value[name], member)
    elif isinstance(shape, ListShape):
        for item in value:
            tag = shape.member.serialization.get("name", "member")
            _write_xml(ET.SubElement(parent, tag), item, shape.member)
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            entry = ET.SubElement(parent, "entry")
            ET.SubElement(entry, shape.key.serialization.get("name", "key")).text = str(key)
            tag = shape.value.serialization.get("name", "value")
            _write_xml(ET.SubElement(entry, tag), item, shape.value)
    elif isinstance(value, bool):
        parent.text = str(value).lower()
    else:
        parent.text = str(value)


def _xml_error(call: Call, refusal: Refusal, *, sender: bool) -> bytes:
    error = ET.Element("Error")
    if call.protocol == "query":
        ET.SubElement(error, "Type").text = "Sender" if sender else "Receiver"
    ET.SubElement(error, "Code").text = refusal.code
    ET.SubElement(error, "Message").text = refusal.message
    if call.protocol != "query":
        ET.SubElement(error, "RequestId").text = str(uuid.uuid4())
        return ET.tostring(error)
    root = ET.Element("ErrorResponse")
    root.append(error)
    ET.SubElement(root, "RequestId").text = str(uuid.uuid4())
    return ET.tostring(root)
