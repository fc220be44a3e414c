"""`bug-report`: an archive for whoever is to help, without persons, accounts and secrets."""

from __future__ import annotations

import io
import json
import platform
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.cluster import (
    Cluster,
    cluster_options,
    complete_pipelines,
    find,
    listed,
)
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import note, waiting

if TYPE_CHECKING:
    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.kube.objects import PipelineObject

_LINES: Final = 2000
_HOURS: Final = 1


@click.command("bug-report", cls=Command)
@click.argument("name", required=False, shell_complete=complete_pipelines)
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="Pipelines of every namespace.")
@click.option("--no-aws", is_flag=True, help="Leave out the functions' logs.")
@click.option("--profile", help="Profile of the AWS credential.")
@click.option(
    "-f", "--file", "file", type=click.Path(dir_okay=False), help="File to write. Default: by time."
)
def command(
    name: str | None,
    *,
    cluster: Cluster,
    all_namespaces: bool,
    no_aws: bool,
    profile: str | None,
    file: str | None,
) -> None:
    """Write an archive for whoever is to help, redacted.

    Versions, findings about the cluster, pipelines with status, Events, the operator's Deployment
    and log, and the last hour of the functions' logs. Accounts, e-mail and IP addresses, keys,
    tokens, and values named like secrets are replaced by stand-ins. What could not be read is
    listed in the archive. Look through it before you send it.
    """
    from clickstream_operator.cli.redaction import Redactor  # noqa: PLC0415

    now = datetime.now(UTC)
    path = Path(file or f"clickstream-bug-report-{now:%Y%m%d-%H%M%S}.tar.gz")
    if path.exists():
        raise CliError(f"{path} is there already", "choose another with --file")
    redactor = Redactor()
    files: dict[str, str] = {}
    missing: dict[str, str] = {}

    def put(inner: str, make: Callable[[], Any]) -> None:
        """Add a part; one that can't be read stands in the list of missing parts with its error."""
        try:
            made = make()
        except Exception as error:  # noqa: BLE001 - each part may fail alone, and is told
            missing[inner] = redactor.text(f"{type(error).__name__}: {error}")
            return
        files[inner] = (
            redactor.text(made)
            if isinstance(made, str)
            else json.dumps(redactor.document(made), indent=2, ensure_ascii=False) + "\n"
        )

    with waiting("collecting"):
        pipelines = [find(cluster, name)] if name else []
        put("tool.json", _tool)
        put("cluster.json", lambda: _findings(cluster))
        _of_cluster(cluster, put)
        if not name:
            put("pipelines.json", lambda: _keep(pipelines, cluster, all_namespaces))
        for one in pipelines:
            stem = f"{one.key.namespace}-{one.key.name}"
            put(f"{stem}/pipeline.json", partial(_trimmed, one.body))
            put(f"{stem}/events.json", partial(_events, cluster, one))
            if not no_aws and one.status.effective is not None:
                put(f"{stem}/functions.log", partial(_logs, one, now, profile))
    files["missing.json"] = json.dumps(missing, indent=2) + "\n"
    _write(path, files, now)
    click.echo(str(path))
    replaced = (
        ", ".join(f"{count} {kind}" for kind, count in redactor.counts().items()) or "nothing"
    )
    note(f"{len(files)} files, replaced: {replaced}; look through it before you send it")
    for inner, why in missing.items():
        note(f"without {inner}: {why}")


def _tool() -> dict[str, str]:
    from clickstream_operator.cli.skew import client_version  # noqa: PLC0415

    return {
        "version": client_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _findings(cluster: Cluster) -> list[dict[str, str]]:
    from clickstream_operator.cli.cluster_checks import cluster_findings  # noqa: PLC0415

    return [one.document() for one in cluster_findings(cluster.reader(), cluster.namespace)]


def _of_cluster(cluster: Cluster, put: Callable[[str, Callable[[], Any]], None]) -> None:
    """The operator's Deployments, and the logs of their Pods."""
    found: list[dict[str, Any]] = []

    def deployments() -> list[Any]:
        found.extend(cluster.reader().operators())
        return [_trimmed(one) for one in found]

    put("operator.json", deployments)
    for one in found:
        namespace = one["metadata"]["namespace"]
        put(f"operator-{namespace}.log", partial(_operator_log, cluster, namespace))


def _operator_log(cluster: Cluster, namespace: str) -> str:
    reader = cluster.reader()
    return "".join(
        f"== {name}\n{reader.pod_log(namespace, name, lines=_LINES)}\n"
        for name in reader.operator_pods(namespace)
    )


def _keep(
    pipelines: list[PipelineObject],
    cluster: Cluster,
    all_namespaces: bool,  # noqa: FBT001 - as given
) -> list[str]:
    """Names of the pipelines, which are put one by one."""
    pipelines += listed(cluster, all_namespaces=all_namespaces)
    return [f"{one.key.namespace}/{one.key.name}" for one in pipelines]


def _events(cluster: Cluster, obj: PipelineObject) -> list[Any]:
    return [_trimmed(one) for one in cluster.reader().events(obj.key.namespace, name=obj.key.name)]


def _logs(obj: PipelineObject, now: datetime, profile: str | None) -> str:
    from clickstream_operator.cli import aws, function_logs  # noqa: PLC0415

    async def work(session: ReadOnlySession, effective: Effective) -> list[function_logs.Line]:
        since = now - timedelta(hours=_HOURS)
        functions = tuple(function_logs.GROUPS)
        return await function_logs.read(session, effective, functions, since=since, until=now)

    found = aws.of_pipeline(obj, work, profile=profile)
    return "".join(f"{json.dumps(line.document(), ensure_ascii=False)}\n" for line in found)


def _trimmed(body: Any) -> dict[str, Any]:
    """An object without its managed fields."""
    metadata = {k: v for k, v in body["metadata"].items() if k != "managedFields"}
    return {**body, "metadata": metadata}


def _write(path: Path, files: dict[str, str], now: datetime) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for inner, text in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(f"{path.name.removesuffix('.tar.gz')}/{inner}")
            entry.size, entry.mtime = len(data), int(now.timestamp())
            archive.addfile(entry, io.BytesIO(data))
