"""Access for commands that change a pipeline: the writer, and the question before it."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from clickstream_operator.cli.cluster import Cluster, find
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import note, waiting

if TYPE_CHECKING:
    from clickstream_operator.kube.cluster_writer import ClusterWriter
    from clickstream_operator.kube.objects import PipelineObject

_POLL_SECONDS: Final = 0.5


def writer(cluster: Cluster) -> ClusterWriter:
    """A client that changes pipelines, with the user's rights.

    Raises:
        KubernetesError: there is no such configuration.
    """
    from clickstream_operator.kube.cluster_writer import ClusterWriter  # noqa: PLC0415

    return ClusterWriter(cluster.kubeconfig, context=cluster.context, user=cluster.user)


def confirm(question: str, *, agreed: bool) -> None:
    """Ask, unless the user has agreed beforehand.

    Raises:
        CliError: nobody can be asked, or the answer is no.
    """
    if agreed:
        return
    if not sys.stdin.isatty():
        raise CliError("this needs a confirmation", "add --yes")
    if not click.confirm(question, err=True):
        raise CliError("nothing was changed")


def request_reconcile(cluster: Cluster, obj: PipelineObject) -> str:
    """Ask the operator to compare everything with AWS now; returns the request, a time.

    Raises:
        KubernetesError: the API server refused or did not answer.
    """
    from clickstream_operator.api.v1alpha1 import RECONCILE_REQUESTED_AT  # noqa: PLC0415

    asked = datetime.now(UTC).isoformat()
    writer(cluster).annotate(obj.key, RECONCILE_REQUESTED_AT, asked)
    return asked


def wait_for_answer(
    cluster: Cluster, obj: PipelineObject, asked: str, *, seconds: int
) -> PipelineObject:
    """The pipeline once the operator has answered a request.

    Raises:
        CliError: there is no answer in time.
        KubernetesError: the API server refused or did not answer.
    """
    where = f"{obj.key.namespace}/{obj.key.name}"
    end = time.monotonic() + seconds
    with waiting(f"waiting until the operator has compared {where} with AWS"):
        while obj.status.last_handled_reconcile_at != asked:
            if time.monotonic() > end:
                raise CliError(
                    f"no answer for {where} within {seconds} s",
                    "does the operator run, and does it watch this namespace? `doctor` looks",
                )
            time.sleep(_POLL_SECONDS)
            obj = find(cluster, obj.key.name)
    return obj


def set_suspended(cluster: Cluster, name: str, *, suspended: bool) -> None:
    """Set `spec.suspend` of a pipeline, and say so.

    Raises:
        CliError: there is no such pipeline.
        KubernetesError: the API server refused or did not answer.
    """
    obj = find(cluster, name)
    where = f"{obj.key.namespace}/{name}"
    state = "suspended" if suspended else "not suspended"
    if obj.spec.suspend == suspended:
        note(f"{where} is {state} already")
        return
    writer(cluster).suspend(obj.key, suspended=suspended)
    click.echo(f"{where} is {state} now")
