"""The pipelines among the objects of manifests, each known to be valid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.manifest.documents import Document
from clickstream_operator.cli.manifest.schema import faults_of, is_pipeline


def pipelines(documents: Iterable[Document]) -> tuple[list[Document], int]:
    """The pipelines among some documents, and the number of other objects."""
    every = list(documents)
    found = [one for one in every if is_pipeline(one.body)]
    return found, len(every) - len(found)


def key_of(body: Any) -> str:
    """``namespace/name`` of an object, without the namespace where it names none."""
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(metadata, dict):
        return ""
    namespace, name = metadata.get("namespace"), metadata.get("name", "")
    return f"{namespace}/{name}" if namespace else str(name)


def valid_pipelines(documents: Iterable[Document]) -> list[tuple[Document, Spec]]:
    """The pipelines among some documents, each with its spec.

    Raises:
        CliError: there is none, or one has a fault.
    """
    found, _ = pipelines(documents)
    if not found:
        raise CliError("no ClickstreamPipeline in these manifests", "name the files that have them")
    for one in found:
        for fault in faults_of(one.body):
            where = f"{one.source}:{one.line_of(fault.path)}"
            raise CliError(f"{where}: {fault}", "`validate -f` shows all faults")
    return [(one, Spec.model_validate(one.body.get("spec") or {})) for one in found]
