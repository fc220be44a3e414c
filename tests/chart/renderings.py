"""Values that together reach every template of the chart and every branch of it."""

from __future__ import annotations

from tests.chart.chart_values import OTHER_ROLE, REGION, ROLE

NAMESPACE = "renderings"
NODES = "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]"
RENDERINGS: dict[str, list[str]] = {
    "least": [REGION],
    "irsa": [
        REGION,
        "aws.auth.mode=irsa",
        f"aws.auth.roleArn={ROLE}",
        "networkPolicy.enabled=true",
    ],
    "projected": [
        REGION,
        "aws.auth.mode=irsa",
        f"aws.auth.roleArn={ROLE}",
        "aws.auth.projectToken=true",
        "serviceAccount.create=false",
        "serviceAccount.name=mine",
    ],
    "secret": [
        REGION,
        "aws.auth.mode=secret",
        "aws.auth.secretName=aws",
        "aws.endpointUrl=http://aws.test:4566",
        "aws.allowInsecureEndpoint=true",
        "networkPolicy.enabled=true",
        "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring",
        "networkPolicy.extraEgress[0].ports[0].port=9999",
    ],
    "pod-identity": [
        REGION,
        "aws.auth.mode=podIdentity",
        "networkPolicy.enabled=true",
        "podDisruptionBudget.minAvailable=1",
    ],
    "one-namespace": [
        "aws.allowNoRegion=true",
        f"watch.namespaces={{{NAMESPACE}}}",
        "operator.outputsConfigMap=true",
        "operator.clusterId=c",
        "rbac.pipelinesClusterWide=false",
        "rbac.readLeases=false",
        "rbac.userRoles=false",
        "crds.keep=false",
        "crds.annotations.note=ours",
    ],
    "single": [REGION, "leaderElection.enabled=false", "replicaCount=1", "crds.install=false"],
    "policies": [
        REGION,
        "admissionPolicy.enabled=true",
        "admissionPolicy.allowedRegions={eu-west-1,eu-north-1}",
        "admissionPolicy.maxShards=4",
        "admissionPolicy.denyOnDemand=true",
        "admissionPolicy.deleteGuard=true",
        f"watch.namespaces={{{NAMESPACE}}}",
    ],
    "everything": [
        REGION,
        "image.registry=registry.example.com/team/",
        f"image.digest=sha256:{'0' * 64}",
        "imagePullSecrets[0].name=pull",
        "commonLabels.team=data",
        "podLabels.cost=shared",
        "podAnnotations.note=here",
        "deploymentAnnotations.note=there",
        "priorityClassName=system-cluster-critical",
        "nodeSelector.kubernetes\\.io/os=linux",
        "tolerations[0].operator=Exists",
        f"{NODES}.weight=1",
        f"{NODES}.preference.matchExpressions[0].key=arch",
        f"{NODES}.preference.matchExpressions[0].operator=Exists",
        "extraEnv[0].name=HTTPS_PROXY",
        "extraEnv[0].value=http://proxy:3128",
        "extraVolumes[0].name=ca",
        "extraVolumes[0].configMap.name=ca",
        "extraVolumeMounts[0].name=ca",
        "extraVolumeMounts[0].mountPath=/ca",
        "metrics.service.annotations.note=yes",
        "serviceAccount.annotations.note=yes",
        "grafanaDashboards.enabled=true",
        "grafanaDashboards.annotations.folder=AWS",
        f"aws.allowedRoleArns={{{OTHER_ROLE}}}",
    ],
}
