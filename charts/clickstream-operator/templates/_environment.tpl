{{/* The environment of the operator: a list, as in a Pod. Each variable is a setting of the operator
     (docs/reference/settings.md) or one that every AWS SDK knows. */}}

{{- define "clickstream.env" -}}
- name: CLICKSTREAM_INSTANCE
  value: {{ include "clickstream.instance" . | quote }}
{{- with .Values.operator.clusterId }}
- name: CLICKSTREAM_CLUSTER_ID
  value: {{ . | quote }}
{{- end }}
- name: CLICKSTREAM_LEADER_ELECTION
  value: {{ .Values.leaderElection.enabled | quote }}
- name: CLICKSTREAM_LEASE_NAMESPACE
  value: {{ include "clickstream.leaseNamespace" . | quote }}
- name: CLICKSTREAM_LEASE_SECONDS
  value: {{ .Values.leaderElection.seconds | int | quote }}
{{- with .Values.aws.region }}
- name: CLICKSTREAM_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.watch.namespaces }}
- name: CLICKSTREAM_WATCH_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.watch.labelSelector }}
- name: CLICKSTREAM_WATCH_LABEL_SELECTOR
  value: {{ . | quote }}
{{- end }}
- name: CLICKSTREAM_WORKERS
  value: {{ .Values.operator.workers | int | quote }}
- name: CLICKSTREAM_ROLLOUT_MAX_PARALLEL
  value: {{ .Values.operator.rolloutMaxParallel | int | quote }}
- name: CLICKSTREAM_AWS_THREADS
  value: {{ .Values.aws.threads | int | quote }}
- name: CLICKSTREAM_RATE_LIMITS
  value: {{ .Values.aws.rateLimits | quote }}
{{- with .Values.operator.packages }}
- name: CLICKSTREAM_PACKAGES
  value: {{ . | quote }}
{{- end }}
{{- with .Values.aws.account }}
- name: CLICKSTREAM_ACCOUNT
  value: {{ ternary . (printf "%012d" (int64 .)) (kindIs "string" .) | quote }}
{{- end }}
{{- with .Values.aws.permissionsBoundaryArn }}
- name: CLICKSTREAM_PERMISSIONS_BOUNDARY
  value: {{ . | quote }}
{{- end }}
{{- if include "clickstream.hasTenants" . }}
- name: CLICKSTREAM_TENANTS
  value: /etc/clickstream/tenants/tenants.yaml
{{- end }}
- name: CLICKSTREAM_OUTPUTS_CONFIG_MAP
  value: {{ .Values.operator.outputsConfigMap | quote }}
- name: CLICKSTREAM_FUNCTION_RUNTIME
  value: {{ .Values.operator.functionRuntime | quote }}
- name: CLICKSTREAM_BUCKET_NAMESPACE
  value: {{ .Values.aws.bucketNamespace | quote }}
- name: CLICKSTREAM_LISTEN_HOST
  value: {{ .Values.operator.listenHost | quote }}
- name: CLICKSTREAM_LISTEN_PORT
  value: {{ .Values.metrics.port | int | quote }}
- name: CLICKSTREAM_LOG_LEVEL
  value: {{ .Values.operator.logLevel | quote }}
{{- with .Values.aws.endpointUrl }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- if ne .Values.aws.auth.mode "ambient" }}
# Where the chosen way fails, the role of the node is not used in its place.
- name: AWS_EC2_METADATA_DISABLED
  value: "true"
{{- end }}
{{- if eq .Values.aws.auth.mode "secret" }}
{{- range $variable := list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "AWS_SESSION_TOKEN" }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.aws.auth.secretName }}
      key: {{ $variable }}
      optional: {{ eq $variable "AWS_SESSION_TOKEN" }}
{{- end }}
{{- end }}
{{- if .Values.aws.auth.projectToken }}
- name: AWS_ROLE_ARN
  value: {{ .Values.aws.auth.roleArn | quote }}
- name: AWS_WEB_IDENTITY_TOKEN_FILE
  value: /var/run/secrets/clickstream.dev/aws/token
- name: AWS_ROLE_SESSION_NAME
  value: {{ include "clickstream.fullname" . | quote }}
{{- end }}
{{- end }}

{{/* What a Pod with that environment needs besides: used by the operator and by helm test. */}}
{{- define "clickstream.podSecurityContext" -}}
{{- $context := deepCopy .Values.podSecurityContext }}
{{- if or (eq .Values.openShift "always") (and (eq .Values.openShift "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) }}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}
{{- end }}
{{- toYaml $context }}
{{- end }}

{{- define "clickstream.securityContext" -}}
{{- toYaml .Values.securityContext }}
{{- end }}

{{/* How the Pods reach the network. */}}
{{- define "clickstream.podNetwork" -}}
{{- $policy := default (ternary "ClusterFirstWithHostNet" "" .Values.hostNetwork) .Values.dnsPolicy }}
{{- if .Values.hostNetwork }}
hostNetwork: true
{{- end }}
{{- with $policy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Secrets for the registry: of the chart, and those that a parent chart shares. */}}
{{- define "clickstream.imagePullSecrets" -}}
{{- $secrets := .Values.imagePullSecrets }}
{{- range (default dict .Values.global).imagePullSecrets }}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) }}
{{- end }}
{{- with uniq $secrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "clickstream.volumes" -}}
- name: tmp
  emptyDir: {}
{{- if include "clickstream.hasTenants" . }}
- name: tenants
  configMap:
    name: {{ include "clickstream.fullname" . }}-tenants
{{- end }}
{{- if .Values.aws.auth.projectToken }}
- name: aws-token
  projected:
    sources:
      - serviceAccountToken:
          audience: {{ .Values.aws.auth.audience | quote }}
          expirationSeconds: 3600
          path: token
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "clickstream.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if include "clickstream.hasTenants" . }}
# The whole folder, so that an upgrade of the values arrives without a restart.
- name: tenants
  mountPath: /etc/clickstream/tenants
  readOnly: true
{{- end }}
{{- if .Values.aws.auth.projectToken }}
- name: aws-token
  mountPath: /var/run/secrets/clickstream.dev/aws
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}
