"""Pipelines under a real Argo CD: what it shows, what it heals, what it removes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.programs.argocd import NAMESPACE
from tests.gitops.cluster import Cluster, Repository

pytestmark = pytest.mark.gitops

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
GUARD = {"argocd.argoproj.io/sync-options": "Prune=confirm,Delete=confirm"}


def manifest(name: str, spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A pipeline as a person commits it: without namespace, the application says where."""
    return {
        "apiVersion": "clickstream.dev/v1alpha1",
        "kind": "ClickstreamPipeline",
        "metadata": {"name": name, **metadata},
        "spec": spec or {},
    }


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty repository."""
    return Repository(tmp_path / "pipelines")


def test_a_commit_becomes_a_pipeline_and_an_edit_reaches_aws(
    cluster: Cluster, repository: Repository
) -> None:
    """Sync, health at each phase, an edit, and drift of the object healed from git."""
    repository.commit(web=manifest("web", {"stream": {"retentionHours": 24}}))
    cluster.application("commit", repository)
    cluster.settles("commit", "Synced", "Healthy")
    assert cluster.seen["commit"][-2:] == ["Progressing", "Healthy"]
    assert cluster.health("commit", "web")[0] == "Healthy"
    assert cluster.retention("commit", "web") == 24
    repository.commit(
        web=manifest(
            "web",
            {"stream": {"retentionHours": 25}, "tables": {"ttl": {"sessionMetricsHours": 49}}}
            | {"tables": {"ttl": {"sessionMetricsHours": 49, "countersHours": 49}}},
        )
    )
    cluster.refresh("commit")
    cluster.waits(lambda: cluster.retention("commit", "web") == 25, lambda: cluster.state("commit"))
    cluster.settles("commit", "Synced", "Healthy")
    # By hand, against git: Argo CD takes the object back, the operator AWS.
    lifetimes = {"ttl": {"sessionMetricsHours": 50, "countersHours": 50}}
    patch = json.dumps({"spec": {"stream": {"retentionHours": 26}, "tables": lifetimes}})
    before = cluster.pipeline("commit", "web")
    assert before is not None
    # One patch: Argo CD may take back the first of two before the second comes.
    cluster.sandbox.kubectl("patch", "csp", "web", "-n", "commit", "--type=merge", "-p", patch)

    def healed() -> bool:
        body = cluster.pipeline("commit", "web")
        assert body is not None
        return bool(
            body["metadata"]["generation"] > before["metadata"]["generation"]
            and body["spec"]["stream"]["retentionHours"] == 25
            and cluster.retention("commit", "web") == 25
        )

    cluster.waits(healed, lambda: cluster.pipeline("commit", "web"))
    cluster.settles("commit", "Synced", "Healthy")


MODES: dict[str, dict[str, Any]] = {
    "client-side": {},
    "server-side": {"options": ["ServerSideApply=true"]},
    "as-shipped": {
        "options": ["ServerSideApply=true"],
        "annotations": {"argocd.argoproj.io/compare-options": "ServerSideDiff=false"},
    },
    "server-side-diff": {
        "options": ["ServerSideApply=true"],
        "annotations": {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"},
    },
}


@pytest.mark.parametrize("mode", MODES)
def test_examples_stay_synced_after_reconciling(
    cluster: Cluster, repository: Repository, mode: str
) -> None:
    """No `ignoreDifferences` is needed, however Argo CD compares."""
    for path in EXAMPLES:
        body = yaml.safe_load(path.read_text())
        del body["metadata"]["namespace"]
        # One account, one region: what is tested is the diff, not where it is created.
        body["spec"].pop("region", None)
        # Explicit names belong to one pipeline only, and each mode has a pipeline of its own.
        given = body["spec"].get("names", {})
        given.update({kind: f"{name}-{mode}"[-63:] for kind, name in given.items()})
        repository.commit(**{path.stem.replace("-", "_"): body})
    cluster.application(mode, repository, **MODES[mode])

    def reconciled() -> bool:
        listed = cluster.sandbox.kubectl("get", "csp", "-n", mode, "-o", "json").stdout
        bodies = json.loads(listed)["items"]
        return len(bodies) == len(EXAMPLES) and all(
            body["status"]["observedGeneration"] == body["metadata"]["generation"]
            and body["status"].get("resources")
            for body in bodies
        )

    cluster.waits(reconciled, lambda: cluster.state(mode))
    cluster.refresh(mode)
    cluster.waits(
        lambda: cluster.state(mode)["sync"]["status"] == "Synced", lambda: cluster.state(mode)
    )
    for _ in range(2):
        cluster.hard_refresh(mode)
        out_of_sync = {
            one["name"]: one["status"]
            for one in cluster.state(mode)["resources"]
            if one["status"] != "Synced"
        }
        assert out_of_sync == {}


def test_a_misspelt_field_stays_visible(cluster: Cluster, repository: Repository) -> None:
    """As the examples are shipped, the sync fails and names the field, also after a refresh."""
    repository.commit(web=manifest("web"))
    cluster.application("misspelt", repository, **MODES["as-shipped"])
    cluster.settles("misspelt", "Synced", "Healthy")
    repository.commit(web=manifest("web", {"environmnt": "dev"}))
    cluster.refresh("misspelt")

    def refused() -> bool:
        state = cluster.state("misspelt")
        message = state.get("operationState", {}).get("message", "")
        return state["sync"]["status"] == "OutOfSync" and ".spec.environmnt" in message

    cluster.waits(refused, lambda: cluster.state("misspelt"))
    cluster.hard_refresh("misspelt")
    cluster.waits(refused, lambda: cluster.state("misspelt"))
    assert cluster.state("misspelt")["sync"]["status"] == "OutOfSync"


@pytest.mark.parametrize("name", ["pipelines.yaml", "applicationset.yaml"])
def test_the_examples_compare_without_a_dry_run(name: str) -> None:
    """A failed server-side diff is cached by Argo CD and then passes for a clean comparison."""
    body = yaml.safe_load((ROOT / "examples" / "gitops" / "argocd" / name).read_text())
    application = body["spec"].get("template", body)
    options = application["metadata"]["annotations"]["argocd.argoproj.io/compare-options"]
    assert options == "ServerSideDiff=false"
    source = application["spec"]["syncPolicy"]["syncOptions"]
    assert "ServerSideApply=true" in source


def test_what_cannot_work_is_degraded_and_says_why(
    cluster: Cluster, repository: Repository
) -> None:
    """A stalled pipeline shows as Degraded, with the operator's words; its mending heals it."""
    role = {"credentials": {"roleArn": "arn:aws:iam::123456789012:role/not-on-the-list"}}
    repository.commit(web=manifest("web", role))
    cluster.application("degraded", repository)
    cluster.settles("degraded", "Synced", "Degraded")
    body = cluster.pipeline("degraded", "web")
    assert body is not None
    stalled = next(one for one in body["status"]["conditions"] if one["type"] == "Stalled")
    assert cluster.health("degraded", "web") == ("Degraded", stalled["message"])
    repository.commit(web=manifest("web"))
    cluster.refresh("degraded")
    cluster.settles("degraded", "Synced", "Healthy")


