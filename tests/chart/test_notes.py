"""What `helm install` tells the user; test_releases.py runs the commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from sandbox import Sandbox
from sandbox.programs import helm
from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, REGION, ROLE, options
from tests.chart.notes import commands


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([REGION], ["the whole cluster", "region       eu-west-1", "Pod Identity"]),
        ([REGION, "aws.auth.mode=ambient"], ["on the node"]),
        ([REGION, "metrics.serviceMonitor.enabled=true"], ["namespace of Prometheus"]),
        (
            ["aws.allowNoRegion=true", "watch.namespaces={shop,web}"],
            ["namespaces shop, web", "none: every pipeline", "apply -n shop", "region: REGION"],
        ),
        (
            [REGION, "watch.labelSelector=team=shop"],
            ["pipelines with team=shop", "labels: {LABELS THAT MATCH team=shop}"],
        ),
        (
            [REGION, "aws.auth.mode=irsa", f"aws.auth.roleArn={ROLE}", "tests.enabled=false"],
            [f"IRSA, {ROLE}", "!Something wrong?"],
        ),
        ([REGION, "aws.auth.mode=podIdentity"], ["create-pod-identity-association"]),
        (
            [REGION, "crds.install=false"],
            ["apply crds/clickstreampipelines.yaml before each upgrade", "!kubectl delete crd"],
        ),
        ([REGION, "crds.keep=false"], ["!kubectl delete crd"]),
        ([REGION, "prometheusRule.enabled=true"], ["ClickstreamOperatorDown fires until"]),
        (
            [REGION, "prometheusRule.enabled=true", "metrics.podMonitor.enabled=true"],
            ["!ClickstreamOperatorDown fires until"],
        ),
    ],
)
def test_they_fit_the_values(
    cluster: Sandbox, tmp_path: Path, pairs: list[str], words: list[str]
) -> None:
    """Scope, region, identity and CRD are told as they were chosen; `!` marks what is not told."""
    runner = Helm(helm.MAJORS[-1], home=tmp_path, kubeconfig=cluster.kubeconfig)
    where = ["--namespace", "default", "--dry-run=client"]
    notes = runner.run("install", "notes", str(CHART), *where, *options(*pairs)).stdout
    notes = notes.partition("\nNOTES:\n")[2]
    assert len(commands(notes, "Next:")) == 3
    for word in words:
        assert (word.removeprefix("!") in notes) is not word.startswith("!"), word
    (manifest,) = re.findall(r"echo '(.*?)' \| kubectl apply", notes)
    assert yaml.safe_load(manifest)["kind"] == "ClickstreamPipeline"
