{{/* Names and labels. */}}

{{- define "clickstream.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "clickstream.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains (include "clickstream.name" .) .Release.Name }}
{{- .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "clickstream.name" .) | trunc 53 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What is not in a namespace carries the release's, so that two releases do not share it. */}}
{{- define "clickstream.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "clickstream.fullname" .) }}
{{- end }}

{{- define "clickstream.serviceAccountName" -}}
{{- default (include "clickstream.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "clickstream.image" -}}
{{- $name := .Values.image.repository }}
{{- with default (default dict .Values.global).imageRegistry .Values.image.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end }}
{{- $name = printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- with .Values.image.digest }}{{ $name = printf "%s@%s" $name . }}{{ end }}
{{- $name }}
{{- end }}

{{- define "clickstream.selectorLabels" -}}
app.kubernetes.io/name: {{ include "clickstream.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Labels of everything; component is left to the object. */}}
{{- define "clickstream.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "clickstream.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: clickstream-operator
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The labels of an object with its own ones, which win: the root, then a map. */}}
{{- define "clickstream.labelsWith" -}}
{{- mergeOverwrite (include "clickstream.labels" (index . 0) | fromYaml) (deepCopy (index . 1)) | toYaml }}
{{- end }}

{{- define "clickstream.instance" -}}
{{- default (include "clickstream.fullname" .) .Values.operator.instance }}
{{- end }}

{{- define "clickstream.leaseNamespace" -}}
{{- default .Release.Namespace .Values.leaderElection.namespace }}
{{- end }}
