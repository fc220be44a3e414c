"""DynamoDB, S3, SQS and SNS in memory: the calls, expressions and errors that the functions use.

Real condition expressions are also run on moto (test_moto.py); this one is for sweeps of thousands
of batches. `before_write` and `after_write` let a test crash around any single write.
"""

# ruff: noqa: D102, N803 - methods and arguments are named as boto3 names them, and do what its do.
from __future__ import annotations

import operator
import re
import zlib
from copy import deepcopy
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter

if TYPE_CHECKING:
    from collections.abc import Callable

Item = dict[str, dict[str, Any]]
LARGEST_ITEM_BYTES = 409_600
"""DynamoDB Developer Guide, "Constraints in Amazon DynamoDB"."""

_SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_TOKENS = re.compile(
    r"\s*(AND|OR|attribute_not_exists|attribute_exists|begins_with|BETWEEN|"
    r"<=|>=|<>|<|>|=|\(|\)|,|#\w+|:\w+)"
)


class CrashError(Exception):
    """The invocation dies here."""


def refuse(code: str, operation: str, **more: Any) -> ClientError:
    """Return the error that boto3 raises for an AWS error code."""
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, operation)


class Faults:
    """Counts writes, and crashes before or after one of them, or lets another one in before it."""

    def __init__(self) -> None:
        self.writes = 0
        self.interrupts: dict[int, Callable[[], object]] = {}
        self.crash_before: int | None = None
        self.crash_after: int | None = None

    def write(self, apply: Callable[[], Any]) -> Any:
        """Apply a write, unless the test wants the function to die around it."""
        number = self.writes
        self.writes += 1
        self.interrupts.pop(number, _nothing)()
        if number == self.crash_before:
            raise CrashError
        try:
            return apply()
        finally:
            if number == self.crash_after:
                raise CrashError


def _nothing() -> None:
    """Let no one in."""


