"""DynamoDB's conditional UpdateItem as a value: either it was done, or here is what stands there.

A refused condition is an answer, not an error. Everything else (throttling, network, access) is
raised: the whole batch again is safe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

MOST_ATTEMPTS = 25
"""Attempts at one item in one batch: each refusal means that another writer got on."""


REFUSED_ITEM = frozenset({"ValidationException", "ItemCollectionSizeLimitExceededException"})
"""Codes by which DynamoDB refuses one item for its contents, however often it is asked (DynamoDB
Developer Guide, "Error handling with DynamoDB": not to be retried)."""


class ContentionError(Exception):
    """An item was changed by others again and again; Lambda will deliver the batch once more."""


@dataclass(slots=True)
class Update:
    """One UpdateItem under construction; names and values get aliases, so no word is reserved."""

    sets: list[str] = field(default_factory=list)
    adds: list[str] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def name(self, attribute: str) -> str:
        """Return the alias of an attribute name."""
        for alias, known in self.names.items():
            if known == attribute:
                return alias
        alias = f"#a{len(self.names)}"
        self.names[alias] = attribute
        return alias

    def value(self, value: dict[str, Any]) -> str:
        """Return the placeholder of a value in DynamoDB's typed form."""
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def set(self, attribute: str, value: dict[str, Any]) -> None:
        """Set an attribute."""
        self.sets.append(f"{self.name(attribute)} = {self.value(value)}")

    def set_if_absent(self, attribute: str, value: dict[str, Any]) -> None:
        """Set an attribute that the item does not have."""
        name = self.name(attribute)
        self.sets.append(f"{name} = if_not_exists({name}, {self.value(value)})")

    def add(self, attribute: str, number: int) -> None:
        """Add to a number, which starts at 0."""
        self.adds.append(f"{self.name(attribute)} {self.value({'N': str(number)})}")

    def remove(self, attribute: str) -> None:
        """Remove an attribute."""
        self.removes.append(self.name(attribute))

    def require(self, condition: str) -> None:
        """Add a condition; all must hold."""
        self.conditions.append(f"({condition})")

    def require_value(self, attribute: str, value: dict[str, Any] | None) -> None:
        """Require that an attribute has a value, or with None that it is absent."""
        name = self.name(attribute)
        if value is None:
            self.require(f"attribute_not_exists({name})")
        else:
            self.require(f"{name} = {self.value(value)}")

    def request(self, table: str, key: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of `update_item`."""
        clauses = (("SET", self.sets), ("REMOVE", self.removes), ("ADD", self.adds))
        request: dict[str, Any] = {
            "TableName": table,
            "Key": key,
            "UpdateExpression": " ".join(
                f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts
            ),
            "ExpressionAttributeNames": self.names,
            "ExpressionAttributeValues": self.values,
        }
        if self.conditions:
            request["ConditionExpression"] = " AND ".join(self.conditions)
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return request


def apply_update(dynamodb: Any, request: dict[str, Any]) -> dict[str, Any] | None:
    """Do a conditional UpdateItem. None: done. Else the item that refused it, empty if absent."""
    try:
        dynamodb.update_item(**request)
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        item: dict[str, Any] = error.response.get("Item", {})
        return item
    return None


def error_code(error: ClientError) -> str:
    """Return the AWS error code."""
    return str(error.response.get("Error", {}).get("Code", ""))
