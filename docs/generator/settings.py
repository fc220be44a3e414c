"""Every setting of the operator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic_core import PydanticUndefined

from clickstream_operator.settings import Settings
from docs.generator.markdown import code, page, table


def settings_page() -> str:
    """Every environment variable of the operator."""
    rows = []
    for name, info in Settings.model_fields.items():
        kind, bounds = _type_of(info.annotation)
        for mark in info.metadata:
            bounds += [
                f"{sign} {getattr(mark, key)}"
                for key, sign in (
                    ("ge", "at least"),
                    ("le", "at most"),
                    ("min_length", "at least"),
                    ("max_length", "at most"),
                )
                if getattr(mark, key, None) is not None
            ]
        default = info.default
        if default is PydanticUndefined or default in ("", ()):
            shown = "empty"
        else:
            shown = code(str(default).lower() if isinstance(default, bool) else str(default))
        unit = " characters" if kind == "text" and bounds else ""
        limits = f", {' and '.join(bounds)}{unit}" if bounds else ""
        rows.append((code(f"CLICKSTREAM_{name.upper()}"), kind + limits, shown, info.description))
    return page(
        "Settings of the operator",
        "The operator reads environment variables, once, at its start.\n"
        "A wrong value ends it with exit code 2 and one line that names the variable.\n\n"
        "Credentials and endpoints are boto3's own variables: `AWS_REGION`, "
        "`AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`, `AWS_ENDPOINT_URL` and so on.\n"
        "`KUBECONFIG` names a kubeconfig; without it the Pod's ServiceAccount is used.\n\n"
        + table(("variable", "value", "default", "meaning"), rows),
    )


def _type_of(annotation: Any) -> tuple[str, list[str]]:
    """Name of a type for readers, with its bounds."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(code(str(one)) for one in get_args(annotation)), []
    if get_origin(annotation) is Mapping:
        return "JSON object", []
    if get_origin(annotation) is tuple:
        return "list, separated by commas", []
    if isinstance(annotation, UnionType):  # pragma: no cover - no setting is optional
        raise TypeError(f"{annotation}: say here how a union is called")
    kinds = {str: "text", int: "whole number", bool: "`true` or `false`", Path: "path"}
    return kinds[annotation], []