class MemoryDynamoDB:
    """Tables with the key schemas of a pipeline."""

    def __init__(self, keys: dict[str, tuple[str, ...]], faults: Faults) -> None:
        self._keys = keys
        self._faults = faults
        self.tables: dict[str, dict[tuple[str, ...], Item]] = {name: {} for name in keys}
        # Who listens to answers hears none: they do not come over HTTP.
        self.meta = SimpleNamespace(events=HierarchicalEmitter())

    def items(self, table: str) -> list[Item]:
        """Return all items of a table."""
        return list(self.tables[table].values())

    def _place(self, table: str, key: Item) -> tuple[str, ...]:
        assert set(key) == set(self._keys[table]), "a key of another shape"
        for value in key.values():
            assert set(value) == {"S"}
            assert 0 < len(value["S"].encode()) <= 2048
        return tuple(key[name]["S"] for name in self._keys[table])

    def get_item(
        self, *, TableName: str, Key: Item, ConsistentRead: bool = False
    ) -> dict[str, Any]:
        item = self.tables[TableName].get(self._place(TableName, Key))
        return {} if item is None else {"Item": deepcopy(item)}

    def put_item(
        self,
        *,
        TableName: str,
        Item: Item,
        ConditionExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, dict[str, Any]] | None = None,
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        values = ExpressionAttributeValues or {}

        def apply() -> dict[str, Any]:
            place = self._place(TableName, {name: Item[name] for name in self._keys[TableName]})
            old = self.tables[TableName].get(place)
            if not evaluate(ConditionExpression, old or {}, ExpressionAttributeNames, values):
                more = {"Item": deepcopy(old)} if old else {}
                raise refuse("ConditionalCheckFailedException", "PutItem", **more)
            if size(Item) > LARGEST_ITEM_BYTES:
                raise refuse("ValidationException", "PutItem")
            self.tables[TableName][place] = deepcopy(Item)
            return {}

        return self._faults.write(apply)  # type: ignore[no-any-return]

    def update_item(
        self,
        *,
        TableName: str,
        Key: Item,
        UpdateExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, dict[str, Any]],
        ConditionExpression: str = "",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        names, values = ExpressionAttributeNames, ExpressionAttributeValues
        used = set(re.findall(r"[#:]\w+", f"{UpdateExpression} {ConditionExpression}"))
        assert used == {*names, *values}, "DynamoDB refuses unused names and values"

        def apply() -> dict[str, Any]:
            place = self._place(TableName, Key)
            old = self.tables[TableName].get(place)
            if ConditionExpression and not evaluate(ConditionExpression, old or {}, names, values):
                more = {"Item": deepcopy(old)} if old else {}
                raise refuse("ConditionalCheckFailedException", "UpdateItem", **more)
            item = deepcopy(old) if old else deepcopy(Key)
            update(UpdateExpression, item, names, values)
            if size(item) > LARGEST_ITEM_BYTES:
                raise refuse("ValidationException", "UpdateItem")
            self.tables[TableName][place] = item
            return {}

        return self._faults.write(apply)  # type: ignore[no-any-return]

    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, dict[str, Any]],
        FilterExpression: str = "",
        ExclusiveStartKey: Item | None = None,
        ConsistentRead: bool = False,
        ScanIndexForward: bool = True,
    ) -> dict[str, Any]:
        names, values = ExpressionAttributeNames, ExpressionAttributeValues
        found = [
            (place, deepcopy(item))
            for place, item in sorted(self.tables[TableName].items(), reverse=not ScanIndexForward)
            if evaluate(KeyConditionExpression, item, names, values)
        ]
        if ExclusiveStartKey is not None:
            start = self._place(TableName, ExclusiveStartKey)
            found = [
                (place, item)
                for place, item in found
                if (place > start) is ScanIndexForward and place != start
            ]
        return self._page(TableName, found, FilterExpression, names, values)

    def scan(self, *, TableName: str, ExclusiveStartKey: Item | None = None) -> dict[str, Any]:
        found = [(place, deepcopy(item)) for place, item in sorted(self.tables[TableName].items())]
        if ExclusiveStartKey is not None:
            start = self._place(TableName, ExclusiveStartKey)
            found = [(place, item) for place, item in found if place > start]
        return self._page(TableName, found, "", {}, {})

    def _page(
        self,
        table: str,
        found: list[tuple[tuple[str, ...], Item]],
        condition: str,
        names: dict[str, str],
        values: dict[str, dict[str, Any]],
    ) -> dict[str, Any]:
        """Answer in pages of 25 items, so that callers must follow LastEvaluatedKey."""
        page = [item for _, item in found[:25]]
        shown = [item for item in page if not condition or evaluate(condition, item, names, values)]
        answer: dict[str, Any] = {"Items": shown, "Count": len(shown)}
        if len(found) > len(page):
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in self._keys[table]}
        return answer


def evaluate(
    expression: str, item: Item, names: dict[str, str], values: dict[str, dict[str, Any]]
) -> bool:
    """Return whether a condition expression holds of an item."""
    tokens, position = [], 0
    while position < len(expression.rstrip()):
        match = _TOKENS.match(expression, position)
        assert match is not None, f"unknown expression: {expression[position:]}"
        tokens.append(match[1])
        position = match.end()
    result, rest = _any_of(tokens, item, names, values)
    assert not rest, "an expression with a tail"
    return result


def _any_of(tokens: list[str], *context: Any) -> tuple[bool, list[str]]:
    result, tokens = _all_of(tokens, *context)
    while tokens and tokens[0] == "OR":
        other, tokens = _all_of(tokens[1:], *context)
        result = result or other
    return result, tokens


def _all_of(tokens: list[str], *context: Any) -> tuple[bool, list[str]]:
    result, tokens = _one(tokens, *context)
    while tokens and tokens[0] == "AND":
        other, tokens = _one(tokens[1:], *context)
        result = result and other
    return result, tokens


def _one(tokens: list[str], item: Item, names: Any, values: Any) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        result, tokens = _any_of(tokens[1:], item, names, values)
        assert tokens[0] == ")"
        return result, tokens[1:]
    if tokens[0] in ("attribute_not_exists", "attribute_exists"):
        exists = names[tokens[2]] in item
        return exists == (tokens[0] == "attribute_exists"), tokens[4:]
    if tokens[0] == "begins_with":
        value = item.get(names[tokens[2]], {}).get("S", "")
        return value.startswith(values[tokens[4]]["S"]), tokens[6:]
    if tokens[1] == "BETWEEN":
        value = item.get(names[tokens[0]], {}).get("S", "")
        return values[tokens[2]]["S"] <= value <= values[tokens[4]]["S"], tokens[5:]
    return _compare(item.get(names[tokens[0]]), tokens[1], values[tokens[2]]), tokens[3:]


