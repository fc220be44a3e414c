{{/* The tenants as the API server can judge them: CEL from the patterns of the entries. */}}

{{- define "clickstream.hasTenants" -}}
{{- if or .Values.tenants .Values.operator.formerClusters }}true{{ end }}
{{- end }}

{{/* A regular expression for a list of patterns, in which * stands for any characters. */}}
{{- define "clickstream.anyOf" -}}
{{- $parts := list }}
{{- range . }}{{ $parts = append $parts (regexQuoteMeta . | replace "\\*" ".*") }}{{ end }}
{{- if $parts }}^({{ join "|" $parts }})$
{{- else }}^()$
{{- end }}
{{- end }}

{{/* The number of the entry of the object's namespace; -1: none. */}}
{{- define "clickstream.tenantNumber" -}}
{{- range $number, $entry := . -}}
request.namespace.matches(r'{{ include "clickstream.anyOf" $entry.namespaces }}') ? {{ $number }} : {{ end }}-1
{{- end }}

{{/* Refuse a value of one entry: (entry's number, field, setting, patterns, values in CEL). */}}
{{- define "clickstream.tenantList" }}
- expression: >-
    variables.tenant != {{ .number }} || ({{ .values }}).all(value, value.matches(r'{{ include "clickstream.anyOf" .patterns }}'))
  message: >-
    {{ .field }} is not allowed in this namespace; list it in tenants[].{{ .setting }} (the operator's administrator sets it), or use another
  reason: Forbidden
{{- end }}

{{- define "clickstream.tenantCeiling" }}
- expression: >-
    variables.tenant != {{ .number }} || ({{ .values }}).all(value, value <= {{ int .most }})
  message: >-
    {{ .field }} is above the {{ int .most }} of tenants[].limits.{{ .ceiling }} (the operator's administrator sets it); set it lower
  reason: Forbidden
{{- end }}

{{/* CEL for the value of an optional field as a list of at most one. */}}
{{- define "clickstream.celField" -}}
has(object.spec.{{ .parent }}) && has(object.spec.{{ .parent }}.{{ .field }}) ? [object.spec.{{ .parent }}.{{ .field }}] : []
{{- end }}

{{- define "clickstream.tenantValidations" -}}
{{- range $number, $entry := . }}
{{- $limits := default dict $entry.limits }}
{{- if hasKey $entry "ownCredential" }}{{ if not $entry.ownCredential }}
- expression: variables.tenant != {{ $number }} || has(object.spec.credentials)
  message: >-
    spec.credentials.roleArn is unset, and tenants[].ownCredential is false for this namespace (the operator's administrator sets it); set it to one of tenants[].operatorRoles
  reason: Forbidden
{{- end }}{{ end }}
{{- range $field := list (list "credentials" "roleArn" "operatorRoles") (list "processor" "roleArn" "functionRoles") (list "anomalyDetection" "roleArn" "functionRoles") (list "anomalyDetection" "schedulerRoleArn" "functionRoles") }}
{{- $path := dict "parent" (index $field 0) "field" (index $field 1) }}
{{- include "clickstream.tenantList" (dict "number" $number "field" (printf "spec.%s.%s" (index $field 0) (index $field 1)) "setting" (index $field 2) "patterns" (index $entry (index $field 2)) "values" (include "clickstream.celField" $path)) }}
{{- end }}
{{- /* No pattern opens the topic of another pipeline: it is listed in full. */}}
{{- $whole := list }}
{{- range $entry.topics }}{{ if not (contains "*" .) }}{{ $whole = append $whole . }}{{ end }}{{ end }}
{{- $topic := include "clickstream.celField" (dict "parent" "alerts" "field" "topicArn") }}
{{- include "clickstream.tenantList" (dict "number" $number "field" "spec.alerts.topicArn" "setting" "topics" "patterns" $entry.topics "values" (printf "(%s).filter(topic, !topic.matches(r'-[a-z2-7]{8}-alerts$'))" $topic)) }}
{{- include "clickstream.tenantList" (dict "number" $number "field" "spec.alerts.topicArn, the topic of a pipeline," "setting" "topics" "patterns" $whole "values" (printf "(%s).filter(topic, topic.matches(r'-[a-z2-7]{8}-alerts$'))" $topic)) }}
{{- include "clickstream.tenantList" (dict "number" $number "field" "a member of spec.alarms.actionArns" "setting" "alarmActions" "patterns" $entry.alarmActions "values" "has(object.spec.alarms) && has(object.spec.alarms.actionArns) ? object.spec.alarms.actionArns : []") }}
{{- range list "stream" "tables" "archive" "deadLetter" "alerts" "logs" }}
{{- $key := include "clickstream.celField" (dict "parent" . "field" "kmsKeyId") }}
{{- include "clickstream.tenantList" (dict "number" $number "field" (printf "spec.%s.kmsKeyId" .) "setting" "kmsKeys" "patterns" (append (default list $entry.kmsKeys) "alias/aws/*") "values" $key) }}
{{- end }}
{{- include "clickstream.tenantList" (dict "number" $number "field" "the domain of a member of spec.alerts.emails" "setting" "emailDomains" "patterns" (default (list "*") $entry.emailDomains) "values" "(has(object.spec.alerts) && has(object.spec.alerts.emails) ? object.spec.alerts.emails : []).map(mail, mail.lowerAscii().split('@')[1])") }}
{{- include "clickstream.tenantList" (dict "number" $number "field" "spec.region" "setting" "regions" "patterns" (default (list "*") $entry.regions) "values" "has(object.spec.region) ? [object.spec.region] : []") }}
{{- with $limits.shards }}
{{- include "clickstream.tenantCeiling" (dict "number" $number "most" . "ceiling" "shards" "field" "spec.stream.shards" "values" "object.spec.stream.mode == 'Provisioned' ? [object.spec.stream.shards] : []") }}
{{- include "clickstream.tenantCeiling" (dict "number" $number "most" . "ceiling" "shards" "field" "spec.stream.autoscaling.maxShards" "values" "has(object.spec.stream.autoscaling) ? [object.spec.stream.autoscaling.maxShards] : []") }}
{{- end }}
{{- if hasKey $limits "onDemandStreams" }}{{ if not $limits.onDemandStreams }}
- expression: variables.tenant != {{ $number }} || object.spec.stream.mode != 'OnDemand'
  message: spec.stream.mode OnDemand is not allowed by tenants[].limits.onDemandStreams (the operator's administrator sets it); use Provisioned
  reason: Forbidden
{{- end }}{{ end }}
{{- with $limits.tableUnits }}
{{- include "clickstream.tenantCeiling" (dict "number" $number "most" . "ceiling" "tableUnits" "field" "spec.tables.provisioned.readUnits or writeUnits" "values" "has(object.spec.tables.provisioned) ? [object.spec.tables.provisioned.readUnits, object.spec.tables.provisioned.writeUnits] : []") }}
{{- end }}
{{- with $limits.memoryMiB }}
{{- include "clickstream.tenantCeiling" (dict "number" $number "most" . "ceiling" "memoryMiB" "field" "memoryMiB of spec.processor or spec.anomalyDetection" "values" "[object.spec.processor.memoryMiB, object.spec.anomalyDetection.memoryMiB]") }}
{{- end }}
{{- if hasKey $limits "reservedConcurrency" }}
{{- range list "processor" "anomalyDetection" }}
{{- include "clickstream.tenantCeiling" (dict "number" $number "most" $limits.reservedConcurrency "ceiling" "reservedConcurrency" "field" (printf "spec.%s.reservedConcurrency" .) "values" (include "clickstream.celField" (dict "parent" . "field" "reservedConcurrency"))) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
