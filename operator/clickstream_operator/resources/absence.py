"""Calls that may meet nothing: AWS's "not found" as None instead of an error."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from clickstream_operator.aws.errors import AwsError, Category


async def found(call: Awaitable[dict[str, Any]]) -> dict[str, Any] | None:
    """The answer of `call`; None when AWS says that the thing is not there.

    Raises:
        AwsError: every other failure.
    """
    try:
        return await call
    except AwsError as error:
        if error.category is not Category.NOT_FOUND:
            raise
        return None