def _compare(left: dict[str, Any] | None, sign: str, right: dict[str, Any]) -> bool:
    if left is None or set(left) != set(right):
        return False
    kind = next(iter(left))
    a, b = left[kind], right[kind]
    if kind == "N":
        a, b = int(a), int(b)
    return bool(_SIGNS[sign](a, b))


def update(
    expression: str, item: Item, names: dict[str, str], values: dict[str, dict[str, Any]]
) -> None:
    """Apply an update expression to an item; every value is read before the first is set."""
    old = deepcopy(item)
    parts = re.split(r"\b(SET|REMOVE|ADD)\b", expression)[1:]
    for verb, body in zip(parts[::2], parts[1::2], strict=True):
        for action in re.split(r",\s*(?![^(]*\))", body.strip()):
            if verb == "SET":
                target, _, source = action.partition(" = ")
                name = names[target.strip()]
                default = re.fullmatch(r"if_not_exists\((#\w+), (:\w+)\)", source.strip())
                if default:
                    item[name] = old.get(names[default[1]], values[default[2]])
                else:
                    item[name] = values[source.strip()]
            elif verb == "REMOVE":
                item.pop(names[action.strip()], None)
            else:
                target, placeholder = action.split()
                name = names[target]
                number = int(old.get(name, {"N": "0"})["N"]) + int(values[placeholder]["N"])
                item[name] = {"N": str(number)}


def size(item: Item) -> int:
    """Return about the size that DynamoDB bills: names and values, in bytes."""
    total = 0
    for name, value in item.items():
        for kind, content in value.items():
            total += len(name.encode())
            if kind == "N":
                total += len(content) // 2 + 1
            else:
                total += len(content if isinstance(content, bytes) else content.encode())
    return total


class _Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        return self._data


class MemoryS3:
    """One bucket."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        Metadata: dict[str, str],
        ContentType: str = "",
        IfNoneMatch: str = "",
    ) -> dict[str, Any]:
        def apply() -> dict[str, Any]:
            if IfNoneMatch == "*" and Key in self.objects:
                raise refuse("PreconditionFailed", "PutObject")
            self.objects[Key] = (bytes(Body), dict(Metadata))
            return {}

        return self._faults.write(apply)  # type: ignore[no-any-return]

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        body, metadata = self.objects[Key]
        return {"ContentLength": len(body), "Metadata": dict(metadata)}

    def get_object(self, *, Bucket: str, Key: str, IfMatch: str = "") -> dict[str, Any]:
        body = self.objects[Key][0]
        if IfMatch and IfMatch != _etag(body):
            raise refuse("PreconditionFailed", "GetObject")
        return {"Body": _Body(body)}

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, ContinuationToken: str = ""
    ) -> dict[str, Any]:
        """Answer in pages of 3 keys."""
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix)]
        keys = [key for key in keys if key > ContinuationToken]
        answer: dict[str, Any] = {
            "Contents": [
                {"Key": key, "Size": len(body), "ETag": _etag(body)}
                for key, body in ((key, self.objects[key][0]) for key in keys[:3])
            ],
            "IsTruncated": len(keys) > 3,
        }
        if len(keys) > 3:
            answer["NextContinuationToken"] = keys[2]
        return answer


def _etag(body: bytes) -> str:
    return f'"{zlib.crc32(body):08x}"'


class MemorySQS:
    """One queue."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.messages: list[str] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:
        return self._faults.write(lambda: self.messages.append(MessageBody) or {})  # type: ignore[no-any-return,func-returns-value]


class MemorySNS:
    """One topic."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.messages: list[dict[str, str]] = []

    def publish(self, *, TopicArn: str, Subject: str, Message: str) -> dict[str, Any]:
        assert len(Subject) <= 100
        assert Subject.isascii()
        message = {"TopicArn": TopicArn, "Subject": Subject, "Message": Message}
        return self._faults.write(lambda: self.messages.append(message) or {})  # type: ignore[no-any-return,func-returns-value]


def epoch(text: str) -> float:
    """Return epoch seconds of an ISO time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
