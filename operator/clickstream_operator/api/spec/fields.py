"""Types of fields: strings with a form, lists, and the rules in their schema."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from clickstream_operator.api import collector_validation as collector_rules
from clickstream_operator.api import rule
from clickstream_operator.api import validation as rules


class Form:
    """Form of a string in its type, which both the API server and the models check."""

    def __init__(self, form: rule.Form) -> None:
        self._form = form
        self._compiled = re.compile(form.pattern)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Check the form after type and length."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add the CEL rule to those of the schema."""
        written = handler(schema)
        already = written.get("x-kubernetes-validations", [])
        return {**written, "x-kubernetes-validations": [*already, self._form.as_rule().as_schema()]}

    def _check(self, value: str) -> str:
        if not self._compiled.fullmatch(value):
            raise ValueError(f"must be {self._form.words}")
        return value


Timestamp = Annotated[str, Field(max_length=64), Form(rules.TIMESTAMP)]
Region = Annotated[str, Field(max_length=32), Form(rules.REGION)]
Environment = Annotated[str, Field(max_length=20), Form(rules.ENVIRONMENT)]
RoleArn = Annotated[str, Field(max_length=600), Form(rules.ROLE_ARN)]
TopicArn = Annotated[str, Field(max_length=400), Form(rules.TOPIC_ARN)]
ActionArn = Annotated[str, Field(max_length=1024), Form(rules.ACTION_ARN)]
KmsKey = Annotated[str, Field(max_length=400), Form(rules.KMS_KEY)]
Email = Annotated[str, Field(max_length=320), Form(rules.EMAIL)]
StreamName = Annotated[str, Field(max_length=128), Form(rules.STREAM_NAME)]
BucketName = Annotated[str, Field(max_length=63), Form(rules.BUCKET_NAME)]
TableName = Annotated[str, Field(max_length=255), Form(rules.TABLE_NAME)]
MetricName = Annotated[str, Field(max_length=255), Form(rules.METRIC_NAME)]
RuleName = Annotated[str, Field(max_length=63), Form(rules.DETECTION_RULE)]
MemberName = Annotated[str, Field(min_length=1, max_length=128), Form(rules.MEMBER)]
Origin = Annotated[str, Field(max_length=300), Form(collector_rules.ORIGIN)]
ScriptPath = Annotated[str, Field(max_length=128), Form(collector_rules.SCRIPT_PATH)]
SecretArn = Annotated[str, Field(max_length=1100), Form(collector_rules.SECRET_ARN)]
HeaderName = Annotated[str, Field(max_length=64), Form(collector_rules.HEADER)]
MemberPath = Annotated[str, Field(min_length=1, max_length=256), Form(rules.MEMBER)]


def validations(*entries: rule.Rule) -> dict[str, Any]:
    """CEL rules as extra of a schema."""
    return {"x-kubernetes-validations": [entry.as_schema() for entry in entries]}


def atomic_list(default: list[Any], *, max_items: int) -> Any:
    """A list that is replaced as a whole.

    With server-side apply a default item of a set or map list can never be removed, so every list
    with a default is atomic.
    """
    return Field(
        default_factory=lambda: list(default),
        max_length=max_items,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


def set_list(*, max_items: int) -> Any:
    """A list without default, to which several owners may add items."""
    return Field(
        default_factory=list,
        max_length=max_items,
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


def map_list(*, max_items: int) -> Any:
    """A list of objects keyed by ``name``, without default."""
    return Field(
        default_factory=list,
        max_length=max_items,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
