"""Access for commands that change a pipeline: the writer, and the question before it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from clickstream_operator.cli.cluster import Cluster, find
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import note

if TYPE_CHECKING:
    from clickstream_operator.kube.cluster_writer import ClusterWriter


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
