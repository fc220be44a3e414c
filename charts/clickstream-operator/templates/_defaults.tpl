{{/* The values as the other templates may rely on them: each of values.yaml is there, and none is null.

     A values file can leave a key empty, and `helm upgrade --reuse-values` renders with the values of the
     old release alone, without the defaults of a newer chart. Both are as if the key had not been set.
     Inside a map or a list that is one value (resources, labels, tolerations) an empty key is left out, as
     everywhere in Helm: the way to remove a default such as resources.limits. */}}

{{/* Completes .Values in place; every template that reads a value begins with it. */}}
{{- define "clickstream.defaults" -}}
{{- include "clickstream.dropNulls" .Values }}
{{- range $path, $default := .Files.Get "files/defaults.yaml" | fromYaml }}
{{- $node := $.Values }}
{{- $keys := splitList "." $path }}
{{- range initial $keys }}
{{- if not (hasKey $node .) }}{{ $_ := set $node . dict }}{{ end }}
{{- $node = get $node . }}
{{- end }}
{{- if not (hasKey $node (last $keys)) }}{{ $_ := set $node (last $keys) $default }}{{ end }}
{{- end }}
{{- end }}

{{/* Takes out of a map, in place, the keys at every depth that are null. */}}
{{- define "clickstream.dropNulls" -}}
{{- $map := . }}
{{- range $key, $value := $map }}
{{- if kindIs "invalid" $value }}
{{- $_ := unset $map $key }}
{{- else if kindIs "map" $value }}
{{- include "clickstream.dropNulls" $value }}
{{- else if kindIs "slice" $value }}
{{- range $value }}{{ if kindIs "map" . }}{{ include "clickstream.dropNulls" . }}{{ end }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