def test_actions_of_the_page(cluster: Cluster, repository: Repository) -> None:
    """Suspend, resume and reconcile as a person does from Argo CD; git is not out of step."""
    repository.commit(web=manifest("web"))
    cluster.application("actions", repository)
    cluster.settles("actions", "Synced", "Healthy")

    def act(action: str) -> None:
        cluster.argocd.run(
            "app",
            "actions",
            "run",
            "actions",
            action,
            "--kind",
            "ClickstreamPipeline",
            "--group",
            "clickstream.dev",
            "--resource-name",
            "web",
        )

    act("suspend")
    cluster.settles("actions", "Synced", "Suspended")
    act("resume")
    cluster.settles("actions", "Synced", "Healthy")
    act("reconcile")

    def handled() -> bool:
        body = cluster.pipeline("actions", "web")
        assert body is not None
        asked = body["metadata"]["annotations"]["clickstream.dev/reconcile-requested-at"]
        return bool(body["status"].get("lastHandledReconcileAt") == asked)

    cluster.waits(handled, lambda: cluster.pipeline("actions", "web"))
    cluster.settles("actions", "Synced", "Healthy")
    with pytest.raises(subprocess.CalledProcessError):
        act("explode")


def test_deep_links_lead_to_aws(cluster: Cluster, repository: Repository) -> None:
    """The page of a pipeline links its dashboard and its stream."""
    repository.commit(web=manifest("web"))
    cluster.application("links", repository)
    cluster.settles("links", "Synced", "Healthy")
    body = cluster.pipeline("links", "web")
    assert body is not None
    links = cluster.argocd.links("links", namespace="links", name="web")
    assert links["Dashboard (CloudWatch)"] == body["status"]["outputs"]["cloudwatchDashboardUrl"]
    assert body["status"]["outputs"]["kinesisStreamName"] in links["Stream (Kinesis)"]


