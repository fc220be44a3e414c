"""DynamoDB in memory: the calls that the pipeline makes, with its conditions, limits and bills.

Arguments and answers are boto3's. Items are never changed in place, so answers share their values.
"""

# ruff: noqa: N803 - arguments are named as boto3 names them.
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from simulator.expressions import (
    ExpressionError,
    Item,
    Value,
    check_aliases,
    compile_condition,
    compile_update,
)
from simulator.usage import Usage, item_size

#: DynamoDB Developer Guide, "Constraints in Amazon DynamoDB".
LARGEST_ITEM_BYTES: Final = 400 * 1024
LONGEST_PARTITION_KEY: Final = 2048
LONGEST_SORT_KEY: Final = 1024
_MOST_DIGITS: Final = 38
#: AWS answers in pages of 1 MB; these are smaller, so that callers must follow LastEvaluatedKey.
_PAGE_ITEMS: Final = 25

Place = tuple[str, ...]


def aws_error(code: str, operation: str, **more: Any) -> ClientError:
    """Return the error that boto3 raises for an AWS error code."""
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, operation)


class Tables:
    """The tables of one account; `keys` names each table's key attributes, partition key first.

    Args:
        keys: key attributes by table name.
        usage: where costs are counted.
        stale: asked at each eventually consistent read whether it shall see items as they were
            before their last write (Developer Guide, "DynamoDB read consistency").
    """

    def __init__(
        self,
        keys: Mapping[str, tuple[str, ...]],
        usage: Usage | None = None,
        stale: Callable[[], bool] = lambda: False,
    ) -> None:
        self.usage = usage or Usage()
        self.tables: dict[str, dict[Place, Item]] = {name: {} for name in keys}
        self.refuses: Callable[[str, Item], bool] = lambda _table, _key: False
        self._keys = dict(keys)
        self._stale = stale
        self._before: dict[tuple[str, Place], Item | None] = {}

    def items(self, table: str) -> list[Item]:
        """Return all items of a table."""
        return list(self.tables[table].values())

    def get_item(
        self, *, TableName: str, Key: Item, ConsistentRead: bool = False
    ) -> dict[str, Any]:
        """GetItem."""
        place = self._place("GetItem", TableName, Key)
        item = self.tables[TableName].get(place)
        if not ConsistentRead and (TableName, place) in self._before and self._stale():
            item = self._before[TableName, place]
        size = 0 if item is None else item_size(item)
        self.usage.read("get_item", TableName, size, consistent=ConsistentRead)
        return {} if item is None else {"Item": dict(item)}

    def put_item(
        self,
        *,
        TableName: str,
        Item: Item,
        ConditionExpression: str = "",
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Value] | None = None,
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        """PutItem."""
        key = {name: Item[name] for name in self._keys[TableName] if name in Item}
        return self._write(
            "PutItem",
            TableName,
            key,
            lambda _old: dict(Item),
            condition=ConditionExpression,
            expressions=ConditionExpression,
            names=ExpressionAttributeNames or {},
            values=ExpressionAttributeValues or {},
            with_old=ReturnValuesOnConditionCheckFailure == "ALL_OLD",
        )

    def delete_item(
        self,
        *,
        TableName: str,
        Key: Item,
        ConditionExpression: str = "",
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Value] | None = None,
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        """DeleteItem."""
        return self._write(
            "DeleteItem",
            TableName,
            Key,
            lambda _old: None,
            condition=ConditionExpression,
            expressions=ConditionExpression,
            names=ExpressionAttributeNames or {},
            values=ExpressionAttributeValues or {},
            with_old=ReturnValuesOnConditionCheckFailure == "ALL_OLD",
        )

    def update_item(
        self,
        *,
        TableName: str,
        Key: Item,
        UpdateExpression: str,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Value] | None = None,
        ConditionExpression: str = "",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        """UpdateItem; every value is read before the first is set."""
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        try:
            update = compile_update(UpdateExpression)
        except ExpressionError as error:
            raise _invalid("UpdateItem", str(error)) from error
        if any(names.get(target) in self._keys[TableName] for target in update.targets):
            raise _invalid("UpdateItem", "an update cannot change the key")

        def changed(old: Item | None) -> Item:
            before = old or {}
            after = dict(old or Key)
            for action in update.actions:
                action(before, after, names, values)
            return after

        return self._write(
            "UpdateItem",
            TableName,
            Key,
            changed,
            condition=ConditionExpression,
            expressions=f"{UpdateExpression} {ConditionExpression}",
            names=names,
            values=values,
            with_old=ReturnValuesOnConditionCheckFailure == "ALL_OLD",
        )

    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeNames: Mapping[str, str],
        ExpressionAttributeValues: Mapping[str, Value],
        FilterExpression: str = "",
        ExclusiveStartKey: Item | None = None,
        ConsistentRead: bool = False,
        ScanIndexForward: bool = True,
        Limit: int = _PAGE_ITEMS,
    ) -> dict[str, Any]:
        """Query."""
        names, values = ExpressionAttributeNames, ExpressionAttributeValues
        try:
            check_aliases(f"{KeyConditionExpression} {FilterExpression}", names, values)
            wanted = compile_condition(KeyConditionExpression)
            found = [
                (place, item)
                for place, item in self.tables[TableName].items()
                if wanted(item, names, values)
            ]
            found.sort(
                key=lambda each: [part.encode() for part in each[0]], reverse=not ScanIndexForward
            )
            return self._page(
                "query",
                TableName,
                found,
                start=ExclusiveStartKey,
                limit=Limit,
                consistent=ConsistentRead,
                shown=lambda item: (
                    not FilterExpression or compile_condition(FilterExpression)(item, names, values)
                ),
            )
        except ExpressionError as error:
            raise _invalid("Query", str(error)) from error

    def scan(
        self,
        *,
        TableName: str,
        FilterExpression: str = "",
        ProjectionExpression: str = "",
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExclusiveStartKey: Item | None = None,
        ConsistentRead: bool = False,
        Limit: int = _PAGE_ITEMS,
    ) -> dict[str, Any]:
        """Scan."""
        names = ExpressionAttributeNames or {}
        try:
            check_aliases(f"{FilterExpression} {ProjectionExpression}", names, {})
            wanted = compile_condition(FilterExpression) if FilterExpression else None
        except ExpressionError as error:
            raise _invalid("Scan", str(error)) from error
        answer = self._page(
            "scan",
            TableName,
            sorted(self.tables[TableName].items()),
            start=ExclusiveStartKey,
            limit=Limit,
            consistent=ConsistentRead,
            shown=lambda item: wanted is None or wanted(item, names, {}),
        )
        if ProjectionExpression:
            kept = {names[alias.strip()] for alias in ProjectionExpression.split(",")}
            answer["Items"] = [
                {name: value for name, value in item.items() if name in kept}
                for item in answer["Items"]
            ]
        return answer

    def _page(
        self,
        operation: str,
        table: str,
        found: list[tuple[Place, Item]],
        *,
        start: Item | None,
        limit: int,
        consistent: bool,
        shown: Callable[[Item], bool],
    ) -> dict[str, Any]:
        if start is not None:
            places = [place for place, _ in found]
            found = found[places.index(self._place(operation, table, start)) + 1 :]
        page = [item for _, item in found[: min(limit, _PAGE_ITEMS)]]
        size = sum(map(item_size, page))
        self.usage.read(operation, table, size, consistent=consistent)
        seen = page
        if not consistent and self._stale():
            known = [self._before.get((table, place), item) for place, item in found[: len(page)]]
            seen = [item for item in known if item is not None]
        items = [dict(item) for item in seen if shown(item)]
        answer: dict[str, Any] = {"Items": items, "Count": len(items), "ScannedCount": len(page)}
        if len(found) > len(page):
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in self._keys[table]}
        return answer

    def _write(
        self,
        operation: str,
        table: str,
        key: Item,
        change: Callable[[Item | None], Item | None],
        *,
        condition: str,
        expressions: str,
        names: Mapping[str, str],
        values: Mapping[str, Value],
        with_old: bool,
    ) -> dict[str, Any]:
        place = self._place(operation, table, key)
        if self.refuses(table, key):
            raise _invalid(operation, "this item is refused")
        old = self.tables[table].get(place)
        method = {"UpdateItem": "update_item", "PutItem": "put_item"}.get(operation, "delete_item")
        old_size = 0 if old is None else item_size(old)
        try:
            check_aliases(expressions, names, values)
            if condition and not compile_condition(condition)(old or {}, names, values):
                self.usage.write(method, table, old_size)
                more = {"Item": dict(old)} if with_old and old is not None else {}
                raise aws_error("ConditionalCheckFailedException", operation, **more)
            new = change(old)
        except ExpressionError as error:
            raise _invalid(operation, str(error)) from error
        new_size = 0 if new is None else self._checked_size(operation, new)
        self.usage.write(method, table, max(old_size, new_size))
        self._before[table, place] = old
        if new is None:
            self.tables[table].pop(place, None)
        else:
            self.tables[table][place] = new
        return {}

    def _checked_size(self, operation: str, item: Item) -> int:
        for name, value in item.items():
            if len(value) != 1:
                raise _invalid(operation, f"{name} has {len(value)} types")
            if "N" in value and len(value["N"].lstrip("-").replace(".", "")) > _MOST_DIGITS:
                raise _invalid(operation, f"{name} is a number of more than {_MOST_DIGITS} digits")
        size = item_size(item)
        if size > LARGEST_ITEM_BYTES:
            raise _invalid(operation, "Item size has exceeded the maximum allowed size")
        return size

    def _place(self, operation: str, table: str, key: Item) -> Place:
        if table not in self._keys:
            raise aws_error("ResourceNotFoundException", operation)
        names = self._keys[table]
        if set(key) != set(names):
            raise _invalid(operation, f"the key of {table} is {names}, not {sorted(key)}")
        limits = (LONGEST_PARTITION_KEY, LONGEST_SORT_KEY)
        place = []
        for name, limit in zip(names, limits, strict=False):
            text = key[name].get("S", "")
            if not 0 < len(text.encode()) <= limit:
                raise _invalid(operation, f"{name} must have 1 to {limit} bytes of text")
            place.append(text)
        return tuple(place)


def _invalid(operation: str, message: str) -> ClientError:
    error = aws_error("ValidationException", operation)
    error.args = (f"{operation}: {message}",)
    return error
