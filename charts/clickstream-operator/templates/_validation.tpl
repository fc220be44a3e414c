{{/* Combinations that the schema can't judge. Each error says what to set instead. */}}

{{- define "clickstream.validate" -}}
{{- $aws := .Values.aws }}
{{- $auth := $aws.auth }}
{{- if and (not $aws.region) (not $aws.allowNoRegion) }}
{{- fail "aws.region is empty: set it to the region of pipelines that name none, for example --set aws.region=eu-west-1; or set aws.allowNoRegion=true if every pipeline names its own" }}
{{- end }}
{{- if and (hasPrefix "http://" $aws.endpointUrl) (not $aws.allowInsecureEndpoint) }}
{{- fail (printf "aws.endpointUrl %s is not encrypted: use https, or set aws.allowInsecureEndpoint=true for an emulator" $aws.endpointUrl) }}
{{- end }}
{{- if and (eq $auth.mode "irsa") (not $auth.roleArn) }}
{{- fail "aws.auth.mode is irsa and aws.auth.roleArn is empty: set it to the ARN of the operator's role, or use mode podIdentity, secret or ambient" }}
{{- end }}
{{- if and (ne $auth.mode "irsa") $auth.roleArn }}
{{- fail (printf "aws.auth.roleArn has no effect with aws.auth.mode %s: set aws.auth.mode=irsa, or remove it%s" $auth.mode (ternary "; with podIdentity the association names the role" "" (eq $auth.mode "podIdentity"))) }}
{{- end }}
{{- if and (eq $auth.mode "irsa") (not .Values.serviceAccount.create) (not $auth.projectToken) }}
{{- fail "aws.auth.mode is irsa and serviceAccount.create is false, so the chart can't annotate the ServiceAccount: set aws.auth.projectToken=true; or annotate it yourself with eks.amazonaws.com/role-arn and set aws.auth.mode=ambient" }}
{{- end }}
{{- if and (ne $auth.mode "irsa") $auth.projectToken }}
{{- fail "aws.auth.projectToken needs aws.auth.mode=irsa and aws.auth.roleArn: set both, or remove it" }}
{{- end }}
{{- if and (eq $auth.mode "secret") (not $auth.secretName) }}
{{- fail "aws.auth.mode is secret and aws.auth.secretName is empty: set it to a Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the namespace of the release" }}
{{- end }}
{{- if and (ne $auth.mode "secret") $auth.secretName }}
{{- fail (printf "aws.auth.secretName has no effect with aws.auth.mode %s: set aws.auth.mode=secret, or remove it" $auth.mode) }}
{{- end }}
{{- range .Values.tenants }}
{{- if and $auth.roleArn (regexMatch (include "clickstream.anyOf" .functionRoles) $auth.roleArn) }}
{{- fail "tenants[].functionRoles allows aws.auth.roleArn: functions would run with the operator's own rights; narrow tenants[].functionRoles" }}
{{- end }}
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
{{- fail "serviceAccount.create is false and serviceAccount.name is empty: name the ServiceAccount to use, so that no rights go to the namespace's default one" }}
{{- end }}
{{- if and .Values.watch.labelSelector (regexMatch "^\\s|\\s$|^,|,$|,\\s*," .Values.watch.labelSelector) }}
{{- fail (printf "watch.labelSelector %q has an empty part: write it as for kubectl -l, for example team=shop,tier in (web, app)" .Values.watch.labelSelector) }}
{{- end }}
{{- if and .Values.operator.outputsConfigMap (not .Values.watch.namespaces) }}
{{- fail "operator.outputsConfigMap would need rights on all ConfigMaps of the cluster: set watch.namespaces, so that it needs them only there" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
{{- fail "metrics.serviceMonitor.enabled and metrics.podMonitor.enabled are both true: everything would be counted twice; enable one" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.service.create) }}
{{- fail "metrics.serviceMonitor.enabled needs the Service: set metrics.service.create=true, or use metrics.podMonitor.enabled" }}
{{- end }}
{{- if and .Values.tests.enabled (not .Values.metrics.service.create) }}
{{- fail "helm test asks the operator through its Service: set metrics.service.create=true, or tests.enabled=false" }}
{{- end }}
{{- range $key := list "helm.sh/chart" "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "app.kubernetes.io/part-of" "app.kubernetes.io/component" }}
{{- if hasKey $.Values.commonLabels $key }}
{{- fail (printf "commonLabels sets %s, which the chart sets: remove it (nameOverride changes the name)" $key) }}
{{- end }}
{{- if hasKey $.Values.podLabels $key }}
{{- fail (printf "podLabels sets %s, which the chart sets: remove it (nameOverride changes the name)" $key) }}
{{- end }}
{{- end }}
{{- $name := include "clickstream.fullname" . }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
{{- fail (printf "%s can't name a Service, which begins with a letter and has letters, digits and dashes only: set fullnameOverride" $name) }}
{{- end }}
{{- range .Values.extraVolumes }}
{{- if has .name (list "tmp" "tenants" "aws-token") }}
{{- fail (printf "extraVolumes has %s, which the chart has itself: give it another name" .name) }}
{{- end }}
{{- end }}
{{- range concat .Values.extraContainers .Values.initContainers }}
{{- if eq .name "operator" }}
{{- fail "extraContainers or initContainers has a container named operator, which is the chart's own: give it another name" }}
{{- end }}
{{- end }}
{{- if and (eq .Values.dnsPolicy "None") (not .Values.dnsConfig.nameservers) }}
{{- fail "dnsPolicy None needs dnsConfig.nameservers: set them, or another dnsPolicy" }}
{{- end }}
{{- if and .Values.hostNetwork .Values.networkPolicy.enabled }}
{{- fail "hostNetwork is true, and no NetworkPolicy applies to the network of the node: set networkPolicy.enabled=false, or hostNetwork=false" }}
{{- end }}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.leaderElection.enabled) }}
{{- fail (printf "replicaCount %d without leader election: all Pods would work at once; set leaderElection.enabled=true, or replicaCount=1" (int .Values.replicaCount)) }}
{{- end }}
{{- include "clickstream.validateDisruptionBudget" . }}
{{- include "clickstream.validateAdmission" . }}
{{- include "clickstream.validateExtraEnv" . }}
{{- end }}

{{- define "clickstream.validateDisruptionBudget" -}}
{{- $budget := .Values.podDisruptionBudget }}
{{- if and $budget.enabled (ge (int .Values.replicaCount) 2) }}
{{- if and (eq (toString $budget.minAvailable) "") (has (toString $budget.maxUnavailable) (list "0" "0%")) }}
{{- fail "podDisruptionBudget.maxUnavailable 0 would block every drain of a node: set it to 1" }}
{{- end }}
{{- /* Rounded up, as Kubernetes does. */}}
{{- if and (hasSuffix "%" (toString $budget.minAvailable)) (ge (ceil (divf (mulf (trimSuffix "%" (toString $budget.minAvailable)) .Values.replicaCount) 100)) (float64 .Values.replicaCount)) }}
{{- fail (printf "podDisruptionBudget.minAvailable %s of %d Pods would block every drain of a node: set it lower, or use maxUnavailable" $budget.minAvailable (int .Values.replicaCount)) }}
{{- end }}
{{- if and (ne (toString $budget.minAvailable) "") (not (hasSuffix "%" (toString $budget.minAvailable))) (ge (int $budget.minAvailable) (int .Values.replicaCount)) }}
{{- fail (printf "podDisruptionBudget.minAvailable %s of %d Pods would block every drain of a node: set it below replicaCount" (toString $budget.minAvailable) (int .Values.replicaCount)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "clickstream.validateAdmission" -}}
{{- $policy := .Values.admissionPolicy }}
{{- if $policy.enabled }}
{{- if not (or $policy.allowedRegions $policy.maxShards $policy.denyOnDemand $policy.deleteGuard $policy.approvalGuard .Values.tenants) }}
{{- fail "admissionPolicy.enabled without a rule: set allowedRegions, maxShards, denyOnDemand, deleteGuard, approvalGuard or tenants, or set admissionPolicy.enabled=false" }}
{{- end }}
{{- if and $policy.allowedRegions .Values.aws.region (not (has .Values.aws.region $policy.allowedRegions)) }}
{{- fail (printf "admissionPolicy.allowedRegions lacks aws.region %s, where pipelines without spec.region are made: add it, or change aws.region" .Values.aws.region) }}
{{- end }}
{{- if and (has "Deny" $policy.actions) (has "Warn" $policy.actions) }}
{{- fail "admissionPolicy.actions has Deny and Warn, which Kubernetes does not accept together: remove one" }}
{{- end }}
{{- else if or $policy.allowedRegions $policy.maxShards $policy.denyOnDemand $policy.deleteGuard $policy.approvalGuard }}
{{- fail "a rule of admissionPolicy is set but admissionPolicy.enabled is false, so nothing would enforce it: set admissionPolicy.enabled=true" }}
{{- end }}
{{- end }}

{{- define "clickstream.validateExtraEnv" -}}
{{- $set := dict }}
{{- range include "clickstream.env" . | fromYamlArray }}{{ $_ := set $set .name true }}{{ end }}
{{- range .Values.extraEnv }}
{{- if hasKey $set .name }}
{{- fail (printf "extraEnv sets %s, which the chart sets from its own values: use that value instead (the table in the chart's README names it)" .name) }}
{{- end }}
{{- end }}
{{- end }}