def test_a_guarded_removal_waits_for_a_person(cluster: Cluster, repository: Repository) -> None:
    """`Prune=confirm`: the pipeline lives until the application says that it may go."""
    repository.commit(web=manifest("web", annotations=GUARD), other=manifest("other"))
    cluster.application("removal", repository)
    cluster.settles("removal", "Synced", "Healthy")
    stream = (cluster.pipeline("removal", "web") or {})["status"]["outputs"]["kinesisStreamName"]
    repository.commit(web=None)
    cluster.refresh("removal")

    def waiting() -> bool:
        operation = cluster.state("removal").get("operationState", {})
        return operation.get("phase") == "Running" and "confirm" in operation.get("message", "")

    cluster.waits(waiting, lambda: cluster.state("removal"))
    body = cluster.pipeline("removal", "web")
    assert body is not None
    assert "deletionTimestamp" not in body["metadata"]
    now = cluster.sandbox.kubectl(
        "get",
        "application",
        "removal",
        "-n",
        NAMESPACE,
        "-o",
        "jsonpath={.status.operationState.startedAt}",
    ).stdout
    # Approval: a time at or after the one at which the operation began to wait.
    later = now.replace("Z", "")[:4]
    cluster.annotate(
        "application/removal",
        NAMESPACE,
        f"argocd.argoproj.io/deletion-approved={int(later) + 1}{now[4:]}",
    )
    cluster.waits(
        lambda: cluster.pipeline("removal", "web") is None, lambda: cluster.state("removal")
    )
    assert stream not in cluster.aws("kinesis").list_streams()["StreamNames"]
    cluster.settles("removal", "Synced", "Healthy")


def test_a_blocked_deletion_stays_progressing_and_is_told_elsewhere(
    cluster: Cluster, repository: Repository
) -> None:
    """Argo CD never shows a deletion as Degraded: the status and an Event say what blocks it."""
    spec = {"deletionPolicy": {"archive": "Delete"}}
    repository.commit(web=manifest("web", spec), other=manifest("other"))
    cluster.application("blocked", repository)
    cluster.settles("blocked", "Synced", "Healthy")
    bucket = (cluster.pipeline("blocked", "web") or {})["status"]["outputs"]["s3BucketName"]
    cluster.aws("s3").put_object(Bucket=bucket, Key="raw/one", Body=b"1")
    repository.commit(web=None)
    cluster.refresh("blocked")

    def stalled() -> bool:
        body = cluster.pipeline("blocked", "web") or {}
        conditions = body.get("status", {}).get("conditions", [])
        return any(one["type"] == "Stalled" for one in conditions)

    cluster.waits(stalled, lambda: cluster.pipeline("blocked", "web"))
    cluster.waits(
        lambda: cluster.verdict("blocked")[1] == "Progressing", lambda: cluster.state("blocked")
    )
    assert cluster.health("blocked", "web")[0] == "Progressing"
    events = json.loads(
        cluster.sandbox.kubectl("get", "events", "-n", "blocked", "-o", "json").stdout
    )["items"]
    assert "DeletionBlocked" in {event["reason"] for event in events}
    cluster.aws("s3").delete_object(Bucket=bucket, Key="raw/one")
    for version in cluster.aws("s3").list_object_versions(Bucket=bucket).get("Versions", []):
        cluster.aws("s3").delete_object(
            Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"]
        )
    for marker in cluster.aws("s3").list_object_versions(Bucket=bucket).get("DeleteMarkers", []):
        cluster.aws("s3").delete_object(
            Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"]
        )
    cluster.annotate("csp/web", "blocked", "clickstream.dev/reconcile-requested-at=now")
    cluster.waits(
        lambda: cluster.pipeline("blocked", "web") is None,
        lambda: cluster.pipeline("blocked", "web"),
    )


def test_the_chart_itself_is_synced_and_stays_so(cluster: Cluster, repository: Repository) -> None:
    """As the example installs it: everything of the chart is there, and nothing differs later."""
    repository.add(ROOT / "charts" / "clickstream-operator")
    example = yaml.safe_load((ROOT / "examples/gitops/argocd/operator.yaml").read_text())["spec"]
    cluster.application(
        "chart",
        repository,
        source={"path": "clickstream-operator", "helm": example["source"]["helm"]},
        options=example["syncPolicy"]["syncOptions"],
        automated=example["syncPolicy"]["automated"],
    )

    def synced() -> bool:
        return bool(cluster.state("chart").get("sync", {}).get("status") == "Synced")

    cluster.waits(synced, lambda: cluster.state("chart"))
    for _ in range(2):
        cluster.hard_refresh("chart")
        resources = cluster.state("chart")["resources"]
        assert {one["name"] for one in resources if one["status"] != "Synced"} == set()
    kinds = {one["kind"] for one in resources}
    assert {"CustomResourceDefinition", "Deployment", "ClusterRole", "ServiceAccount"} <= kinds
    # By hand, against git.
    cluster.sandbox.kubectl(
        "scale", "deployment/chart-clickstream-operator", "-n", "chart", "--replicas=1"
    )

    def healed() -> bool:
        found = cluster.sandbox.kubectl(
            "get", "deployment", "chart-clickstream-operator", "-n", "chart", "-o", "json"
        ).stdout
        replicas: int = json.loads(found)["spec"]["replicas"]
        return replicas == 2

    cluster.waits(healed, lambda: cluster.state("chart"))
