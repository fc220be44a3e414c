// Only the CRDs in this module are used: the chart's monitors and alerts are validated by them.
module clickstream-operator/sandbox/prometheus_operator

go 1.24.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
