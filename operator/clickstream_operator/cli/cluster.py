"""Access to the cluster for commands that only look: options, objects, and errors in one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from clickstream_operator.cli.errors import CliError, nearest

if TYPE_CHECKING:
    from clickstream_operator.kube.cluster_reader import ClusterReader
    from clickstream_operator.kube.objects import PipelineObject

_FEW: Final = 5


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster that a person chose, by kubectl's options."""

    kubeconfig: Path | None = None
    context: str | None = None
    user: str | None = None
    """Impersonated user."""
    chosen_namespace: str | None = None

    @property
    def namespace(self) -> str:
        """The namespace given, else that of the kubeconfig's context."""
        from clickstream_operator.kube.connection import own_namespace  # noqa: PLC0415

        return self.chosen_namespace or own_namespace(self.kubeconfig, context=self.context)

    def reader(self) -> ClusterReader:
        """A client that can't write.

        Raises:
            KubernetesError: there is no such configuration.
        """
        from clickstream_operator.kube.cluster_reader import (  # noqa: PLC0415
            ClusterReader,
            reading,
        )

        return ClusterReader(reading(self.kubeconfig, context=self.context, user=self.user))


def cluster_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``-n --context --kubeconfig --as`` as the parameter `cluster`; its errors become one line."""

    @wraps(function)
    def with_cluster(
        *arguments: Any,
        namespace: str | None,
        context: str | None,
        kubeconfig: str | None,
        user: str | None,
        **options: Any,
    ) -> Any:
        from clickstream_operator.kube.errors import KubernetesError  # noqa: PLC0415

        chosen = kubeconfig or os.environ.get("KUBECONFIG")
        cluster = Cluster(Path(chosen) if chosen else None, context, user, namespace)
        try:
            return function(*arguments, cluster=cluster, **options)
        except KubernetesError as error:
            raise CliError(str(error), _remedy(error)) from error

    wrapped: Callable[..., Any] = with_cluster
    for option in (
        click.option("--as", "user", metavar="USER", help="User to impersonate in the cluster."),
        click.option("--kubeconfig", metavar="FILE", help="Kubeconfig. Default: KUBECONFIG."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig."),
        click.option("-n", "--namespace", help="Namespace. Default: that of the context."),
    ):
        wrapped = option(wrapped)
    return wrapped


def _remedy(error: Exception) -> str:
    if getattr(error, "forbidden", False):
        return "ask for that right, for example by the chart's user roles"
    if "does not answer" in str(error):
        return "is it the right --context, and does `kubectl version` reach it?"
    return ""


def complete_pipelines(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of pipelines for a shell; none where the cluster does not answer."""
    given = context.params
    chosen = given.get("kubeconfig") or os.environ.get("KUBECONFIG")
    cluster = Cluster(
        Path(chosen) if chosen else None, given.get("context"), given.get("user"),
        given.get("namespace"),
    )  # fmt: skip
    try:
        found = cluster.reader().pipelines(cluster.namespace)
    except Exception:  # noqa: BLE001 - a shell that completes shows no error
        return []
    names = (one["metadata"]["name"] for one in found)
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def find(cluster: Cluster, name: str) -> PipelineObject:
    """A live pipeline.

    Raises:
        CliError: it does not exist; the nearest name is suggested.
        KubernetesError: the API server refused or did not answer.
    """
    from clickstream_operator.kube.objects import ObjectKey, parse  # noqa: PLC0415

    reader = cluster.reader()
    key = ObjectKey(cluster.namespace, name)
    body = reader.get(key)
    if body is not None:
        return parse(key, body)
    names = [one["metadata"]["name"] for one in reader.pipelines(key.namespace)]
    near = nearest(name, names)
    if near:
        remedy = f"did you mean {near}?"
    elif names:
        remedy = f"there are {', '.join(names[:_FEW])}{' and more' if names[_FEW:] else ''}"
    else:
        remedy = "it has no pipeline; choose another namespace with -n"
    raise CliError(f"no pipeline {name} in namespace {key.namespace}", remedy)


def listed(
    cluster: Cluster, *, all_namespaces: bool = False, selector: str = ""
) -> list[PipelineObject]:
    """The live pipelines of the namespace, or of all, by namespace and name.

    Raises:
        KubernetesError: the API server refused or did not answer.
    """
    from clickstream_operator.kube.objects import ObjectKey, parse  # noqa: PLC0415

    namespace = "" if all_namespaces else cluster.namespace
    return [
        parse(ObjectKey(body["metadata"]["namespace"], body["metadata"]["name"]), body)
        for body in cluster.reader().pipelines(namespace, selector=selector)
    ]
